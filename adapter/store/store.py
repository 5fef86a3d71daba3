"""The analytic store: typed facts in, one patient after another out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from sqlmodel import SQLModel

from adapter.errors import UsageError
from adapter.mapping.digest import Digests
from adapter.mapping.mapped import MappedResource, Rejected
from adapter.models import (
    IngestRunRow,
    PatientRow,
    QuarantineRow,
    ResourceRow,
    SetAsideRow,
    SiteRow,
)
from adapter.store import query, schema
from adapter.store.connect import Database, Transaction
from adapter.store.digests import fingerprint
from adapter.store.interest import interest
from adapter.store.kept import Place, keep
from adapter.store.load import LoadCounts, load
from adapter.store.mended import release_mended
from adapter.store.prepare import Prepared, prepare
from adapter.store.stage import put, remove

if TYPE_CHECKING:
    from adapter.store.coverage import CoverageCounts
    from analytics.course import PatientFacts

Model = TypeVar("Model", bound=SQLModel)
SOME = 32
"""Rows of up to half a megabyte that are in memory at once."""


@contextmanager
def open_store(url: str, *, create: bool) -> Iterator[Store]:
    """Open the store at a URL: `sqlite:///raiway.db`, `postgresql+psycopg://user@host/database`.

    create: make the tables (and the SQLite file) where they are missing.

    Raises UsageError for a URL that is none of these, StoreError for a store that cannot be
    reached or read, is no Raiway store, or has another version's tables.
    """
    database = Database(url)
    try:
        database.open(create=create)
        if create:
            schema.create(database)
        schema.check(database)
        yield Store(database)
    finally:
        database.close()


class Store:
    """An open store. Each call is one transaction of its own; threads may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __str__(self) -> str:
        return str(self._database)

    def load(
        self,
        batch: Sequence[MappedResource],
        run_id: str,
        silent: Sequence[MappedResource] = (),
        rejected: Sequence[Rejected] = (),
    ) -> LoadCounts:
        """Bring a batch in, whole or not at all; of each resource the greatest rank holds.

        silent: versions that state nothing. They take back what an older version in the store
        stated, and leave no trace where there is none: a hospital's noise is not kept.
        rejected: what could not be mapped goes into quarantine, each line once; versions that came
        before what is now mapped leave it.
        """
        return self.load_prepared(prepare(batch, silent), run_id, rejected)

    def load_prepared(
        self, batch: Prepared, run_id: str, rejected: Sequence[Rejected] = ()
    ) -> LoadCounts:
        """`load` of what is prepared."""
        with self._database.transaction() as transaction:
            counts = load(transaction, batch, run_id)
            release_mended(transaction, batch, run_id)
            if rejected:
                put(transaction, [_quarantined(each, run_id) for each in rejected])
            return counts

    def patients(
        self, sites: Sequence[str] = (), patient_keys: Sequence[str] = ()
    ) -> Iterator[PatientFacts]:
        """The patients that have facts, ordered by key, all as of one moment.

        sites, patient_keys: only these (none named: all). Memory holds some thousand at a time.
        """
        from adapter.store.facts import patients

        with self._database.transaction(snapshot=True) as transaction:
            yield from patients(transaction, sites, patient_keys)

    @contextmanager
    def again(self) -> Iterator[Store]:
        """The same store for a process that was forked: connections cannot be shared with it."""
        with open_store(
            self._database.url.render_as_string(hide_password=False), create=False
        ) as own:
            yield own

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """One moment of the store, for several questions of `adapter.store`'s modules."""
        with self._database.transaction(snapshot=True) as transaction:
            yield transaction

    def keep(self, definition: str, packed: Mapping[Place, str]) -> None:
        """Keep what was derived, as `adapter.store.kept` has it; not in a store that this user
        may only read."""
        if packed and self._database.writable():
            made = datetime.now(UTC).isoformat(timespec="seconds")
            with self._database.transaction() as transaction:
                keep(transaction, definition, packed, made)

    def find_patient(self, text: str, site: str = "") -> str | None:
        """The key of a patient named by key, `Patient/id` or id; None where there is none.

        Raises UsageError where several sites have the id and `site` is empty.
        """
        at_site = {"site": site} if site else {}
        with self._database.transaction(snapshot=True) as transaction:
            if any(query.rows(transaction, ResourceRow, {"patient_key": text, **at_site})):
                return text
            identified = {"patient_id": text.removeprefix("Patient/"), **at_site}
            found = {row.patient_key for row in query.rows(transaction, PatientRow, identified)}
        if len(found) > 1:
            raise UsageError("several sites have a patient of this id", hint="name the site")
        return found.pop() if found else None

    def resource(self, site: str, resource_type: str, resource_id: str) -> ResourceRow | None:
        """The version of a resource that the facts stand for."""
        key = {"site": site, "resource_type": resource_type, "resource_id": resource_id}
        return next(self.rows(ResourceRow, **key), None)

    def quarantined(self, site: str | None = None) -> Iterator[QuarantineRow]:
        """What lies in quarantine, of one site or all."""
        return self.rows(QuarantineRow, **({"site": site} if site is not None else {}))

    def release(self, quarantine_ids: Sequence[str]) -> None:
        """Take out of quarantine what has been mapped, or is given up."""
        if quarantine_ids:
            with self._database.transaction() as transaction:
                remove(transaction, QuarantineRow, "quarantine_id", quarantine_ids)

    def begin_run(self, run: IngestRunRow) -> None:
        """Note that an ingest has begun."""
        self._put(run)

    def end_run(self, run: IngestRunRow) -> None:
        """Note what an ingest came to: the row it began with, its end and counts filled in."""
        self._put(run)

    def runs(self) -> list[IngestRunRow]:
        """All ingests, the earliest first."""
        return sorted(self.rows(IngestRunRow), key=lambda run: (run.started, run.run_id))

    def unfinished_runs(self, sites: Sequence[str] = ()) -> list[IngestRunRow]:
        """The ingests of the sites (none named: all) that have no end, the earliest first.

        They failed, were interrupted or still run. One after which the same site has read the
        same paths to the end counts no more.
        """
        unfinished: dict[tuple[str, str], list[IngestRunRow]] = {}
        for run in self.runs():
            if run.ended is None:
                unfinished.setdefault((run.site, run.paths), []).append(run)
            else:
                unfinished.pop((run.site, run.paths), None)
        found = [run for runs in unfinished.values() for run in runs]
        return [run for run in found if not sites or run.site in sites]

    def site(self, name: str) -> SiteRow | None:
        """The site of this name, if it has sent data."""
        return next(self.rows(SiteRow, site=name), None)

    def register_site(self, site: str, timezone: str, privacy: str = "identified") -> None:
        """Note a site that sends data, its time zone, and how its data was de-identified."""
        self._put(SiteRow(site=site, timezone=timezone, privacy=privacy))

    def sites(self) -> list[SiteRow]:
        """The sites that sent data, by name."""
        return list(self.rows(SiteRow))

    def rows(self, model: type[Model], **equal: str) -> Iterator[Model]:
        """The rows of any table whose text columns equal what is given, ordered by key."""
        with self._database.transaction(snapshot=True) as transaction:
            yield from query.rows(transaction, model, equal)

    def set_aside(self, site: str) -> Iterator[SetAsideRow]:
        """What earlier ingests of the site left unread, split by split."""
        with self._database.transaction(snapshot=True) as transaction:
            yield from query.rows(transaction, SetAsideRow, {"site": site}, SOME)

    def replace_set_aside(
        self, site: str, paths: Sequence[str], rows: Sequence[SetAsideRow]
    ) -> None:
        """Note what was left unread, instead of what was noted of these files."""
        with self._database.transaction() as transaction:
            remove(transaction, SetAsideRow, "path", paths, site=site)
        for at in range(0, len(rows), SOME):
            with self._database.transaction() as transaction:
                put(transaction, rows[at : at + SOME])

    def interest(self, site: str) -> Digests:
        """What the site's facts ask for among the lines that its ingests left aside; sorted."""
        with self._database.transaction(snapshot=True) as transaction:
            return interest(transaction, site)

    def unmapped(self, sites: Sequence[str] = ()) -> Iterator[dict[str, str]]:
        """The codes, units and values that nothing maps, once for each resource of the sites."""
        from adapter.store import coverage

        with self._database.transaction(snapshot=True) as transaction:
            yield from coverage.unmapped(transaction, sites)

    def coverage(
        self,
        outcomes: Mapping[str, Sequence[str]],
        stated: Mapping[str, str],
        sites: Sequence[str] = (),
    ) -> CoverageCounts:
        """What the sites' resources state for the outcomes, as `CoverageCounts` has it.

        outcomes: their fact tables. stated: table -> the column that is filled where a row of it
        states a fact.
        """
        from adapter.store import coverage

        with self._database.transaction(snapshot=True) as transaction:
            return coverage.counts(transaction, outcomes, stated, sites)

    def fingerprint(self, sites: Sequence[str] = ()) -> str:
        """The version of the data: a SHA-256 that only the sites' facts determine."""
        with self._database.transaction(snapshot=True) as transaction:
            return fingerprint(transaction, sites)

    def counts(self) -> dict[str, int]:
        """The number of rows of each table."""
        with self._database.transaction(snapshot=True) as transaction:
            return query.counts(transaction, schema.TABLES)

    def _put(self, row: SQLModel) -> None:
        with self._database.transaction() as transaction:
            put(transaction, [row])


def _quarantined(rejected: Rejected, run_id: str) -> QuarantineRow:
    said = "\x1f".join((rejected.site, rejected.reason, rejected.raw or rejected.source))
    return QuarantineRow(
        quarantine_id=hashlib.sha256(said.encode("utf-8", "replace")).hexdigest(),
        site=rejected.site,
        source=rejected.source,
        resource_type=rejected.resource_type,
        resource_id=rejected.resource_id,
        reason=rejected.reason,
        issue_code=rejected.issue_code,
        path=rejected.path,
        raw=rejected.raw,
        run_id=run_id,
    )
