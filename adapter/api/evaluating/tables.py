"""The tables of evaluation: jobs, and when a result was first made, in seconds since 1970."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, LargeBinary, String, Table, Text

from adapter.api.operational.metadata import metadata

job = Table(
    "server_job",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("worker", String(64), nullable=False, index=True),
    Column("created", Float, nullable=False),
    Column("heartbeat", Float, nullable=False),
    Column("ended", Float),
    Column("percent", Integer, nullable=False),
    Column("report", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("location", Text, nullable=False),
    Column("issue", String(64), nullable=False),
    Column("diagnostics", Text, nullable=False),
    Column("result", LargeBinary),
)
"""Asynchronous evaluations. owner: who started it. state: waiting, running, done, failed or
cancelled. worker: the process that does it. report: the id of the stored report, '' for none.
status: of HTTP, 0 until it has ended; location, issue, diagnostics: what goes with it. result: a
resource as JSON."""

evaluation = Table(
    "server_evaluation",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("made", Float, nullable=False, index=True),
)
"""When the result of this key, which stands for data, question and software, was first made."""
