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
from adapter.mapping.mapped import MappedResource
from adapter.models import FACT_TABLES
from adapter.store.columns import python_type, table_of

# Far beyond anything that is measured, and within what NUMERIC of PostgreSQL holds.
MAX_EXPONENT = 100


def check(mapped: MappedResource) -> None:
    """Raise InvalidResource for a value that its column cannot take, InvalidValue for a number
    that is not finite or out of all bounds."""
    for row in mapped.rows:
        fits = _fits(row.table)
        for name, value in row.columns.items():
            if value is not None and not fits[name](value):
                raise InvalidResource(
                    f"cannot be mapped: a value of the wrong type in {name}",
                    where=f"{mapped.stamp.resource_type} as {row.table}",
                )
    for each in mapped.unmapped:
        if not all(isinstance(text, str) for text in (each.code_system, each.code, each.display)):
            raise InvalidResource("cannot be mapped: a code of the wrong type")


@cache
def _fits(table: str) -> dict[str, Callable[[Any], bool]]:
    """For each column of a fact table, whether a value may go there."""
    return {each.name: _FITS[python_type(each)] for each in _TABLES[table].columns}


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        return False
    number = Decimal(value)
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
_TABLES = {table.name: table for table in map(table_of, FACT_TABLES)}
