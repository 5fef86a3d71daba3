"""Radioiodine in free text: which activity was given, as opposed to planned, refused or summed.

The last resort. A sentence counts only if it says that iodine was given; plans, refusals, limits
and sums over several treatments are what reports mostly hold beside it. The unit is captured with
the number: "5.5 GBq" read as 5.5 mCi is the known mistake of such miners.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adapter.mapping.clinical_text import attached_text, clauses

_TAG = re.compile(r"<[^>]*>")
_NUCLIDE = re.compile(
    r"\b(?:I|iodine|iodide|(?:natrium)?[ij]odid|iod|jod|iodo)[\s-]?(123|124|125|131)\b"
    r"|\b(123|124|125|131)[\s-]?(?:I|iodine|jod)\b",
    re.IGNORECASE,
)
_OTHER_NUCLIDE = re.compile(
    r"\b(?:lu(?:tetium)?[\s-]?177|177[\s-]?lu|ra(?:dium)?[\s-]?223|y(?:ttrium)?[\s-]?90|tc[\s-]?99m?"
    r"|99m?[\s-]?tc|f[\s-]?18|18[\s-]?f)\b",
    re.IGNORECASE,
)
# Iodine on a carrier goes elsewhere than to the thyroid.
_CARRIED = re.compile(r"\b(?:mibg|iobenguane|tositumomab|iodohippurate)\b", re.IGNORECASE)
_IODINE = re.compile(
    r"\b(?:radio[\s-]?iodine|radioactive iodine|radio[\s-]?jod\w*|iodo radioativo|RAI)\b"
)
_ANY_CASE_IODINE = re.compile(_IODINE.pattern.replace("|RAI", ""), re.IGNORECASE)
_ACTIVITY = re.compile(
    r"(?P<value>\d+(?:[.,]\d+)*)\s*-?\s*"
    r"(?P<unit>mCi|millicuries?|[µμu]Ci|GBq|gigabecquerels?|MBq|megabecquerels?)\b",
    re.IGNORECASE,
)
ACTIVITY_HINTS = ("mci", "millicurie", "uci", "µci", "μci", "gbq", "mbq", "becquerel")
"""In any case, one of these stands in each text that states an activity (see relevance)."""
NUCLIDE_HINTS = (
    "(i|iod|jod|iodine|iodo|iodide|[ij]odid)~1(23|24|25|31)", "1(23|24|25|31)~(i|iodine|jod)",
    "radio~(io|jo)d", "radioactive iodine", "iodo radioativo", "(^|[^a-z])rai($|[^a-z])",
)  # fmt: skip
"""In any case, one of these stands in each text in which `nuclide` finds iodine."""
_UNITS = {"mci": "mCi", "millicurie": "mCi", "uci": "uCi", "µci": "uCi", "μci": "uCi",
          "gbq": "GBq", "gigabecquerel": "GBq", "mbq": "MBq", "megabecquerel": "MBq"}  # fmt: skip

_GIVEN = re.compile(
    r"\b(?:received|given|gave|administered|treated with|ingested|swallowed|took|underwent|ablated"
    r"|s/p|status post|erhielt|verabreicht|appliziert|behandelt mit|recebeu|administrad[ao])\b",
    re.IGNORECASE,
)
_NOT_GIVEN = re.compile(
    r"\b(?:not|never|nicht)\s+(?:yet\s+)?(?:be(?:en)?\s+)?(?:receiv\w*|given|administ\w*|treated"
    r"|perform\w*|done|undergo\w*|erhalten|verabreicht)"
    r"|\b(?:did|was|has|had|is)n't\b|\bno (?:prior |previous )?(?:RAI|radio\w*|I-?131|131-?I)\b"
    r"|\b(?:declin|refus|cancel|withh|defer|postpon|abgelehnt|keine? radiojod)\w*",
    re.IGNORECASE,
)
_INTENDED = re.compile(
    r"\b(?:plan\w*|recommend\w*|consider\w*|propos\w*|schedul\w*|will|would|should|could|may|might"
    r"|candidate|eligible|if|maximum|max|tolerat\w*|up to|to receive|to be|pending|empf\w+"
    r"|geplant)\b",
    re.IGNORECASE,
)
_SUM = re.compile(
    r"\b(?:cumulative|total(?:ing|ling)?|altogether|lifetime|kumulativ\w*|insgesamt)\b", re.I
)
_DIAGNOSTIC = re.compile(
    r"\b(?:diagnostic|tracer|scan|dosimetry|scintigra\w*|whole[\s-]body)\b", re.I
)
_THERAPY = re.compile(r"\b(?:therap\w*|treat\w*|ablat\w*|behandl\w*)\b", re.I)
_PAST = re.compile(
    r"\b(?:previous\w*|prior|history of|s/p|status post|formerly|in (?:19|20)\d\d)\b", re.I
)
_DAY = re.compile(r"\b((?:19|20)\d\d(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?)\b(?!-)")


@dataclass(frozen=True, slots=True)
class Mention:
    """Iodine given, as a sentence says it; `day` is a FHIR date or '' and `past` history."""

    value: Decimal
    unit: str
    restated: tuple[tuple[Decimal, str], ...]
    isotope: str
    purpose: str
    day: str
    past: bool


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
    for sentence in clauses(text):
        isotope = nuclide(sentence)
        if not _counts(sentence, isotope, of_iodine=of_iodine):
            continue
        activities = [(_number(m["value"]), _unit(m["unit"])) for m in _ACTIVITY.finditer(sentence)]
        if not activities:
            continue
        (value, unit), *restated = activities
        dated = _DAY.search(_ACTIVITY.sub(" ", sentence))
        yield Mention(
            value,
            unit,
            tuple(restated),
            isotope or "I-131",
            _purpose(sentence),
            dated.group(1) if dated else "",
            bool(_PAST.search(sentence)),
        )


def _counts(sentence: str, isotope: str, *, of_iodine: bool) -> bool:
    if isotope == "other" or not (isotope or of_iodine):
        return False
    if any(guard.search(sentence) for guard in (_NOT_GIVEN, _INTENDED, _SUM)):
        return False
    return of_iodine or bool(_GIVEN.search(sentence))


def _purpose(sentence: str) -> str:
    if _THERAPY.search(sentence):
        return "therapeutic"
    return "diagnostic" if _DIAGNOSTIC.search(sentence) else "unknown"


def _number(text: str) -> Decimal:
    """A comma before three digits groups thousands (3,700 MBq); any other is a decimal comma."""
    grouped = re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", text)
    plain = text.replace(",", "") if grouped else text.replace(",", ".")
    whole, dot, fraction = plain.partition(".")
    return Decimal(whole + dot + fraction.replace(".", ""))


def _unit(text: str) -> str:
    return _UNITS[text.lower().removesuffix("s")]


def readable(attachments: Iterable[object]) -> Iterator[str]:
    """The text of attachments that carry plain text or HTML; others are passed over."""
    for attachment in attachments:
        kind = attachment.get("contentType") if isinstance(attachment, Mapping) else None
        if isinstance(attachment, Mapping) and str(kind).startswith("text/html"):
            for text in attached_text([{**attachment, "contentType": "text/plain"}]):
                yield html.unescape(_TAG.sub(" ", text))
        else:
            yield from attached_text([attachment])


def sentences_of(row: Mapping[str, Any], *names: str) -> list[str]:
    """The texts in the named columns of a view's row."""
    found = []
    for name in names:
        value = row.get(name)
        found += (
            [value] if isinstance(value, str) else [v for v in value or () if isinstance(v, str)]
        )
    return found
