"""Mapped resources for tests of the store, and what other processes do to it in them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Delete, Insert

from adapter.mapping.mapped import MappedResource, Stamp, TypedRow, Unmapped
from adapter.store import open_store
from adapter.store.connect import Transaction

DAY = date(2022, 3, 1)
KILLED = 9


def resource(
    resource_id: str,
    *rows: TypedRow,
    resource_type: str = "Observation",
    site: str = "north",
    patient_key: str = "p1",
    rank: str = "1",
    retracted: bool = False,
    source: str = "observations.ndjson:1",
    unmapped: Sequence[Unmapped] = (),
) -> MappedResource:
    """One version of a resource; its content hash is made of its rank."""
    stamp = Stamp(
        site=site,
        resource_type=resource_type,
        resource_id=resource_id,
        patient_key=patient_key,
        version_id=rank,
        status="entered-in-error" if retracted else "final",
        rank=rank,
        content_hash=f"hash of {rank}",
        source=source,
        retracted=retracted,
    )
    return MappedResource(stamp, () if retracted else rows, tuple(unmapped))


def row(table: str, ordinal: int = 0, **columns: Any) -> TypedRow:
    """A row of any fact table."""
    return TypedRow(table, ordinal, columns)


def on(name: str, day: date, latest: date | None = None) -> dict[str, Any]:
    """The three columns of a date."""
    return {f"{name}_earliest": day, f"{name}_latest": latest or day, f"{name}_precision": "day"}


def tg(value: str, day: date = DAY, ordinal: int = 0) -> TypedRow:
    """A thyroglobulin result, as a row of `lab_result`."""
    exact = Decimal(value)
    return row(
        "lab_result", ordinal, analyte="Tg", value_low=exact, value_high=exact, **on("date", day)
    )


def load_all(url: str, batches: Sequence[Sequence[MappedResource]]) -> None:
    """Load batches one after another into a store that exists."""
    with open_store(url, create=False) as store:
        for batch in batches:
            store.load(batch, "run")


def load_and_die(url: str, batch: Sequence[MappedResource], verb: str, table: str) -> None:
    """Load a batch and end the process, without any clean-up, after one statement of the merge."""
    execute = Transaction.execute
    kind = {"delete": Delete, "insert": Insert}[verb]

    def executed_once_more(transaction: Transaction, statement: Any) -> None:
        execute(transaction, statement)
        target = getattr(statement, "table", None)
        if isinstance(statement, kind) and getattr(target, "name", None) == table:
            os._exit(KILLED)

    Transaction.execute = executed_once_more  # type: ignore[method-assign, assignment]
    load_all(url, [batch])
