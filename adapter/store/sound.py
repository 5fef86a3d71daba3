"""Whether the rows of one resource are of the types that their columns take.

`map` copies what a resource states, and a sender may state anything. What is found here is wrong
for one resource; found while a batch is staged, it would stop them all.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from adapter.errors import InvalidResource, InvalidValue
from adapter.fact_layout import fact_tables
from adapter.mapping.mapped import MappedResource

# Far beyond anything that is measured, and within what NUMERIC of PostgreSQL holds.
MAX_EXPONENT = 100
SHORT = 20


def check(mapped: MappedResource) -> None:
    """Raise InvalidResource for a value that its column cannot take, InvalidValue for a number
    that is not finite or out of all bounds."""
    for row in mapped.rows:
        fits = _fits(row.table)
        for name, value in row.columns.items():
            kind, fit = fits[name]
            # Most values are of their column's very type.
            if value is not None and value.__class__ is not kind and not fit(value):
                raise InvalidResource(
                    f"cannot be mapped: a value of the wrong type in {name}",
                    where=f"{mapped.stamp.resource_type} as {row.table}",
                )
    for each in mapped.unmapped:
        if not all(isinstance(text, str) for text in (each.code_system, each.code, each.display)):
            raise InvalidResource("cannot be mapped: a code of the wrong type")


@cache
def _fits(table: str) -> dict[str, tuple[type[Any] | None, Callable[[Any], bool]]]:
    """For each column of a fact table: the type of which any value may go there, and what tells
    whether another may."""
    return {
        name: (None if each.kind is Decimal else each.kind, _FITS[each.kind])
        for name, each in fact_tables()[table].items()
    }


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        return False
    number = Decimal(value)
    text = str(number)
    # Few digits are within all bounds; as_tuple() takes ten times as long.
    if len(text) <= SHORT and "E" not in text and number.is_finite():
        return True
    exponent = number.as_tuple().exponent
    if isinstance(exponent, str) or max(abs(number.adjusted()), -exponent) > MAX_EXPONENT:
        raise InvalidValue("no number that can be measured")
    return True


def _is_day(value: Any) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


_FITS: dict[type[Any], Callable[[Any], bool]] = {
    str: lambda value: isinstance(value, str),
    int: lambda value: isinstance(value, int),
    float: lambda value: isinstance(value, int | float),
    bool: lambda value: isinstance(value, bool),
    date: _is_day,
    Decimal: _is_number,
}
