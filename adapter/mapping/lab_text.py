"""A laboratory value written as text, `<0.2 ng/mL`, `GT 45`, `12,4 ng/ml`.

Only a text that is a comparator, a number and a unit, and nothing else, is a value. A number that
can be read in two ways, such as 1,240, is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

COMPARATORS = {
    "": "", "<": "<", "<=": "<=", "=<": "<=", "≤": "<=", ">": ">", ">=": ">=", "=>": ">=",
    "≥": ">=", "lt": "<", "le": "<=", "lte": "<=", "gt": ">", "ge": ">=", "gte": ">=",
    "less than": "<", "below": "<", "kleiner": "<", "unter": "<", "more than": ">",
    "greater than": ">", "above": ">", "grösser": ">", "größer": ">", "über": ">",
}  # fmt: skip
"""What stands before a number -> FHIR's comparator."""
LONGEST = 80

_VALUE = re.compile(
    r"(?P<comparator>[^\W\d_ ]+(?: than)?|[<>=≤≥]{1,2})?\s*(?P<number>[0-9][0-9.,]*)(?P<unit>.*)"
)
_PLAIN = re.compile(r"[0-9]+(\.[0-9]+)?")
_DECIMAL_COMMA = re.compile(r"[0-9]+,[0-9]+")
_EITHER = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}")
_COMMA_GROUPS = re.compile(r"[0-9]{1,3}((,[0-9]{3})+\.[0-9]+|(,[0-9]{3}){2,})")
_POINT_GROUPS = re.compile(r"[0-9]{1,3}((\.[0-9]{3})+,[0-9]+|(\.[0-9]{3}){2,})")


@dataclass(frozen=True, slots=True)
class LabText:
    """A value that a text states; the unit is '' where it has none."""

    comparator: str
    value: Decimal
    unit: str


def lab_text(text: str) -> LabText | None:
    """The value, or None for a text that says anything else, or more."""
    found = _VALUE.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if found is None:
        return None
    comparator = COMPARATORS.get((found["comparator"] or "").lower())
    value = number(found["number"])
    if comparator is None or value is None:
        return None
    return LabText(comparator, value, found["unit"].strip())


def number(text: str) -> Decimal | None:
    """A decimal with a point or a comma; None where the comma may be either's."""
    if _PLAIN.fullmatch(text):
        return Decimal(text)
    if _DECIMAL_COMMA.fullmatch(text) and not _EITHER.fullmatch(text):
        return Decimal(text.replace(",", "."))
    if _COMMA_GROUPS.fullmatch(text):
        return Decimal(text.replace(",", ""))
    if _POINT_GROUPS.fullmatch(text):
        return Decimal(text.replace(".", "").replace(",", "."))
    return None
