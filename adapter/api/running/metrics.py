"""What Prometheus may know of the server: counts and times by route template, never an id.

Several worker processes share their numbers through files, as prometheus-client does where
PROMETHEUS_MULTIPROC_DIR is set (`serving` sets it).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from adapter.api.context import context_of
from adapter.api.evaluating.tables import job
from adapter.api.operational.database import reading

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The metrics of one application, in a registry of its own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "raiway_http_requests",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "raiway_http_request_seconds",
            "From the request's head to the end of the answer.",
            ("method", "route"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._open = Gauge(
            "raiway_http_requests_open",
            "Requests that are being answered.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._evaluations = Histogram(
            "raiway_evaluation_seconds",
            "Evaluations of measures, from the store's rows to the report.",
            ("outcome",),
            buckets=SECONDS,
            registry=self.registry,
        )

    @contextmanager
    def request(self) -> Iterator[None]:
        """One more open request meanwhile."""
        self._open.inc()
        try:
            yield
        finally:
            self._open.dec()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer. route: the template, as `/fhir/MeasureReport/{id}`."""
        method = method if method in METHODS else "OTHER"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    @contextmanager
    def evaluation(self) -> Iterator[None]:
        """Time an evaluation; its outcome is `failed` where the body raises."""
        start, outcome = perf_counter(), "failed"
        try:
            yield
            outcome = "done"
        finally:
            self._evaluations.labels(outcome).observe(perf_counter() - start)

    def text(self) -> bytes:
        """The numbers of all workers in Prometheus' text format."""
        if FOLDER not in os.environ:
            return generate_latest(self.registry)
        _forget_the_dead(Path(os.environ[FOLDER]))
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]  # it has no types
        return generate_latest(shared)


def jobs_text(engine: Engine) -> bytes:
    """How many evaluations in the background are in each state, which the workers share.

    Empty where the database is out of reach: what else is known is told all the same.
    """
    registry = CollectorRegistry()
    gauge = Gauge("raiway_jobs", "Evaluations in the background.", ("state",), registry=registry)
    try:
        with reading(engine) as connection:
            counted = connection.execute(select(job.c.state, func.count()).group_by(job.c.state))
            for state, count in counted:
                gauge.labels(state).set(count)
    except SQLAlchemyError:
        return b""
    return generate_latest(registry)


def _forget_the_dead(folder: Path) -> None:
    """What a worker that was killed had open is no longer open."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]  # it has no types


router = APIRouter(tags=["running"])


@router.get("/metrics", summary="Numbers for Prometheus", response_class=Response)
def _metrics(request: Request) -> Response:
    """Requests by route template, evaluations and jobs, in Prometheus' text format."""
    told = metrics_of(request.app).text() + jobs_text(context_of(request).engine)
    return Response(told, media_type=CONTENT_TYPE_LATEST)


def metrics_of(app: FastAPI) -> Metrics:
    """The application's metrics."""
    metrics: Metrics = app.state.metrics
    return metrics


def install(app: FastAPI) -> None:
    """Give the application its metrics, and `/metrics`."""
    app.state.metrics = Metrics()
    app.include_router(router)
