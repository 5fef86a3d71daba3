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


def default_text(column: Column[Any]) -> str | None:
    """The staged text of a column that a row does not state; NOT NULL refuses it if it must."""
    return text_of(getattr(column.default, "arg", None), travel(column).to_text)


def text_of(value: Any, to_text: Callable[[Any], str] | None) -> str | None:
    """The staged text of a value; None stays None."""
    if value is None or to_text is None:
        return value  # type: ignore[no-any-return]  # text; Arrow refuses anything else
    return to_text(value)


def _number(value: Decimal | int) -> str:
    """Plain digits with the scale as sent: 1.10 stays, 1E+2 is 100, -0 is 0."""
    text = str(value)
    if "E" not in text and text[0] != "-":
        return text
    number = Decimal(value)
    return format(abs(number) if number == 0 else number, "f")


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("an instant needs its time zone")
    return value.astimezone(UTC).isoformat(sep=" ")


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
    str: Travel(None, _as_it_is, None),
    int: Travel(str, _as_it_is, None),
    float: Travel(lambda value: repr(float(value)), _as_it_is, None),
    bool: Travel(lambda value: "1" if value else "0", _or_minus_one, {1: True, 0: False}.get),
    date: Travel(date.isoformat, _or_empty, _day_back),
    datetime: Travel(_instant, _or_empty, _instant_back),
    Decimal: Travel(_number, _or_empty, _decimal_back),
}
