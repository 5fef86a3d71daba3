"""Operational databases for tests, and what other processes do to them (importable, for spawn)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine

from adapter.api.fhir.failures import FhirFailure
from adapter.api.operational.database import migrate, operational_engine
from adapter.api.reports.repository import ReportRepository
from adapter.config import Settings

REPORT: dict[str, Any] = {
    "resourceType": "MeasureReport",
    "status": "complete",
    "type": "summary",
    "measure": "https://raiway.example/fhir/Measure/time-to-progression|0.1.0",
    "date": "2026-11-23T12:00:00+00:00",
    "reporter": {"reference": "Organization/example-hospital"},
    "period": {"start": "2019-12-01", "end": "2022-11-30"},
}
"""A report's head, for what looks no deeper."""


@contextmanager
def unmigrated(store_url: str) -> Iterator[Engine]:
    """The engine of a store's operational tables, which are not made."""
    engine = operational_engine(Settings(), store_url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def migrated(store_url: str) -> Iterator[Engine]:
    """The engine of a store's operational tables."""
    with unmigrated(store_url) as engine:
        migrate(engine)
        yield engine


def migrate_alone(store_url: str) -> None:
    """What each of several starting workers does."""
    with migrated(store_url):
        pass


def amend(store_url: str, key: str, times: int) -> None:
    """Add 1 to a report's count so often, as a careful client: with If-Match, again on 412."""
    with migrated(store_url) as engine:
        reports = ReportRepository(engine)
        done = 0
        while done < times:
            found = reports.read(key)
            amended = with_count(count_of(found.resource) + 1)
            try:
                reports.update(key, amended, found.version, "site")
            except FhirFailure as failure:
                if failure.status != 412:
                    raise
            else:
                done += 1


def with_count(count: int) -> dict[str, Any]:
    """A report that says so many."""
    return REPORT | {"group": [{"population": [{"count": count}]}]}


def count_of(report: dict[str, Any]) -> int:
    """What `with_count` said."""
    count: int = report["group"][0]["population"][0]["count"]
    return count
