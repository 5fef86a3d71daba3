"""Signed releases: admitted one after the other, and asked for again when reports are pooled.

release, new = admit(connection, arrival, rules)
report = trusted(connection, report_id, rules)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, insert, select

from adapter.api.inbox.key_registry import KeyRegistry
from adapter.api.inbox.tables import signed_release
from adapter.api.reports.stored import microseconds, moment
from adapter.api.reports.tables import received
from adapter.elements import Json
from adapter.pooling.site_report import reporter_key
from adapter.trust.chain import Link, check_newest, is_new, link_of
from adapter.trust.provenance import check_provenance, token_of
from adapter.trust.refusal import NotTrusted
from adapter.trust.release import Release, opened, report_key, verify

MEDIA_TYPE = "application/fhir+json"


@dataclass(frozen=True, slots=True)
class Rules:
    """By what releases are judged. audience: the FHIR base for which they must be signed."""

    keys: KeyRegistry
    audience: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A report's exact bytes, its Provenance as sent, and when they came."""

    content: bytes
    provenance: str
    at: datetime

    @property
    def report(self) -> Json:
        """The MeasureReport in the bytes. Raises NotTrusted where there is none."""
        try:
            found = json.loads(self.content)
        except ValueError:
            found = None
        if not isinstance(found, dict) or found.get("resourceType") != "MeasureReport":
            raise NotTrusted("report", "what was signed is no MeasureReport in JSON")
        return found


def verified(arrival: Arrival, rules: Rules) -> Release:
    """The release, once its signature, key, audience and claims hold; its place is not judged.

    Raises NotTrusted.
    """
    release = opened(token_of(arrival.provenance), arrival.content)
    claims = release.claims
    key = rules.keys.key(release.kid, claims.site, claims.moment, arrival.at)
    verify(release, arrival.content, key)
    if claims.audience.rstrip("/") != rules.audience.rstrip("/"):
        raise NotTrusted("audience", "the report was signed for another registry")
    report = arrival.report
    if claims.report != report_key(report) or claims.site != reporter_key(report["reporter"]):
        raise NotTrusted("report", "the signature claims another report than it covers")
    check_provenance(arrival.provenance, report)
    return release


def admit(
    connection: Connection, arrival: Arrival, rules: Rules, *, gaps: bool = False
) -> tuple[Release, bool]:
    """The release, verified, in its place and on record; and whether it is new.

    gaps: see `chain.is_new`. Must be within a writing transaction. Raises NotTrusted.
    """
    release = verified(arrival, rules)
    new = is_new(release, links(connection, release.claims.site), gaps=gaps)
    if new:
        _record(connection, release, arrival)
    return release, new


def links(connection: Connection, site: str) -> list[Link]:
    """The releases of the site that were taken."""
    table = signed_release.c
    found = select(table.number, table.hash, table.report, table.revision).where(table.site == site)
    return [Link(*row) for row in connection.execute(found)]


def trusted(connection: Connection, report_id: str, rules: Rules) -> Json:
    """The MeasureReport of this id as it was signed last: its exact bytes, read again.

    Everything is checked anew, since a key may have been revoked after the report was taken, but
    for its validity, which is that of the day when it came. Raises NotTrusted.
    """
    table = signed_release.c
    row = connection.execute(
        select(table.provenance, table.taken, received.c.content)
        .join(received, received.c.sha256 == table.content)
        .where(table.report_id == report_id)
        .order_by(table.revision.desc())
    ).first()
    if row is None:
        raise NotTrusted("unsigned", "it is not signed")
    arrival = Arrival(row.content, row.provenance, moment(row.taken))
    release = verified(arrival, rules)
    taken = links(connection, release.claims.site)
    if link_of(release) not in taken:
        raise NotTrusted("chain", "the record of the site's releases does not hold it")
    check_newest(release, taken)
    return arrival.report


def _record(connection: Connection, release: Release, arrival: Arrival) -> None:
    claims = release.claims
    row: dict[str, Any] = {
        "hash": release.hash,
        "site": claims.site,
        "number": claims.number,
        "report": claims.report,
        "revision": claims.revision,
        "taken": microseconds(arrival.at.astimezone(UTC)),
        "token": release.token,
        "provenance": arrival.provenance,
        "content": _kept(connection, arrival.content),
        "report_id": str(arrival.report.get("id", "")),
    }
    connection.execute(insert(signed_release).values(row))


def _kept(connection: Connection, content: bytes) -> str:
    """The digest under which the exact bytes are kept."""
    digest = sha256(content).hexdigest()
    known = select(received.c.sha256).where(received.c.sha256 == digest)
    if connection.execute(known).first() is None:
        row = {"sha256": digest, "media_type": MEDIA_TYPE, "content": content}
        connection.execute(insert(received).values(row))
    return digest
