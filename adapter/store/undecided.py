"""Versions of a resource of which nothing says which is newer: only their content ranks them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import TableClause, and_, func, select

from adapter.models import ResourceRow
from adapter.store.columns import table_of
from adapter.store.connect import Transaction

KEY = ("site", "resource_type", "resource_id")


class Version(NamedTuple):
    """What is staged of a version; retracted, silent: `1` or `0`."""

    rank: str
    content_hash: str
    retracted: str
    silent: str


def undecidable(one: Version, other: Version) -> bool:
    """Whether only the content ranks two versions, of which one at least states something."""
    if one.retracted == "1" or one.silent == other.silent == "1":
        return False
    first, second = (each.rank.removesuffix(each.content_hash) for each in (one, other))
    return first == second


def undecided_in_store(transaction: Transaction, resources: TableClause) -> Iterator[str]:
    """Where the staged versions stand that only their content ranks against the store's."""
    held, coming = table_of(ResourceRow), resources.columns
    first, second = (
        func.replace(each.rank, each.content_hash, "") for each in (coming, held.columns)
    )
    same = and_(*(held.columns[name] == coming[name] for name in KEY))
    found = (
        select(coming.source)
        .join(held, same)
        .where(coming.rank != held.columns.rank, first == second, coming.retracted == "0")
        .order_by(coming.source)
    )
    for batch in transaction.batches(found):
        yield from batch[0]
