"""The evaluations of one server process: asked, cached, bounded in number, or in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import Engine, delete, insert, select

from adapter.api.context import ApiContext
from adapter.api.evaluating.asked import Asked
from adapter.api.evaluating.cache import MEGABYTES, ResultCache
from adapter.api.evaluating.jobs import Jobs
from adapter.api.evaluating.progress import Progress
from adapter.api.evaluating.question import Sent, question
from adapter.api.evaluating.releases import Told, admit
from adapter.api.evaluating.results import Results, results
from adapter.api.evaluating.runner import Runner
from adapter.api.evaluating.tables import evaluation
from adapter.api.fhir.failures import FhirFailure
from adapter.api.operational.database import reading, writing
from adapter.api.reports.repository import ReportRepository
from adapter.quality.stamp import runs_so_far

if TYPE_CHECKING:
    from adapter.store import Store

PATIENCE_SECONDS = 10.0
RETRY_SECONDS = "10"
REMEMBERED = 100_000
"""Results whose date is known; of more, the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A question that can be answered: what is asked, the version of the data, and the date of
    the answer, which is that of the first time that this very question was answered."""

    asked: Asked
    data_version: str
    key: str
    made: datetime


class Evaluator:
    """What the routes of evaluation share in one process."""

    def __init__(self, context: ApiContext) -> None:
        limits = context.settings.server.limits
        self.context = context
        self.reports = ReportRepository(context.engine)
        self.jobs = Jobs(context.engine, kept=limits.snapshot.total_seconds())
        self.runner = Runner(
            self.jobs, limits.evaluations_at_once, limits.job_deadline.total_seconds()
        )
        self.cache: ResultCache[bytes] = ResultCache(MEGABYTES << 20, len)
        self.timed: Callable[[], AbstractContextManager[None]] = nullcontext
        self._free = threading.BoundedSemaphore(limits.evaluations_at_once)

    def plan(self, sent: Sent) -> Planned:
        """Read the request against the store. Raises FhirFailure as `question` does."""
        with self.context.store() as store:
            asked = question(sent, self.context.settings, store)
            version = store.fingerprint(asked.request.sites)
            key = asked.key(version, runs_so_far(store))
        return Planned(asked, version, key, first_made(self.context.engine, key))

    def now(self, planned: Planned) -> Results:
        """The results, while the client waits. Raises FhirFailure 503 where too many wait."""
        return self._results(planned, Progress(), PATIENCE_SECONDS)

    def background(self, planned: Planned, progress: Progress) -> Results:
        """The results, for a job: it waits for its turn until it is called off."""
        return self._results(planned, progress, None)

    def _results(self, planned: Planned, progress: Progress, patience: float | None) -> Results:
        def computed() -> tuple[bytes, bool]:
            self._take_turn(progress, patience)
            try:
                with self.timed(), self.context.store() as store:
                    return self._computed(planned, store, progress)
            finally:
                self._free.release()

        found = orjson.loads(self.cache.get(planned.key, computed))
        return Results(found["reports"], found["provenance"])

    def _computed(self, planned: Planned, store: Store, progress: Progress) -> tuple[bytes, bool]:
        settings = self.context.settings
        asked = planned.asked
        found, version = results(store, asked, settings, planned.made, progress)
        if asked.policy != "none" and asked.kind == "summary":
            sites = asked.request.sites or tuple(row.site for row in store.sites())
            reports = [report for each in found.reports for report in each]
            told = Told(asked.policy, asked.cohort(version), sites, reports)
            admit(self.context.engine, told)
        # Data that came in meanwhile belongs to another key.
        return orjson.dumps(found), version == planned.data_version

    def _take_turn(self, progress: Progress, patience: float | None) -> None:
        begun = time.monotonic()
        while not self._free.acquire(timeout=0.2):
            progress.told(0)
            if patience is not None and time.monotonic() - begun > patience:
                raise FhirFailure(
                    503,
                    "transient",
                    "too many evaluations at once; try again, or send Prefer: respond-async",
                    headers={"Retry-After": RETRY_SECONDS},
                )


def first_made(engine: Engine, key: str) -> datetime:
    """When the result of the key was first made, to the second: now, if nobody asked before.

    Every process gives the same.
    """
    found = _made(engine, key)
    if found is None:
        with writing(engine) as connection:
            now = float(int(time.time()))
            newest_first = select(evaluation.c.made).order_by(evaluation.c.made.desc())
            last = newest_first.offset(REMEMBERED).limit(1).scalar_subquery()
            connection.execute(delete(evaluation).where(evaluation.c.made <= last))
            known = connection.scalar(select(evaluation.c.made).where(evaluation.c.key == key))
            if known is None:
                connection.execute(insert(evaluation).values(key=key, made=now))
            found = now if known is None else known
    return datetime.fromtimestamp(found, UTC)


def _made(engine: Engine, key: str) -> float | None:
    with reading(engine) as connection:
        found: float | None = connection.scalar(
            select(evaluation.c.made).where(evaluation.c.key == key)
        )
        return found
