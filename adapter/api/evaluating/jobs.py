"""Asynchronous evaluations as rows that all worker processes share.

A process writes a heartbeat to the rows of its jobs; a row whose heartbeat has stopped belongs to
a process that died, and whoever looks next makes it an error.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, and_, delete, func, insert, select, update

from adapter.api.evaluating.tables import job
from adapter.api.fhir.failures import FhirFailure
from adapter.api.operational.database import reading, writing

OPEN = ("waiting", "running")
LOST = "the process that evaluated this has stopped; ask again"
STALE_SECONDS = 30.0
RETRY_SECONDS = "10"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended: the status that a synchronous request would have had, and what with it."""

    status: int
    location: str = ""
    result: bytes | None = None
    issue: str = ""
    diagnostics: str = ""


class Jobs:
    """The table `server_job`. stale: seconds without a heartbeat after which a job is lost; kept:
    seconds that a result can be fetched."""

    def __init__(
        self,
        engine: Engine,
        *,
        kept: float,
        stale: float = STALE_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._kept = kept
        self._stale = stale
        self._now = now

    def add(self, owner: str, worker: str, at_most: int, report: str = "") -> str:
        """A new waiting job's id. Raises FhirFailure 429 where so many wait already."""
        now = self._now()
        key = uuid.uuid4().hex
        with writing(self._engine) as connection:
            connection.execute(delete(job).where(job.c.ended < now - self._kept))
            waiting = select(func.count()).where(job.c.state == "waiting", self._alive(now))
            if connection.execute(waiting.select_from(job)).scalar_one() >= at_most:
                raise FhirFailure(
                    429,
                    "throttled",
                    f"{at_most} evaluations wait already",
                    headers={"Retry-After": RETRY_SECONDS},
                )
            values: dict[str, Any] = {"id": key, "owner": owner, "worker": worker}
            values |= {"report": report}
            values |= {"state": "waiting", "created": now, "heartbeat": now, "percent": 0}
            values |= {"status": 0, "location": "", "issue": "", "diagnostics": ""}
            connection.execute(insert(job).values(values))
        return key

    def begin(self, key: str) -> bool:
        """Whether the job may begin: it was waiting, and now runs."""
        return self._moved(key, ("waiting",), {"state": "running", "heartbeat": self._now()})

    def end(self, key: str, ended: Ended) -> bool:
        """Note the end of an open job. False where it had been cancelled or given up."""
        state = "done" if ended.result is not None else "failed"
        values = {name: getattr(ended, name) for name in Ended.__slots__}
        return self._moved(key, OPEN, {**values, "state": state, "ended": self._now()})

    def beat(self, worker: str, percents: Mapping[str, int]) -> set[str]:
        """Say that the worker lives and how far its jobs are; those of them that nobody cancelled
        or gave up."""
        with writing(self._engine) as connection:
            for key, percent in percents.items():
                values = {"heartbeat": self._now(), "percent": percent}
                held = and_(job.c.id == key, job.c.worker == worker, job.c.state.in_(OPEN))
                connection.execute(update(job).where(held).values(values))
            found = select(job.c.id).where(job.c.worker == worker, job.c.state.in_(OPEN))
            return set(connection.scalars(found))

    def find(self, key: str, owner: str) -> Row[Any]:
        """The owner's job. Raises FhirFailure 404 where there is none, or not any more."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(job).where(job.c.id == key, job.c.owner == owner)
            ).first()
        gone = found is None or found.state == "cancelled"
        if found is None or gone or (found.ended or self._now()) < self._now() - self._kept:
            raise FhirFailure(404, "not-found", "no such job, or its result has expired")
        return found

    def expires(self, found: Row[Any]) -> float:
        """When the result of an ended job can no more be fetched; seconds since 1970."""
        return float(found.ended) + self._kept

    def cancel(self, key: str, owner: str) -> Row[Any]:
        """Call the owner's job off, or forget its result; the row as it was. Raises as `find`."""
        found = self.find(key, owner)
        states = (*OPEN, "done", "failed")
        values = {"state": "cancelled", "ended": self._now(), "result": None}
        self._moved(key, states, values)
        return found

    def give_up_lost(self) -> list[Row[Any]]:
        """Make errors of the jobs whose process is gone; each is returned to one caller only."""
        now = self._now()
        lost = and_(job.c.state.in_(OPEN), ~self._alive(now))
        with reading(self._engine) as connection:
            if connection.execute(select(job.c.id).where(lost)).first() is None:
                return []
        with writing(self._engine) as connection:
            found = list(connection.execute(select(job).where(lost)))
            values = {"state": "failed", "ended": now, "status": 500}
            values |= {"issue": "incomplete", "diagnostics": LOST}
            connection.execute(
                update(job).where(job.c.id.in_([row.id for row in found])).values(values)
            )
        return found

    def _alive(self, now: float) -> Any:
        return job.c.heartbeat >= now - self._stale

    def _moved(self, key: str, states: tuple[str, ...], values: Mapping[str, Any]) -> bool:
        change = update(job).where(job.c.id == key, job.c.state.in_(states)).values(**values)
        with writing(self._engine) as connection:
            return connection.execute(change).rowcount == 1
