"""Pages of a search or history that stay as they were while others write, until they expire."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
)

from adapter.api.fhir.failures import FhirFailure
from adapter.api.reports.stored import Page, microseconds
from adapter.api.reports.tables import report_version, snapshot, snapshot_entry
from adapter.api.reports.transaction import VERSION_COLUMNS, stored_of

_TOKEN = re.compile(r"([A-Za-z0-9_-]{32})\.([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class Paging:
    """How an answer is cut into pages.

    count: entries of a page, at least 1. owner: who alone may read on. life: of the snapshot.
    url: of the answer's `self` link, kept for the pages that follow.
    """

    count: int = 50
    owner: str = ""
    life: timedelta = timedelta(hours=1)
    url: str = ""


@dataclass(frozen=True, slots=True)
class LaterPage:
    """A page that a token got, and the `self` link of the first."""

    page: Page
    url: str


def first_page(
    connection: Connection,
    found: Select[Any],
    order: Sequence[ColumnElement[Any]],
    count: int,
) -> Page | None:
    """All that the query finds, if one page holds it. found: (id, version)."""
    first = found.order_by(*order).limit(count + 1)
    keys = [(row.id, row.version) for row in connection.execute(first)]
    if len(keys) > count:
        return None
    version = tuple_(report_version.c.id, report_version.c.version)
    rows = connection.execute(select(*VERSION_COLUMNS).where(version.in_(keys)))
    by_key = {(row.id, row.version): stored_of(row) for row in rows}
    return Page(tuple(by_key[key] for key in keys), len(keys))


def counted(connection: Connection, found: Select[Any]) -> int:
    """How many the query finds."""
    counted = select(func.count()).select_from(found.subquery())
    return connection.execute(counted).scalar_one()


def opened(
    connection: Connection,
    found: Select[Any],
    order: Sequence[ColumnElement[Any]],
    paging: Paging,
) -> Page:
    """Keep which versions the query finds, and return the first page. found: (id, version)."""
    now = datetime.now(UTC)
    connection.execute(delete(snapshot).where(snapshot.c.expires < microseconds(now)))
    secret = secrets.token_urlsafe(24)
    digest = _digest(secret)
    head = {
        "digest": digest,
        "owner": paging.owner,
        "expires": microseconds(now + paging.life),
        "total": 0,
        "page": paging.count,
        "url": paging.url,
    }
    connection.execute(insert(snapshot).values(head))
    numbered = found.add_columns(func.row_number().over(order_by=list(order)).label("position"))
    rows = numbered.subquery()
    names = ["digest", "id", "version", "position"]
    selected = select(literal(digest), rows.c.id, rows.c.version, rows.c.position)
    connection.execute(insert(snapshot_entry).from_select(names, selected))
    total = _count(connection, digest)
    connection.execute(snapshot.update().where(snapshot.c.digest == digest).values(total=total))
    return _page(connection, secret, 0, head | {"total": total})


def paged(
    connection: Connection,
    found: Select[Any],
    order: Sequence[ColumnElement[Any]],
    paging: Paging,
) -> Page:
    """The first page of what the query finds, on a connection that may write."""
    whole = first_page(connection, found, order, paging.count)
    return whole or opened(connection, found, order, paging)


def later(connection: Connection, token: str, owner: str) -> LaterPage:
    """The page that a token names.

    Raises FhirFailure 404 for a token that never was or is another's, 410 for an expired one.
    """
    matched = _TOKEN.fullmatch(token)
    if matched is None:
        raise _unknown()
    secret, start = matched[1], int(matched[2])
    digest = _digest(secret)
    asked = select(snapshot).where(snapshot.c.digest == digest, snapshot.c.owner == owner)
    head: Row[*tuple[Any, ...]] | None = connection.execute(asked).first()
    if head is None:
        raise _unknown()
    if head.expires < microseconds(datetime.now(UTC)):
        raise FhirFailure(410, "not-found", "these pages have expired: search again")
    return LaterPage(_page(connection, secret, start, head._asdict()), head.url)


def _page(connection: Connection, secret: str, start: int, head: dict[str, Any]) -> Page:
    end = start + head["page"]
    rows = connection.execute(
        select(*VERSION_COLUMNS)
        .join(
            snapshot_entry,
            (snapshot_entry.c.id == report_version.c.id)
            & (snapshot_entry.c.version == report_version.c.version),
        )
        .where(
            snapshot_entry.c.digest == _digest(secret),
            snapshot_entry.c.position > start,
            snapshot_entry.c.position <= end,
        )
        .order_by(snapshot_entry.c.position)
    )
    total = head["total"]
    token = f"{secret}.{end}" if end < total else ""
    return Page(tuple(stored_of(row) for row in rows), total, token)


def _count(connection: Connection, digest: str) -> int:
    entries = select(func.count()).where(snapshot_entry.c.digest == digest)
    return connection.execute(entries).scalar_one()


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _unknown() -> FhirFailure:
    # An expired snapshot is cleared away by the next search, so that this may also be why.
    return FhirFailure(404, "not-found", "no such page: it has expired, or never was; search again")
