"""The table of signed releases that were taken."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from adapter.api.operational.metadata import metadata
from adapter.api.reports.tables import received

signed_release = Table(
    "server_signed_release",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("site", String(500), nullable=False),
    Column("number", Integer, nullable=False),
    Column("report", String(36), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("taken", BigInteger, nullable=False),
    Column("token", Text, nullable=False),
    Column("provenance", Text, nullable=False),
    Column("content", String(64), ForeignKey(received.c.sha256), nullable=False),
    Column("report_id", String(64), nullable=False, index=True),
    UniqueConstraint("site", "number", name="uq_server_signed_release_site"),
)
"""One row for each release. hash: of what was signed. report: the report's key, `report_key`.
taken: microseconds since 1970. content: the exact bytes. report_id: the MeasureReport's id."""
