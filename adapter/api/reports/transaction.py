"""Reading and changing stored reports on one connection: all of a transaction holds, or nothing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from adapter.api.fhir.failures import FhirFailure
from adapter.api.reports import indexing
from adapter.api.reports.stored import Method, Received, Stored, instant, microseconds, moment
from adapter.api.reports.tables import received as received_bytes
from adapter.api.reports.tables import report, report_reference, report_token, report_version
from adapter.elements import Json

NUL = "\0"
"""PostgreSQL takes none in a text, so that none is ever found."""

VERSION_COLUMNS = (
    report_version.c.id,
    report_version.c.version,
    report_version.c.updated,
    report_version.c.method,
    report_version.c.owner,
    report_version.c.resource,
)


class ReportTransaction:
    """The stored reports as one transaction sees them. One that changes them must be alone:
    `database.writing`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def current(self, key: str) -> Stored | None:
        """The current version, also a deletion; None where the id was never used."""
        return self._version(key, None)

    def read(self, key: str, version: int | None = None) -> Stored:
        """The current version, or that one. Raises FhirFailure 404, and 410 for a deletion."""
        found = self._version(key, version)
        if found is None:
            raise FhirFailure(404, "not-found", "no such MeasureReport, or no such version of it")
        if found.deleted:
            raise FhirFailure(
                410, "deleted", "the MeasureReport was deleted", headers={"ETag": found.etag}
            )
        return found

    def create(
        self, resource: Json, by: str, received: Received | None = None, key: str = ""
    ) -> Stored:
        """Store as a new report; an id in the resource is dropped.

        key: an id of the server's own that was already made, `new_id`.
        """
        key = key or new_id()
        return self._stored(self._next(key, resource, None, "POST", by), by, received, new=True)

    def update(
        self,
        key: str,
        resource: Json,
        if_match: int | None,
        by: str,
        received: Received | None = None,
    ) -> Stored:
        """Store as the next version of the report, or as a new one under the client's id.

        Equal content changes nothing. Raises FhirFailure 412 where if_match is not the current
        version, 409 where the report's date lies before the stored one's (it is an older
        revision), 403 where another client sent the report.
        """
        before = self.current(key)
        self._refuse_unmatched(before, if_match)
        self._refuse_foreign(before, by)
        if before is None or before.deleted:
            stored = self._next(key, resource, before, "PUT", by)
            return self._stored(stored, by, received, new=before is None)
        if content(before.resource) == content(resource):
            return before
        if _revision(resource) < _revision(before.resource):
            raise FhirFailure(
                409,
                "conflict",
                f"an older revision: its date lies before that of version {before.version}",
                expression=["MeasureReport.date"],
                headers={"ETag": before.etag},
            )
        return self._stored(self._next(key, resource, before, "PUT", by), by, received, new=False)

    def delete(self, key: str, if_match: int | None, by: str) -> Stored:
        """Delete, with a version that says so. A deleted one stays as it is.

        Raises FhirFailure 404 where the id was never used, 412 and 403 as `update` does.
        """
        before = self.current(key)
        if before is None:
            raise FhirFailure(404, "not-found", "no such MeasureReport")
        if before.deleted:
            return before
        self._refuse_unmatched(before, if_match)
        self._refuse_foreign(before, by)
        stored = self._next(key, {}, before, "DELETE", by)
        state = {"version": stored.version, "updated": microseconds(stored.updated)}
        self.connection.execute(
            update(report).where(report.c.id == key).values(deleted=True, **state)
        )
        self._insert_version(
            {**state, "id": key, "method": "DELETE", "author": by, "owner": before.owner}
            | _guarded(before.resource)
        )
        self._index(key, {})
        return replace(stored, change="deleted")

    def matching(self, where: Sequence[ColumnElement[bool]], at_most: int = 2) -> list[str]:
        """Ids of reports that are there and meet the conditions, at most so many."""
        found = select(report.c.id).where(report.c.deleted.is_(False), *where).limit(at_most)
        return list(self.connection.scalars(found))

    def received(self, key: str, version: int) -> Received | None:
        """The bytes that this version came in; None for one of our own."""
        found = self.connection.execute(
            select(received_bytes.c.content, received_bytes.c.media_type)
            .join(report_version, report_version.c.received == received_bytes.c.sha256)
            .where(report_version.c.id == key, report_version.c.version == version)
        ).first()
        return None if found is None else Received(found.content, found.media_type)

    def _version(self, key: str, version: int | None) -> Stored | None:
        if NUL in key:
            return None
        asked = report.c.version if version is None else version
        found = self.connection.execute(
            select(*VERSION_COLUMNS)
            .join(report, report.c.id == report_version.c.id)
            .where(report.c.id == key, report_version.c.version == asked)
        ).first()
        return None if found is None else stored_of(found)

    def _refuse_unmatched(self, before: Stored | None, if_match: int | None) -> None:
        if if_match is None or (before and before.version == if_match and not before.deleted):
            return
        found = f"version {before.version}" if before and not before.deleted else "none"
        headers = {"ETag": before.etag} if before else {}
        raise FhirFailure(
            412, "conflict", f"If-Match asks for version {if_match}, stored is {found}",
            headers=headers,
        )  # fmt: skip

    def _refuse_foreign(self, before: Stored | None, by: str) -> None:
        if before is not None and before.owner != by:
            raise FhirFailure(403, "forbidden", "another client sent this MeasureReport")

    def _stored(self, stored: Stored, by: str, received: Received | None, *, new: bool) -> Stored:
        key, searched = stored.id, indexing.columns(stored.resource)
        state = {"version": stored.version, "updated": microseconds(stored.updated)}
        values = {**state, **searched, "deleted": False}
        if new:
            self.connection.execute(insert(report).values(**values, id=key, owner=stored.owner))
        else:
            self.connection.execute(update(report).where(report.c.id == key).values(values))
        self._insert_version(
            {**state, "id": key, "method": stored.method, "author": by, "owner": stored.owner}
            | _guarded(stored.resource)
            | {"resource": json.dumps(stored.resource, separators=(",", ":"))}
            | {"received": self._kept(received)}
        )
        self._index(key, stored.resource)
        return stored

    @staticmethod
    def _next(key: str, resource: Json, before: Stored | None, method: Method, by: str) -> Stored:
        """The version that follows; never before the last one in time, whatever the clock does."""
        now = datetime.now(UTC)
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        updated = max(now, before.updated) if before else now
        number = before.version + 1 if before else 1
        meta = {
            **resource.get("meta", {}), "versionId": str(number), "lastUpdated": instant(updated)
        }  # fmt: skip
        bare = {name: value for name, value in resource.items() if name not in ("id", "meta")}
        whole = {"resourceType": "MeasureReport", "id": key, "meta": meta, **bare}
        created = before is None or before.deleted
        return Stored(
            key, whole, number, updated,
            deleted=method == "DELETE",
            owner=before.owner if before else by,
            method=method,
            change="created" if created else "updated",
        )  # fmt: skip

    def _insert_version(self, values: dict[str, Any]) -> None:
        self.connection.execute(insert(report_version).values(values))

    def _kept(self, received: Received | None) -> str | None:
        """The digest under which the bytes are kept."""
        if received is None:
            return None
        digest = sha256(received.content).hexdigest()
        known = select(received_bytes.c.sha256).where(received_bytes.c.sha256 == digest)
        if self.connection.execute(known).first() is None:
            row = {"sha256": digest, **asdict(received)}
            self.connection.execute(insert(received_bytes).values(row))
        return digest

    def _index(self, key: str, resource: Json) -> None:
        """What the report is found by; only of the current version, and of no deletion."""
        for table, rows in (
            (report_token, indexing.tokens(resource)),
            (report_reference, indexing.references(resource)),
        ):
            self.connection.execute(delete(table).where(table.c.id == key))
            if rows:
                self.connection.execute(insert(table), [{"id": key, **row} for row in rows])


