"""The stored MeasureReports of the server, in the operational database.

repository = ReportRepository(engine)
stored = repository.create(report, by=who.id)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, select

from adapter.api.operational.database import reading, writing
from adapter.api.reports import snapshots
from adapter.api.reports.snapshots import LaterPage, Paging
from adapter.api.reports.stored import Page, Received, Stored
from adapter.api.reports.tables import report, report_version
from adapter.api.reports.transaction import ReportTransaction
from adapter.elements import Json

Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """What a search asks for: conditions on `server_report`, all of them met, and an order."""

    where: tuple[Condition, ...] = ()
    order: tuple[ColumnElement[Any], ...] = ()

    @property
    def versions(self) -> Select[Any]:
        """(id, version) of what it finds."""
        return select(report.c.id, report.c.version).where(report.c.deleted.is_(False), *self.where)

    @property
    def whole_order(self) -> tuple[ColumnElement[Any], ...]:
        """The order, ties broken: newest first, then by id."""
        return (*self.order, report.c.updated.desc(), report.c.id)


class ReportRepository:
    """Reports by id, with all their versions. Each call is a transaction of its own.

    Failures are FhirFailure, as `ReportTransaction` says.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def changing(self) -> Iterator[ReportTransaction]:
        """Several changes that hold together or not at all; no other writer is between them."""
        with writing(self._engine) as connection:
            yield ReportTransaction(connection)

    @contextmanager
    def seeing(self) -> Iterator[ReportTransaction]:
        """Several reads of one state."""
        with reading(self._engine) as connection:
            yield ReportTransaction(connection)

    def create(self, resource: Json, by: str, received: Received | None = None) -> Stored:
        """Store a new report under an id of the server's own."""
        with self.changing() as transaction:
            return transaction.create(resource, by, received)

    def update(
        self,
        key: str,
        resource: Json,
        if_match: int | None,
        by: str,
        received: Received | None = None,
    ) -> Stored:
        """Store the next version of a report, or a new one under the client's id."""
        with self.changing() as transaction:
            return transaction.update(key, resource, if_match, by, received)

    def delete(self, key: str, by: str, if_match: int | None = None) -> Stored:
        """Delete a report; its history stays."""
        with self.changing() as transaction:
            return transaction.delete(key, if_match, by)

    def read(self, key: str) -> Stored:
        """The current version. Raises FhirFailure 404 or 410."""
        with self.seeing() as transaction:
            return transaction.read(key)

    def vread(self, key: str, version: int) -> Stored:
        """That version. Raises FhirFailure 404, or 410 where it is a deletion."""
        with self.seeing() as transaction:
            return transaction.read(key, version)

    def received(self, key: str, version: int) -> Received | None:
        """The exact bytes that came as a version; None for a report of our own."""
        with self.seeing() as transaction:
            return transaction.received(key, version)

    def search(self, query: ReportQuery | None = None, paging: Paging | None = None) -> Page:
        """The first page of the reports that a query finds; deleted ones are not found."""
        asked = query or ReportQuery()
        return self._first_page(asked.versions, asked.whole_order, paging or Paging())

    def count(self, query: ReportQuery) -> int:
        """How many reports a query finds."""
        with reading(self._engine) as connection:
            return snapshots.counted(connection, query.versions)

    def history(
        self,
        key: str | None = None,
        paging: Paging | None = None,
        where: Sequence[Condition] = (),
    ) -> Page:
        """The first page of the versions of a report, or of all; the newest first.

        where: on `server_report_version`. Raises FhirFailure 404 for an id that was never used.
        """
        found = select(report_version.c.id, report_version.c.version).where(*where)
        if key is not None:
            self._refuse_unknown(key)
            found = found.where(report_version.c.id == key)
        newest = (
            report_version.c.updated.desc(),
            report_version.c.id,
            report_version.c.version.desc(),
        )
        return self._first_page(found, newest, paging or Paging())

    def later(self, token: str, owner: str) -> LaterPage:
        """The page that a token of this owner names. Raises FhirFailure 404 or 410."""
        with reading(self._engine) as connection:
            return snapshots.later(connection, token, owner)

    def _refuse_unknown(self, key: str) -> None:
        with self.seeing() as transaction:
            if transaction.current(key) is None:
                transaction.read(key)

    def _first_page(
        self, found: Select[Any], order: Sequence[ColumnElement[Any]], paging: Paging
    ) -> Page:
        """Without a snapshot where one page holds all."""
        with reading(self._engine) as connection:
            if page := snapshots.first_page(connection, found, order, paging.count):
                return page
        with self._engine.begin() as connection:
            return snapshots.opened(connection, found, order, paging)
