"""Quarantined versions of resources that have been mended at their source and sent again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select, tuple_

from adapter.errors import InvalidValue
from adapter.mapping.dates import sortable
from adapter.models import QuarantineRow
from adapter.store.columns import table_of
from adapter.store.connect import Transaction
from adapter.store.prepare import Prepared
from adapter.store.stage import remove, stage

KEY = ("site", "resource_type", "resource_id")


def release_mended(transaction: Transaction, mapped: Prepared, run_id: str) -> None:
    """Take out of quarantine the versions of these resources that came before them.

    One that came in the same run, or that says it is newer, waits on.
    """
    if not len(mapped) or not _holds_any(transaction):
        return
    keys = zip(*(mapped.texts(name) for name in KEY), strict=True)
    updated = dict(zip(keys, mapped.texts("last_updated"), strict=True))
    mended = [
        quarantine_id
        for quarantine_id, *key, raw in _waiting(transaction, list(updated), run_id)
        if _last_updated(raw) <= updated[tuple(key)]
    ]
    if mended:
        remove(transaction, QuarantineRow, "quarantine_id", mended)


def _holds_any(transaction: Transaction) -> bool:
    held = table_of(QuarantineRow).columns
    return any(transaction.batches(select(held.quarantine_id).limit(1)))


def _waiting(
    transaction: Transaction, keys: Sequence[Sequence[str]], run_id: str
) -> Iterator[tuple[str, ...]]:
    """(id, site, type, id of the resource, raw) of the quarantined versions of other runs."""
    staged = stage(transaction, "mended", KEY, keys)
    held = table_of(QuarantineRow).columns
    key = tuple_(*(held[name] for name in KEY))
    listed = select(held.quarantine_id, *(held[name] for name in KEY), held.raw).where(
        key.in_(select(*(staged.columns[name] for name in KEY))), held.run_id != run_id
    )
    for batch in transaction.batches(listed):
        yield from zip(*batch, strict=True)


def _last_updated(raw: str) -> str:
    """The lastUpdated of a quarantined line, as stamps have it; '' where it says none."""
    try:
        meta: Any = json.loads(raw).get("meta", {})
        return sortable(meta.get("lastUpdated"))
    except (ValueError, AttributeError, RecursionError, InvalidValue):
        return ""
