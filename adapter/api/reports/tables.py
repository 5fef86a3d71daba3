"""The tables of stored MeasureReports: the current state, every version, and what is searched by.

Instants are microseconds since 1970 in UTC, which both engines compare as integers.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from adapter.api.operational.metadata import metadata

ID = String(64)

report = Table(
    "server_report",
    metadata,
    Column("id", ID, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("updated", BigInteger, nullable=False, index=True),
    Column("deleted", Boolean, nullable=False),
    Column("owner", String(200), nullable=False),
    Column("type", String(64)),
    Column("status", String(64), index=True),
    Column("measure", Text, index=True),
    Column("measure_version", Text),
    Column("date_low", BigInteger, index=True),
    Column("date_high", BigInteger),
    Column("period_low", BigInteger, index=True),
    Column("period_high", BigInteger),
    Column("disclosure", String(64)),
)
"""The current version of each report. disclosure: the mode that the report states, NULL for none.
A span holds its low end, not its high end."""

received = Table(
    "server_received",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("media_type", String(200), nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""The exact bytes that reports came in, once for all reports of a Bundle."""

report_version = Table(
    "server_report_version",
    metadata,
    Column("id", ID, ForeignKey(report.c.id), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("updated", BigInteger, nullable=False, index=True),
    Column("method", String(8), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("type", String(64)),
    Column("disclosure", String(64)),
    Column("author", String(200), nullable=False),
    Column("resource", Text),
    Column("received", String(64), ForeignKey(received.c.sha256)),
)
"""Every version. resource: JSON, NULL where the version is a deletion. received: what it came in,
NULL for a report of our own."""

report_token = Table(
    "server_report_token",
    metadata,
    Column("id", ID, ForeignKey(report.c.id), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("parameter", String(64), nullable=False),
    Column("system", Text, nullable=False),
    Column("code", Text, nullable=False),
    Index("ix_server_report_token_code", "parameter", "code", "system"),
)
"""What a token parameter of the current version finds. system: '' for none."""

report_reference = Table(
    "server_report_reference",
    metadata,
    Column("id", ID, ForeignKey(report.c.id), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("parameter", String(64), nullable=False),
    Column("base", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("target", Text, nullable=False),
    Index("ix_server_report_reference_target", "parameter", "target", "type"),
)
"""What a reference parameter of the current version finds. base: '' for a relative reference;
type: '' where the reference is not of the form [base/]Type/id, then target is all of it."""

snapshot = Table(
    "server_snapshot",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("owner", String(200), nullable=False, index=True),
    Column("expires", BigInteger, nullable=False, index=True),
    Column("total", Integer, nullable=False),
    Column("page", Integer, nullable=False),
    Column("url", Text, nullable=False),
)
"""A search or history whose pages are still being read. digest: SHA-256 of its token; url: of its
`self` link."""

snapshot_entry = Table(
    "server_snapshot_entry",
    metadata,
    Column(
        "digest", String(64), ForeignKey(snapshot.c.digest, ondelete="CASCADE"), primary_key=True
    ),
    Column("position", Integer, primary_key=True),
    Column("id", ID, nullable=False),
    Column("version", Integer, nullable=False),
    ForeignKeyConstraint(
        ["id", "version"],
        [report_version.c.id, report_version.c.version],
    ),
)
