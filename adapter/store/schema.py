"""Making and recognising a store: its tables, and the version that they carry."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from sqlalchemy import Table, insert, select
from sqlalchemy.schema import CreateIndex, CreateTable

from adapter.errors import StoreError
from adapter.models import FACT_TABLES, OPERATIONAL_TABLES, StoreSchemaRow
from adapter.store.columns import python_type, table_of
from adapter.store.connect import Database, Transaction

TABLES: tuple[Table, ...] = tuple(table_of(model) for model in (*FACT_TABLES, *OPERATIONAL_TABLES))
SCHEMA = table_of(StoreSchemaRow)


def schema_version() -> str:
    """Twelve digits that change with any table, column, type or key of `adapter.models`."""
    return hashlib.sha256("\n".join(_lines()).encode()).hexdigest()[:12]


def _lines() -> Iterator[str]:
    for table in TABLES:
        for column in table.columns:
            kind = python_type(column).__name__
            yield f"{table.name}.{column.name} {kind} {column.nullable} {column.primary_key}"


def create(database: Database) -> None:
    """Make the tables unless they are there, all or none."""
    with database.transaction() as transaction:
        if transaction.engine == "postgresql":
            # Two that create at once must wait for each other; IF NOT EXISTS alone would fail.
            list(transaction.batches(f"SELECT pg_advisory_xact_lock({_CREATING})::text"))
        transaction.execute(CreateTable(SCHEMA, if_not_exists=True))
        if _versions(transaction):
            return
        for table in TABLES:
            transaction.execute(CreateTable(table))
            for index in sorted(table.indexes, key=lambda each: str(each.name)):
                transaction.execute(CreateIndex(index))
        transaction.execute(insert(SCHEMA).values(version=schema_version()))


def check(database: Database) -> None:
    """Raise StoreError unless this is a store, and of the version that this Raiway writes."""
    with database.transaction() as transaction:
        there = [cell for batch in transaction.batches(_FIND[database.engine]) for cell in batch[0]]
        versions = _versions(transaction) if there == [SCHEMA.name] else []
    if not versions:
        raise StoreError(
            "this database is not a Raiway store",
            where=str(database),
            hint="`raiway ingest` makes one",
        )
    if versions != [schema_version()]:
        raise StoreError(
            f"the store has schema {', '.join(versions)}, this Raiway needs {schema_version()}",
            where=str(database),
            hint="ingest the landing folder into a new store, or use the Raiway that wrote it",
        )


def is_empty(database: Database) -> bool:
    """Whether a database that is there holds no table at all. Raises StoreError."""
    database.open(create=False)
    try:
        with database.transaction() as transaction:
            return not any(transaction.batches(_TABLES_OF_ALL[database.engine]))
    finally:
        database.close()


def _versions(transaction: Transaction) -> list[str]:
    return [
        each for batch in transaction.batches(select(SCHEMA.columns.version)) for each in batch[0]
    ]


# Any number will do that no other user of the server's advisory locks is likely to take.
_CREATING = 5_180_131

_TABLES_OF_ALL = {
    "sqlite": "SELECT name FROM sqlite_master LIMIT 1",
    "postgresql": (
        "SELECT relname::text FROM pg_class "
        "WHERE relnamespace = to_regnamespace(current_schema()) AND relkind IN ('r', 'p') LIMIT 1"
    ),
}

_FIND = {
    "sqlite": "SELECT name FROM sqlite_master WHERE name = 'store_schema'",
    "postgresql": "SELECT relname::text FROM pg_class WHERE oid = to_regclass('store_schema')",
}
