"""Radioiodine in free text: which activity was given, as opposed to planned, refused or summed.

The last resort. A sentence counts only if it says that iodine was given; plans, refusals, limits
and sums over several treatments are what reports mostly hold beside it. The unit is captured with
the number: "5.5 GBq" read as 5.5 mCi is the known mistake of such miners.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from adapter.mapping.clauses import sentences
from adapter.mapping.clinical_text import Assertion, events, kinds_of_cue
from adapter.mapping.numerals import readings

_NUCLIDE = re.compile(
    r"\b(?:[IJ]|iodine|iodide|(?:natrium)?[ij]odid|iod|jod|iodo)[\s-]?(123|124|125|131)\b"
    r"|\b(123|124|125|131)[\s-]?(?:[IJ]|iodine|iodo?|jod)\b",
    re.IGNORECASE,
)
_OTHER_NUCLIDE = re.compile(
    r"\b(?:lu(?:tetium)?[\s-]?177|177[\s-]?lu|ra(?:dium)?[\s-]?223|y(?:ttrium)?[\s-]?90|tc[\s-]?99m?"
    r"|99m?[\s-]?tc|f[\s-]?18|18[\s-]?f)\b",
    re.IGNORECASE,
)
# Iodine on a carrier goes elsewhere than to the thyroid.
_CARRIED = re.compile(r"\b(?:mibg|iobenguane|tositumomab|iodohippurate)\b", re.IGNORECASE)
_IODINE = re.compile(r"\b(?:RAI|RJT)\b")
_ANY_CASE_IODINE = re.compile(
    r"\b(?:radio[\s-]?iodine|radioactive iodine|radio[\s-]?[ij]od\w*|iodo radioativo"
    r"|iodoterapia)\b",
    re.IGNORECASE,
)
# "several": in 100-150 mCi, 2 x 100 mCi, 3 700 MBq or >100 mCi the number is not the activity.
_ACTIVITY = re.compile(
    r"(?P<several>\d\s*(?:[-\u2013+&x\u00d7]|to|bis|até)\s*"
    r"|(?<!\b19\d)(?<!\b20\d)\d\s*(?:a|or|oder|ou|and|und|e)\s*"
    r"|(?<![\w.,-])\d\d?\s(?=\d{3}\s*M)"
    r"|(?:[<>≤≥]|\b(?:more|less) than|\bat (?:least|most)|\bover|\bup to|\bmehr als|\bbis(?: zu)?"
    r"|\bmindestens|\bmais de|\bmenos de|\baté|\bmax\w*\.?)\s*)?"
    r"(?P<value>\d+(?:[.,]\d+)*)\s*-?\s*"
    r"(?P<unit>mCi|millicuries?|[µμu]Ci|GBq|gigabecquerels?|MBq|megabecquerels?)\b",
    re.IGNORECASE,
)
ACTIVITY_HINTS = ("mci", "millicurie", "uci", "µci", "μci", "gbq", "mbq", "becquerel")
"""In any case, one of these stands in each text that states an activity (see relevance)."""
_HINT = re.compile("|".join(ACTIVITY_HINTS), re.IGNORECASE)
NUCLIDE_HINTS = (
    "([ij]|iod|jod|iodine|iodo|iodide|[ij]odid)~1(23|24|25|31)", "1(23|24|25|31)~[ij]",
    "radio~(io|jo)d", "radioactive iodine", "iodo radioativo", "iodoterapia",
    r"(^|[^a-z]|\\[bfnrt])(rai|rjt)($|[^a-z])",
)  # fmt: skip
"""In any case, one of these stands in each text in which `nuclide` finds iodine."""
_UNITS = {"mci": "mCi", "millicurie": "mCi", "uci": "uCi", "µci": "uCi", "μci": "uCi",
          "gbq": "GBq", "gigabecquerel": "GBq", "mbq": "MBq", "megabecquerel": "MBq"}  # fmt: skip

_GIVEN = re.compile(
    r"\b(?:received|(?:was|were|been|is|has) (?:\w+ )?given|given (?:on|in|at|orally|p\.?o)|gave"
    r"|administered|treated with|ingested|swallowed|took|ablated|s/p|status post"
    r"|underwent (?:\w+ ){0,3}(?:RAI|radio\w*|I-?131|131-?I|iodine|\w*ablation|\w*therapy"
    r"|treatment)"
    r"|erhielt(?:en)?|erhalten|verabreicht\w*|appliziert\w*"
    r"|(?:behandelt|therapiert) mit|erfolgten?|durchgeführt|zustand nach"
    r"|recebeu|administrad[ao]s?|tratad[ao] com|submetid[ao] a|realizou|realizad[ao]|ingeriu"
    r")\b|\bz\. ?n\.|\bgiven$"
    # A noun tells of what was done at the beginning, or where something else followed.
    r"|(?:^|\b(?:nach|após) (?:\w+ )?)(?:gabe|verabreichung|applikation|administração)\b",
    re.IGNORECASE,
)
# An activity that is not that of one administration: a sum, a limit, what is left in the body.
_OTHER_AMOUNT = re.compile(
    r"\b(?:cumulative|total(?:ing|ling)? (?:of|activity|amount|dose|administered|RAI|I-?131|\d)"
    r"|in total|total\b(?=[^,]*$)(?! (?:or|thyroid|throid|lob|body|hemi|neck|loss))|altogether"
    r"|lifetime|exposure|dose rate|retention|max(?:imum|imal\w*)?|tolerable|residual"
    r"|retained|remaining|each|respectively|twice"
    r"|kumulativ\w*|insgesamt|gesamt(?:aktivität|dosis|menge)|in summe|restaktivität|jeweils|je"
    r"|acumulad[ao]|totaliz\w+|m[áa]xim[ao]|remanescente|cada)\b",
    re.IGNORECASE,
)
_DIAGNOSTIC = re.compile(
    r"\b(?:diagnostic|tracer|scan|dosimetry|scintigra\w*|whole[\s-]body|szintigra\w*|ganzkörper\w*"
    r"|diagnosti\w+|diagnóstic[ao]|cintilogra\w*|pesquisa de corpo inteiro)\b",
    re.IGNORECASE,
)
_THERAPY = re.compile(r"(?:therap|treat|ablat|behandl|terap[iêe]|tratad|tratament|ablaç)", re.I)
_DAY = re.compile(
    r"\b(?P<iso>(?:19|20)\d\d(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?)\b(?!-)"
    r"|(?<![\d.])(?P<day>0?[1-9]|[12]\d|3[01])\.(?P<month>0?[1-9]|1[0-2])\.(?P<year>(?:19|20)\d\d)\b"
)
# Before a day: it is that of something else.
_OTHER_EVENT = re.compile(
    r"\b(?:after|following|since|before|nach|seit|vor|após|desde|antes)\b|ectom|ektom|surg|\bop\b"
    r"|operati|cirurg|resect|resekt|dissect|diagnos|biops|recurren|rezidiv",
    re.IGNORECASE,
)
_OTHERWISE = re.compile(rf"{_OTHER_EVENT.pattern}|\b(?:and|und|e)\b", re.IGNORECASE)
_ONLY_A_DAY = re.compile(rf"[^\w]*(?:(?:on|in|am|im|vom|em)\s)?\s*(?:{_DAY.pattern})\W*")
# Between two activities: they are not one in two units.
_APART = re.compile(r"\d|\b(?:and|und|e|plus|then)\b|.{25}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Activity:
    """An activity as it stands in a text: what its digits may mean (see numerals), and the unit."""

    values: tuple[Decimal, ...]
    unit: str


@dataclass(frozen=True, slots=True)
class Mention:
    """Iodine given, as a sentence says it; `restated` is the same in other units, `day` a FHIR date
    or ''. `past`: it is called history; `elsewhere`: only other events have a day."""

    activity: Activity
    restated: tuple[Activity, ...]
    isotope: str
    purpose: str
    day: str
    past: bool
    elsewhere: bool


def nuclide(text: str) -> str:
    """The nuclide that a name states: I-131, I-123, …, other, or ''."""
    if _CARRIED.search(text):
        return "other"
    found = _NUCLIDE.search(text)
    if found:
        number = found.group(1) or found.group(2)
        return "other" if number == "125" else f"I-{number}"
    if _OTHER_NUCLIDE.search(text):
        return "other"
    return "I-131" if _IODINE.search(text) or _ANY_CASE_IODINE.search(text) else ""


def mentions(text: str, *, of_iodine: bool = False) -> Iterator[Mention]:
    """The administrations that a text states.

    of_iodine: the text belongs to a record of iodine that was given, so a sentence needs neither
    the nuclide nor a verb ("157.3 mCi PO").
    """
    for sentence in sentences(text) if _HINT.search(text) else ():
        found = list(_ACTIVITY.finditer(sentence))
        isotope = nuclide(sentence) if found else ""
        if not found or not _counts(sentence, isotope, of_iodine=of_iodine):
            continue
        told = dict(zip(found, events(sentence, found), strict=True))
        for group in _groups(sentence, found):
            if told[group[0]] is Assertion.AFFIRMED and not any(each["several"] for each in group):
                yield _mention(sentence, group, isotope or "I-131")


def _counts(sentence: str, isotope: str, *, of_iodine: bool) -> bool:
    if isotope == "other" or not (isotope or of_iodine):
        return False
    given = of_iodine or bool(_GIVEN.search(sentence))
    return given and not _OTHER_AMOUNT.search(sentence)


def _groups(sentence: str, found: Sequence[re.Match[str]]) -> list[list[re.Match[str]]]:
    """The activities, each with those that only repeat it in another unit."""
    groups: list[list[re.Match[str]]] = []
    for each in found:
        if groups and _again(sentence, groups[-1][-1], each):
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def _again(sentence: str, last: re.Match[str], each: re.Match[str]) -> bool:
    if _unit(last["unit"]) == _unit(each["unit"]):
        return False
    between = _NUCLIDE.sub("", sentence[last.end() : each.start()]).strip()
    return between.endswith(("(", "=", "/")) or not _APART.search(between)


def _mention(sentence: str, group: list[re.Match[str]], isotope: str) -> Mention:
    activity, *restated = (Activity(readings(each["value"]), _unit(each["unit"])) for each in group)
    day, elsewhere = _day(sentence, group[0])
    past = "historical" in kinds_of_cue(sentence)
    return Mention(activity, tuple(restated), isotope, _purpose(sentence), day, past, elsewhere)


def _day(sentence: str, activity: re.Match[str]) -> tuple[str, bool]:
    """The day that is told with the activity, or ''; and whether there are only days of else.

    It stands in the same part between commas, or in one beside it that is nothing but a day.
    """
    start = sentence.rfind(", ", 0, activity.start()) + 1
    end = sentence.find(", ", activity.end())
    end = len(sentence) if end < 0 else end
    before, after = sentence[start : activity.start()], sentence[activity.end() : end]
    preceding, following = list(_DAY.finditer(before)), list(_DAY.finditer(after))
    if following and not _OTHERWISE.search(after[: following[0].start()]):
        return _fhir_date(following[0]), False
    if preceding and not _OTHER_EVENT.search(before[: preceding[-1].start()]):
        return _fhir_date(preceding[-1]), False
    if not (preceding or following):
        for part in (*sentence[end:].split(", ")[:2], sentence[:start].rsplit(", ", 1)[-1]):
            if alone := _ONLY_A_DAY.fullmatch(part):
                return _fhir_date(alone), False
    return "", bool(_DAY.search(_ACTIVITY.sub(" ", sentence)))


def _fhir_date(day: re.Match[str]) -> str:
    """The day as FHIR writes it; of one that no calendar has, the year."""
    iso = day["iso"] or f"{day['year']}-{int(day['month']):02}-{int(day['day']):02}"
    try:
        date.fromisoformat(iso)
    except ValueError:
        return iso if len(iso) < len("2021-05-03") else iso[:4]
    return iso


def _purpose(sentence: str) -> str:
    if _THERAPY.search(sentence):
        return "therapeutic"
    return "diagnostic" if _DIAGNOSTIC.search(sentence) else "unknown"


def _unit(text: str) -> str:
    return _UNITS[text.lower().removesuffix("s")]


def sentences_of(row: Mapping[str, Any], *names: str) -> list[str]:
    """The texts in the named columns of a view's row."""
    found = []
    for name in names:
        value = row.get(name)
        found += (
            [value] if isinstance(value, str) else [v for v in value or () if isinstance(v, str)]
        )
    return found
