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

release = Table(
    "server_release",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("policy", String(32), nullable=False),
    Column("opened", Float, nullable=False),
    Column("cohort", String(64), nullable=False, index=True),
    Column("sites", Text, nullable=False),
    Column("counts", Text, nullable=False),
)
"""Reports under a disclosure policy that went out. key: of cohort, policy and Measure. cohort: of
period, sites, study and data. sites: a JSON list; counts: JSON, by linkId."""

evaluation = Table(
    "server_evaluation",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("made", Float, nullable=False, index=True),
)
"""When the result of this key, which stands for data, question and software, was first made."""
