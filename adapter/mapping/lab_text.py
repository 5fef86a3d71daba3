"""A laboratory value written as text, `<0.2 ng/mL`, `GT 45`, `12,4 ng/ml`.

Only a text that is a comparator, a number and a unit, and nothing else, is a value. A number that
can be read in two ways, such as 1,240, is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from adapter.mapping.numerals import number

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
