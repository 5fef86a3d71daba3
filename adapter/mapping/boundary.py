"""The boundaries of a partial value: FHIRPath's lowBoundary() and highBoundary().

A value stands for the interval that its precision leaves open: 1.0 for 0.95 to 1.05, 1970-06 for
1970-06-01 to 1970-06-30. Without a precision argument the result has the greatest precision of its
type: a day, a millisecond, eight decimal places. A dateTime without an offset may be anywhere on
Earth, +14:00 to -12:00 (FHIRPath 3.0.0, section 5.10).
"""

from __future__ import annotations

import re
from calendar import monthrange
from decimal import Decimal
from enum import Enum

PLACES = 8
_DATE = r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2}))?)?"
_TIME = r"(?P<hour>\d{2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,3}))?)?)?"
_OFFSET = r"(?P<offset>Z|[+-]\d{2}:\d{2})"
FORMS = {
    "date": re.compile(_DATE),
    "dateTime": re.compile(f"{_DATE}(?:T(?:{_TIME}{_OFFSET}?)?)?"),
    "instant": re.compile(f"{_DATE}T{_TIME}{_OFFSET}"),
    "time": re.compile(_TIME),
}


class Side(Enum):
    """Which end of the interval."""

    LOW = "low"
    HIGH = "high"


def decimal_boundary(value: Decimal | int, side: Side) -> Decimal:
    """The least or greatest decimal that rounds to the value at its precision."""
    exact = Decimal(value)
    exponent = exact.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError("no finite number")
    half = Decimal((0, (5,), exponent - 1))
    bound = exact - half if side is Side.LOW else exact + half
    padded = Decimal((0, (1,), -PLACES))
    return bound.quantize(padded) if exponent - 1 > -PLACES else bound


def text_boundary(text: str, fhir_type: str, side: Side) -> str:
    """The least or greatest date, dateTime, instant or time that the text may stand for.

    Raises ValueError for a text that is none, and for other types.
    """
    form = FORMS.get(fhir_type)
    found = form.fullmatch(text) if form else None
    if found is None:
        raise ValueError(f"no {fhir_type} with boundaries")
    parts = found.groupdict()
    if fhir_type == "date":
        return _date(parts, side)
    if fhir_type == "time":
        return _time(parts, side)
    offset = parts["offset"] or ("+14:00" if side is Side.LOW else "-12:00")
    return f"{_date(parts, side)}T{_time(parts, side)}{offset}"


def _date(parts: dict[str, str | None], side: Side) -> str:
    year = parts["year"] or ""
    month = parts["month"] or ("01" if side is Side.LOW else "12")
    last = monthrange(int(year), int(month))[1]
    day = parts["day"] or ("01" if side is Side.LOW else f"{last:02d}")
    return f"{year}-{month}-{day}"


def _time(parts: dict[str, str | None], side: Side) -> str:
    hour = parts["hour"] or ("00" if side is Side.LOW else "23")
    filler = "00" if side is Side.LOW else "59"
    fraction = (parts["fraction"] or "").ljust(3, "0" if side is Side.LOW else "9")
    return f"{hour}:{parts['minute'] or filler}:{parts['second'] or filler}.{fraction}"
