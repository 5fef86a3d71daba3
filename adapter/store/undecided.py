"""Versions of a resource of which nothing says which is newer: only their content ranks them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import TableClause, and_, func, select

from adapter.mapping.mapped import MappedResource
from adapter.models import ResourceRow
from adapter.store.columns import table_of
from adapter.store.connect import Transaction

KEY = ("site", "resource_type", "resource_id")


def undecidable(one: MappedResource, other: MappedResource) -> bool:
    """Whether only the content ranks two versions, of which one at least states something."""
    if one.stamp.retracted or not (one.says_something or other.says_something):
        return False
    first, second = (each.stamp.rank.removesuffix(each.stamp.content_hash) for each in (one, other))
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
