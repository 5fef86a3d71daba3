"""The dose of a drug and how often a day it is taken, as far as a resource states them.

Structure counts before text, and text only in a shape that leaves no doubt (`75 mg BID`,
`2x täglich 75 mg`). Several dosages, such as a change of dose, are never added up, and statements
that contradict each other state nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adapter.errors import InvalidValue
from adapter.mapping.context import Columns, Context, Row, decimal

FROM_TEXT = 0.6
"""Confidence in a dose that only a text states."""
SEVERAL, UNREAD, CONFLICT = "several_doses", "dose_unread", "dose_conflict"
PLACES = Decimal("0.000001")
"""Times a day are kept to six places: once in three days is no exact decimal."""
LIMITS = ("frequencyMax", "periodMax", "dayOfWeek", "count", "timeOfDay", "when", "offset")
"""Parts of Timing.repeat with which a frequency and a period are no whole statement of a day."""

_MG = r"(?P<mg>\d{1,4}(?:[.,]\d{1,2})?) ?mg"
_ROUTE = r"(?: (?:po|oral|orally|by mouth|per os))?"
_SHAPES = (
    re.compile(rf"(?:take )?{_MG}{_ROUTE} (?P<times>\S.{{0,30}})"),
    re.compile(rf"(?:take )?(?P<times>\S.{{0,30}}?):? {_MG}{_ROUTE}"),
)
_LONGEST = 80
"""Characters of the longest text that is compared with the shapes."""


@dataclass(frozen=True, slots=True)
class _Said:
    """One statement: a number, and how it was written."""

    value: Decimal
    sent: str
    unit: str = ""


def dose(row: Row, drugs: Iterable[str], context: Context) -> Columns:
    """The columns of dose and frequency; {} where nothing is stated. `drugs`: names of the drug
    by which a text may begin. A doubt is flagged, and never refuses the exposure."""
    dosages = [each for each in row["dosage"] or () if isinstance(each, Mapping)]
    if len(dosages) > 1:
        context.flags.append(SEVERAL)
    if len(dosages) != 1:
        return {}
    dosage = dosages[0]
    in_text = _in_text(dosage.get("text"), drugs, context)
    mass = _agreed([*_masses(dosage, context)], in_text.get("mg"), context)
    times = _agreed([*_times(dosage, context)], in_text.get("times"), context)
    return {
        "dose_mg": mass.value if mass else None,
        "doses_per_day": times.value if times else None,
        "value_sent": mass.sent if mass else "",
        "unit_sent": mass.unit if mass else "",
        "timing_sent": times.sent if times else "",
    }


def _agreed(structured: list[_Said], text: _Said | None, context: Context) -> _Said | None:
    """What all statements say; None without one, and where two differ (flagged)."""
    said = [*structured, text] if text else structured
    if len({each.value for each in said}) > 1:
        context.flags.append(CONFLICT)
        return None
    if text and not structured:
        context.doubt("dose_from_text", FROM_TEXT)
    return said[0] if said else None


def _masses(dosage: Mapping[str, Any], context: Context) -> Iterator[_Said]:
    """doseAndRate.doseQuantity and, of an administration, dose: those in units of mass."""
    parts = [each for each in _listed(dosage.get("doseAndRate")) if isinstance(each, Mapping)]
    stated = [dosage.get("dose"), *(part.get("doseQuantity") for part in parts)]
    quantities = [each for each in stated if isinstance(each, Mapping)]
    read = [said for each in quantities if (said := _mass(each, context))]
    if not read and (quantities or any("doseRange" in part for part in parts)):
        context.flags.append(UNREAD)
    yield from read


def _mass(quantity: Mapping[str, Any], context: Context) -> _Said | None:
    """None for tablets, for doses by weight, for a bound and for what is no number."""
    unit = str(quantity.get("code") or quantity.get("unit") or "").strip()
    table, value = context.units["mass"], _number(quantity.get("value"))
    if value is None or value < 0 or quantity.get("comparator") or not table.knows(unit):
        return None
    return _Said(table.convert(value, unit), str(quantity["value"]), unit)


def _times(dosage: Mapping[str, Any], context: Context) -> Iterator[_Said]:
    """Timing.repeat, Timing.code and its text, as times a day."""
    timing = dosage.get("timing")
    if dosage.get("asNeededBoolean") is True or dosage.get("asNeededCodeableConcept"):
        context.flags.append(UNREAD)
        return
    if not isinstance(timing, Mapping):
        return
    repeat, code = timing.get("repeat"), timing.get("code")
    if isinstance(repeat, Mapping) and (said := _repeated(repeat, context)):
        yield said
    for words in _words(code):
        if said := _in_words(words, context):
            yield said


def _repeated(repeat: Mapping[str, Any], context: Context) -> _Said | None:
    stated = any(name in repeat for name in ("frequency", "period", *LIMITS))
    # FHIR: without a frequency it is once in the period.
    sent = repeat.get("frequency", 1), repeat.get("period"), repeat.get("periodUnit")
    frequency, period = _number(sent[0]), _number(sent[1])
    days = _days(period, str(sent[2] or ""), context) if period else None
    if frequency is None or not days or any(name in repeat for name in LIMITS):
        if stated:
            context.flags.append(UNREAD)
        return None
    per_day = (frequency / days).quantize(PLACES).normalize()
    return _Said(per_day + 0, "{}/{} {}".format(*sent))


def _days(period: Decimal, unit: str, context: Context) -> Decimal | None:
    if unit == "h":
        return period / 24
    table = context.units["duration"]
    return table.convert(period, unit) if table.knows(unit) else None


def _words(concept: Any) -> Iterator[str]:
    if not isinstance(concept, Mapping):
        return
    for coding in _listed(concept.get("coding")):
        if isinstance(coding, Mapping) and isinstance(coding.get("code"), str):
            yield coding["code"]
    if isinstance(concept.get("text"), str):
        yield concept["text"]


def _in_words(words: str, context: Context) -> _Said | None:
    table, said = context.units["frequency"], words.strip()
    known = next((each for each in (said, _plain(said)) if table.knows(each)), None)
    return _Said(table.factor(known), said) if known else None


def _in_text(text: Any, drugs: Iterable[str], context: Context) -> dict[str, _Said]:
    """The dose and the frequency of a text that says these and nothing else."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return {}
    names = tuple(drugs)
    return context.once(f"dose {names}", text, lambda said: _shaped(said, names, context))


def _shaped(text: str, drugs: Iterable[str], context: Context) -> dict[str, _Said]:
    plain = _plain(text)
    for drug in drugs:
        plain = plain.removeprefix(f"{drug.lower()} ")
    if times := _in_words(plain, context):
        return {"times": times}
    for shape in _SHAPES:
        found = shape.fullmatch(plain)
        if found and (times := _in_words(found["times"], context)):
            number = found["mg"].replace(",", ".")
            return {"mg": _Said(Decimal(number), found["mg"], "mg"), "times": times}
    return {}


def _plain(text: str) -> str:
    """Small letters, single blanks, no full stop but that of a number, `2 x` as `2x`."""
    words = " ".join(text.lower().replace("\N{MULTIPLICATION SIGN}", "x").split())
    words = re.sub(r"\.(?!\d)", "", words)
    return re.sub(r"\b(\d) ?(?:x|mal)(?= |/)", r"\1x", words)


def _number(value: Any) -> Decimal | None:
    try:
        return decimal(value)
    except InvalidValue:
        return None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
