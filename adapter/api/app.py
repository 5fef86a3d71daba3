"""The application: everybody's routes and middlewares around one context."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from adapter.api import pages, pooling_routes, secure_sum_routes
from adapter.api.context import ApiContext
from adapter.api.evaluating import routes as evaluating
from adapter.api.fhir import capability, definitional, failures, methods
from adapter.api.inbox import provenance_routes
from adapter.api.operational.database import migrate, operational_engine
from adapter.api.reports import routes as reports
from adapter.api.running import documentation, health, metrics, observing
from adapter.api.security import installation
from adapter.config import Settings

FHIR = "/fhir"


def create_app(settings: Settings, store_url: str) -> FastAPI:
    """The FHIR facade over a store that exists; the operational tables are made or brought up.

    Raises RaiwayError where the operational database is out of reach or a setting is wrong.
    """
    app = documentation.titled()
    engine = operational_engine(settings, store_url)
    migrate(engine)
    app.state.context = context = ApiContext(settings, store_url, engine)
    _release_at_the_end(app, context)
    # The first middleware that is added is the innermost.
    observing.install_innermost(app)
    failures.install(app)
    methods.install(app)
    _add_routes(app)
    secure_sum_routes.install(app, context)
    installation.install(app, context)
    pages.install(app)
    observing.install(app)
    return app


def _add_routes(app: FastAPI) -> None:
    """The first route that fits a path answers: operations come before `Measure/{id}`."""
    metrics.install(app)
    health.install(app)
    documentation.install(app)
    evaluating.install(app)
    app.state.evaluator.timed = metrics.metrics_of(app).evaluation
    app.include_router(pooling_routes.router, prefix=FHIR)
    reports.install(app)
    app.include_router(provenance_routes.router, prefix=FHIR)
    app.include_router(capability.router, prefix=FHIR)
    app.include_router(definitional.router, prefix=FHIR)


def _release_at_the_end(app: FastAPI, context: ApiContext) -> None:
    """Close the database once all that is added later has stopped."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[None]:
        async with inner(running):
            try:
                yield
            finally:
                context.engine.dispose()

    app.router.lifespan_context = lifespan
