"""Rows of the store's tables as Arrow, and back.

In Parquet days are days and flags are flags; exact decimals are text, so that no digit is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Column, Table, insert, select
from sqlmodel import SQLModel

from adapter.models import FACT_TABLES, QuarantineRow, ResourceRow, UnmappedCodeRow
from adapter.store.columns import python_type, staged_value, table_of, travel
from adapter.store.connect import Transaction
from adapter.store.query import pages
from adapter.store.stage import stage_arrow

_MODELS: tuple[type[SQLModel], ...] = (*FACT_TABLES, ResourceRow, UnmappedCodeRow)
FACTS: dict[str, Table] = {each.name: each for each in map(table_of, _MODELS)}
"""What resources have put into a store, by name."""
TABLES: dict[str, Table] = {**FACTS, "quarantine": table_of(QuarantineRow)}

ARROW: dict[type[Any], pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    date: pa.date32(),
    datetime: pa.timestamp("us", "UTC"),
    Decimal: pa.string(),
}


def schema_of(table: Table) -> pa.Schema:
    """The columns of a table in Parquet."""
    return pa.schema([(column.name, ARROW[python_type(column)]) for column in table.columns])


def read(transaction: Transaction, table: Table) -> pa.Table:
    """All rows of a store's table, in the order of the key."""
    schema = schema_of(table)
    batches = [
        pa.Table.from_arrays(list(_arrays(table, page)), schema=schema)
        for page in pages(transaction, table, {})
    ]
    return pa.concat_tables(batches) if batches else schema.empty_table()


def put(transaction: Transaction, table: Table, rows: pa.Table) -> None:
    """Insert rows that the table does not have; a column that is missing stays NULL."""
    columns = [column for column in table.columns if column.name in rows.column_names]
    names = [column.name for column in columns]
    texts = pa.table([_texts(rows.column(name)) for name in names], names=names)
    staged = stage_arrow(transaction, f"whole_{table.name}", texts)
    cells = [staged_value(each, staged.columns[each.name], transaction.engine) for each in columns]
    transaction.execute(insert(table).from_select(names, select(*cells)))


def packed(rows: pa.Table) -> bytes:
    """Rows as bytes, to travel."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return bytes(sink.getvalue())


def unpacked(parts: Iterable[bytes]) -> pa.Table:
    """Rows that travelled, of one table."""
    return pa.concat_tables([pa.ipc.open_stream(part).read_all() for part in parts])


def _arrays(table: Table, page: Sequence[list[Any]]) -> Iterator[pa.Array]:
    for column, cells in zip(table.columns, page, strict=True):
        yield pa.array(_values(column, cells), ARROW[python_type(column)], from_pandas=False)


def _values(column: Column[Any], cells: list[Any]) -> list[Any]:
    if python_type(column) is Decimal:
        return [cell or None for cell in cells]
    to_value = travel(column).to_value
    return cells if to_value is None else [to_value(cell) for cell in cells]


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """As `adapter.store.texts` has them."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return pc.cast(column, pa.string())
