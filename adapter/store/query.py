"""Rows out of the store: whole models, in the order of their keys, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Table, func, select, tuple_
from sqlmodel import SQLModel

from adapter.store.columns import selected, table_of, values
from adapter.store.connect import Transaction

Model = TypeVar("Model", bound=SQLModel)

PAGE = 10_000


def rows(
    transaction: Transaction, model: type[Model], equal: dict[str, str], size: int = PAGE
) -> Iterator[Model]:
    """The rows of a model whose columns equal the texts given, in the order of the key."""
    table = table_of(model)
    names = table.columns.keys()
    for page in pages(transaction, table, {name: [text] for name, text in equal.items()}, size):
        for row in zip(*values(table, page), strict=True):
            yield model(**dict(zip(names, row, strict=True)))


def pages(
    transaction: Transaction, table: Table, among: dict[str, Sequence[str]], size: int = PAGE
) -> Iterator[list[list[Any]]]:
    """Columns of at most `size` rows at a time, as read, in the order of the key.

    Each page starts after the last key of the one before, so that no page costs more than the
    first and nothing but the page is in memory. among: column -> the values it may have.
    """
    key = list(table.primary_key)
    found = select(*selected(table)).order_by(*key).limit(size)
    for name, allowed in among.items():
        found = found.where(table.columns[name].in_(allowed))
    positions = [list(table.columns).index(each) for each in key]
    after = found
    while True:
        page = _whole(transaction.batches(after), len(table.columns))
        if not page[0]:
            return
        yield page
        last = [page[position][-1] for position in positions]
        after = found.where(tuple_(*key) > tuple_(*last))


def counts(transaction: Transaction, tables: Sequence[Table]) -> dict[str, int]:
    """The number of rows of each table."""
    counted: dict[str, int] = {}
    for table in tables:
        (batch,) = transaction.batches(select(func.count()).select_from(table))
        counted[table.name] = batch[0][0]
    return counted


def _whole(batches: Iterator[list[list[Any]]], width: int) -> list[list[Any]]:
    columns: list[list[Any]] = [[] for _ in range(width)]
    for batch in batches:
        for column, cells in zip(columns, batch, strict=True):
            column.extend(cells)
    return columns
