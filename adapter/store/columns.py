"""How a column's values travel: Python, text of the staging tables, and text read back.

Everything is staged as text and cast by the database. Reading asks for text, whole numbers and
floats that are never NULL: the SQLite driver guesses a column's type from its first rows, and
PostgreSQL and SQLite must give the same values to the last character (`fingerprint`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Integer, Table, Text, TypeDecorator, cast, func
from sqlmodel import SQLModel

from adapter.models import ExactDecimal
from adapter.store.texts import TO_TEXT


@dataclass(frozen=True, slots=True)
class Travel:
    """One Python type: to staged text, to a selected expression, and back (None: as it is)."""

    to_text: Callable[[Any], str] | None
    selected: Callable[[ColumnElement[Any]], ColumnElement[Any]]
    to_value: Callable[[Any], Any] | None


def travel(column: Column[Any]) -> Travel:
    """How the values of a column travel."""
    return _TRAVELS[python_type(column)]


def python_type(column: Column[Any]) -> type[Any]:
    """The type of a column's values in Python."""
    kind = column.type
    if isinstance(kind, ExactDecimal):
        return Decimal
    return kind.impl_instance.python_type if isinstance(kind, TypeDecorator) else kind.python_type


def table_of(model: type[SQLModel]) -> Table:
    """The table of a model class."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


def selected(table: Table) -> list[ColumnElement[Any]]:
    """All columns of a table, in the form in which they are read."""
    return [travel(column).selected(column).label(column.name) for column in table.columns]


def values(table: Table, columns: list[list[Any]]) -> list[list[Any]]:
    """Columns read by `selected` as the values of the model's fields."""
    back = [travel(column).to_value for column in table.columns]
    return [
        cells if to_value is None else [to_value(cell) for cell in cells]
        for to_value, cells in zip(back, columns, strict=True)
    ]


def staged_value(
    column: Column[Any], staged: ColumnElement[Any], engine: str
) -> ColumnElement[Any]:
    """The column's value from its staged text.

    SQLite's column affinity does the cast; its CAST would make 2022 of the date 2022-03-01.
    """
    if engine == "sqlite" or python_type(column) is str:
        return staged
    return cast(staged, column.type)


def _instant_back(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


@lru_cache(maxsize=65_536)
def _day_back(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _decimal_back(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def _as_it_is(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return column


def _or_empty(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(cast(column, Text), "")


def _or_minus_one(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(cast(column, Integer), -1)


_TRAVELS: dict[type[Any], Travel] = {
    str: Travel(TO_TEXT[str], _as_it_is, None),
    int: Travel(TO_TEXT[int], _as_it_is, None),
    float: Travel(TO_TEXT[float], _as_it_is, None),
    bool: Travel(TO_TEXT[bool], _or_minus_one, {1: True, 0: False}.get),
    date: Travel(TO_TEXT[date], _or_empty, _day_back),
    datetime: Travel(TO_TEXT[datetime], _or_empty, _instant_back),
    Decimal: Travel(TO_TEXT[Decimal], _or_empty, _decimal_back),
}