def new_id() -> str:
    """An id of the server's own."""
    return str(uuid.uuid4())


def stored_of(row: Row[*tuple[Any, ...]]) -> Stored:
    """The version that a row of `server_report_version` holds."""
    updated = moment(row.updated)
    deleted = row.resource is None
    meta = {"versionId": str(row.version), "lastUpdated": instant(updated)}
    head = {"resourceType": "MeasureReport", "id": row.id, "meta": meta}
    resource = head if deleted else json.loads(row.resource)
    return Stored(row.id, resource, row.version, updated, deleted, row.owner, row.method)


def content(resource: Json) -> Json:
    """What the sender states, without what the server sets."""
    meta = {
        name: value
        for name, value in resource.get("meta", {}).items()
        if name not in ("versionId", "lastUpdated")
    }
    bare = {name: value for name, value in resource.items() if name not in ("id", "meta")}
    return {**bare, "meta": meta} if meta else bare


def _revision(resource: Json) -> int:
    """Reports of one key follow each other by their date."""
    return indexing.span(resource["date"])[0] if "date" in resource else indexing.BEGINNING


def _guarded(resource: Json) -> dict[str, Any]:
    """What decides who may see a version."""
    return {"type": resource.get("type"), "disclosure": indexing.disclosure_mode(resource)}
