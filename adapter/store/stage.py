"""Rows into the store: Arrow into a keyless temporary table, then one merge in the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Table, TableClause, column, delete, insert, select, table, tuple_, update
from sqlmodel import SQLModel

from adapter.models import StoreSchemaRow
from adapter.store.columns import staged_value, table_of, travel
from adapter.store.connect import Transaction
from adapter.store.texts import Cell, column_of, text_of

if TYPE_CHECKING:
    import pyarrow as pa


def stage(
    transaction: Transaction, name: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> TableClause:
    """Put rows of text into the temporary table `staged_<name>`."""
    return stage_arrow(transaction, name, _batch(columns, list(rows)))


def stage_arrow(
    transaction: Transaction, name: str, rows: pa.RecordBatch | pa.Table
) -> TableClause:
    """Put what Arrow holds into the temporary table `staged_<name>`."""
    staged = table(f"staged_{name}", *(column(each) for each in rows.schema.names))
    transaction.stage(staged.name, rows)
    return staged


def lock(transaction: Transaction) -> None:
    """Make the other writers wait until this transaction ends.

    One row that each writer updates first: no two ever hold parts of what the other needs, and on
    SQLite the transaction begins as a writer, so that it never has to upgrade a stale snapshot.
    """
    version = table_of(StoreSchemaRow).columns.version
    transaction.execute(update(version.table).values({version: version}))


def put(transaction: Transaction, rows: Sequence[SQLModel]) -> None:
    """Insert rows of one model; a row whose key is there is replaced."""
    into = table_of(type(rows[0]))
    staged = stage(transaction, into.name, into.columns.keys(), _texts(into, rows))
    lock(transaction)
    key = list(into.primary_key)
    known = tuple_(*key)
    coming = select(
        *(staged_value(each, staged.columns[each.name], transaction.engine) for each in key)
    )
    transaction.execute(delete(into).where(known.in_(coming)))
    fields = [
        staged_value(each, staged.columns[each.name], transaction.engine) for each in into.columns
    ]
    transaction.execute(insert(into).from_select(into.columns.keys(), select(*fields)))


def remove(
    transaction: Transaction, model: type[SQLModel], name: str, keys: Sequence[str], **equal: str
) -> None:
    """Delete the rows whose column `name` is one of `keys` and whose others equal what is given."""
    staged = stage(transaction, "key", [name], ([key] for key in keys))
    lock(transaction)
    columns = table_of(model).columns
    listed = columns[name].in_(select(staged.columns[name]))
    same = (columns[other] == value for other, value in equal.items())
    transaction.execute(delete(table_of(model)).where(listed, *same))


def _texts(into: Table, rows: Iterable[SQLModel]) -> list[list[Cell]]:
    columns = [(each.name, travel(each).to_text) for each in into.columns]
    key = [each.name for each in into.primary_key]
    first: dict[tuple[str, ...], list[Cell]] = {}
    for row in rows:
        cells = [text_of(getattr(row, name), to_text) for name, to_text in columns]
        first.setdefault(tuple(getattr(row, name) for name in key), cells)
    return list(first.values())


def _batch(columns: Sequence[str], rows: list[Sequence[Cell]]) -> pa.RecordBatch:
    import pyarrow as pa

    cells: Iterable[Sequence[Cell]] = zip(*rows, strict=True) if rows else [()] * len(columns)
    return pa.RecordBatch.from_arrays([column_of(each) for each in cells], names=list(columns))
