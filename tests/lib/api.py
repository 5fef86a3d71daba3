"""The FHIR surface alone, in this process: definitions, metadata, failures, routes of a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from sqlalchemy import create_engine
from starlette.responses import Response
from starlette.testclient import TestClient

from adapter.api.context import ApiContext
from adapter.api.fhir import capability, definitional, failures, methods
from adapter.api.fhir.body import resource_body
from adapter.api.fhir.reply import reply
from adapter.config import Settings
from adapter.elements import Json
from adapter.server_settings import ServerSettings

BASE = "http://127.0.0.1:8000/fhir"
JSON, XML = "application/fhir+json", "application/fhir+xml"


def application(*, report_base: str = "", **server: Any) -> FastAPI:
    """The surface with these settings of [server]; `POST /fhir/echo` answers with its body."""
    settings = Settings(server=ServerSettings(**server))
    if report_base:
        report = settings.report.model_copy(update={"base": report_base})
        settings = settings.model_copy(update={"report": report})
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.context = ApiContext(settings, "sqlite://", create_engine("sqlite://"))
    failures.install(app)
    methods.install(app)
    for router in (capability.router, definitional.router, _echo()):
        app.include_router(router, prefix="/fhir")
    return app


def client(app: FastAPI | None = None, **server: Any) -> TestClient:
    """A client of the surface that sees a failing server as its clients do."""
    return TestClient(app or application(**server), raise_server_exceptions=False)


def answering(resource: Json) -> TestClient:
    """A client of an app whose `GET /fhir/it` answers with this resource."""
    return raising(lambda request: reply(request, resource))


def raising(answer: Callable[[Request], Response]) -> TestClient:
    """A client of an app whose `GET /fhir/it` answers so, or fails so."""
    app = application()

    @app.get("/fhir/it")
    def it(request: Request) -> Response:
        return answer(request)

    return client(app)


def issue_of(response: Any) -> Json:
    """The one issue of an OperationOutcome in JSON."""
    found = response.json()
    assert found["resourceType"] == "OperationOutcome"
    (issue,) = found["issue"]
    return dict(issue)


def _echo() -> APIRouter:
    router = APIRouter()

    @router.post("/echo")
    def echo(request: Request, sent: Annotated[Json, Depends(resource_body)]) -> Response:
        return reply(request, sent)

    return router
