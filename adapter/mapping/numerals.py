"""Numbers written in text: one reading of points, commas and groups of thousands."""

from __future__ import annotations

import re
from decimal import Decimal

_PLAIN = re.compile(r"[0-9]+(\.[0-9]+)?")
_DECIMAL_COMMA = re.compile(r"[0-9]+,[0-9]+")
_EITHER = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
_COMMA_GROUPS = re.compile(r"[0-9]{1,3}((,[0-9]{3})+\.[0-9]+|(,[0-9]{3}){2,})")
_POINT_GROUPS = re.compile(r"[0-9]{1,3}((\.[0-9]{3})+,[0-9]+|(\.[0-9]{3}){2,})")


def number(text: str) -> Decimal | None:
    """A decimal with a point or a comma; None where the comma may be either's (1,240).

    One point is a decimal point, as in FHIR and HL7 v2, where laboratories' texts come from.
    """
    if _PLAIN.fullmatch(text):
        return Decimal(text)
    if _DECIMAL_COMMA.fullmatch(text) and not _EITHER.fullmatch(text):
        return Decimal(text.replace(",", "."))
    if _COMMA_GROUPS.fullmatch(text):
        return Decimal(text.replace(",", ""))
    if _POINT_GROUPS.fullmatch(text):
        return Decimal(text.replace(".", "").replace(",", "."))
    return None


def readings(text: str) -> tuple[Decimal, ...]:
    """Every number that digits in prose may mean: none, one, or both of 3.700 and 3,700."""
    if _EITHER.fullmatch(text):
        return Decimal(text.replace(",", ".")), Decimal(re.sub("[.,]", "", text))
    found = number(text)
    return () if found is None else (found,)
