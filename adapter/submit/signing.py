"""The next release of a site's chain."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version

from adapter.pull.auth.keys import SigningKey
from adapter.submit.record import Entry, Record
from adapter.submit.report import Outgoing
from adapter.trust.provenance import header_value, signed_provenance
from adapter.trust.release import Claims, sign

SOFTWARE = f"raiway {version('raiway')}"
"""As a Provenance names it."""


def next_claims(report: Outgoing, audience: str, record: Record, now: datetime) -> Claims:
    """What the report's release will claim, after those on record."""
    chain = record.chain(audience, report.site)
    revisions = [each.revision for each in chain if each.report == report.key]
    return Claims(
        site=report.site,
        audience=audience,
        report=report.key,
        number=chain[-1].number + 1 if chain else 1,
        previous=chain[-1].hash if chain else "",
        revision=max(revisions, default=0) + 1,
        signed=int(now.timestamp()),
    )


def signed_entry(report: Outgoing, claims: Claims, key: SigningKey) -> Entry:
    """The release, signed, as the record holds it. Raises ConfigurationError for an unfit key."""
    release = sign(report.content, claims, key)
    resource = signed_provenance(report.report, report.measure, SOFTWARE, release)
    return Entry(
        audience=claims.audience,
        site=claims.site,
        report=claims.report,
        number=claims.number,
        revision=claims.revision,
        hash=release.hash,
        content=report.digest,
        provenance=header_value(resource),
        file=str(report.file),
    )
