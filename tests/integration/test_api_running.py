"""What runs around the answers: health, metrics, request ids, the description of the routes."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, table

from adapter.api.app import create_app
from adapter.api.operational.upgrade import VERSION_TABLE
from adapter.api.running.documentation import STATIC
from adapter.api.running.logs import JsonLines
from adapter.api.running.metrics import metrics_of
from adapter.api.running.observing import request_id
from adapter.api.running.serving import listening
from adapter.store import open_store
from tests.lib.serving import serving, settings

CANARY = "CANARY-4711"


@pytest.fixture
def app(store_url: str) -> Iterator[FastAPI]:
    """The application over an empty store, on each engine."""
    with open_store(store_url, create=True):
        pass
    made = create_app(settings(), store_url)
    yield made
    made.state.context.engine.dispose()


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


def test_it_is_ready_with_store_database_and_migrations(client: TestClient):
    found = client.get("/health/ready")
    assert found.status_code == 200
    checks = {"store": "ok", "database": "ok", "migrations": "ok"}
    assert found.json() == {"status": "ok", "checks": checks}
    assert found.headers["Cache-Control"] == "no-store"


def _lose_store(app: FastAPI) -> None:
    context = app.state.context
    app.state.context = replace(context, store_url="sqlite:////nowhere/CANARY-4711.db")


def _lose_database(app: FastAPI) -> None:
    engine = create_engine("postgresql+psycopg://CANARY-4711@127.0.0.1:1/nothing")
    app.state.context.engine.dispose()
    app.state.context = replace(app.state.context, engine=engine)


def _lose_migration(app: FastAPI) -> None:
    with app.state.context.engine.begin() as connection:
        connection.execute(table(VERSION_TABLE).delete())


@pytest.mark.parametrize(
    ("lose", "failed"),
    [
        (_lose_store, {"store"}),
        (_lose_database, {"database", "migrations"}),
        (_lose_migration, {"migrations"}),
    ],
)
def test_it_is_not_ready_without(lose: Any, failed: set[str], app: FastAPI, client: TestClient):
    lose(app)
    found = client.get("/health/ready")
    assert found.status_code == 503
    assert found.json()["status"] == "failed"
    assert {name for name, state in found.json()["checks"].items() if state == "failed"} == failed
    assert CANARY not in found.text
    assert client.get("/health/live").status_code == 200


def test_metrics_count_by_template_and_never_name_an_id(app: FastAPI, client: TestClient):
    client.get(f"/fhir/MeasureReport/{CANARY}")
    client.get(f"/fhir/{CANARY}")
    client.request("BREW", "/health/live")
    with metrics_of(app).evaluation():
        pass
    with pytest.raises(ZeroDivisionError), metrics_of(app).evaluation():
        raise ZeroDivisionError
    said = client.get("/metrics").text
    assert CANARY not in said
    route = 'method="GET",route="/fhir/MeasureReport/{id}"'
    assert f'raiway_http_requests_total{{{route},status="404"}} 1.0' in said
    assert f"raiway_http_request_seconds_count{{{route}}} 1.0" in said
    assert (
        'raiway_http_requests_total{method="OTHER",route="/health/live",status="405"} 1.0' in said
    )
    assert 'raiway_evaluation_seconds_count{outcome="done"} 1.0' in said
    assert 'raiway_evaluation_seconds_count{outcome="failed"} 1.0' in said
    assert "raiway_http_requests_open 1.0" in said


def test_every_label_is_known_beforehand(app: FastAPI, client: TestClient):
    for path in (
        "/",
        "/health",
        "/fhir/metadata",
        f"/fhir/Measure/{CANARY}",
        f"/{CANARY}?a={CANARY}",
    ):
        client.get(path)
    said = client.get("/metrics").text
    labels = set(re.findall(r'route="([^"]*)"', said))
    templates = {each.path for each in iter_route_contexts(app.routes)} | {"unmatched"}
    assert labels
    assert labels <= templates


@pytest.mark.parametrize("given", ["req-12345678", "0af7651916cd43dd8448eb211c80319c"])
def test_a_sane_request_id_is_kept(given: str, client: TestClient):
    answer = client.get("/health/live", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == given


@pytest.mark.parametrize(
    "given", [None, "", "short", "a" * 65, "x y z 1 2 3", '"},{"level":"error', "ünïcode-12345"]
)
def test_another_is_replaced(given: str | None):
    made = request_id(given)
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert made != request_id(given)


def test_an_unforeseen_exception_is_a_500_that_tells_nothing(
    app: FastAPI, client: TestClient, caplog: pytest.LogCaptureFixture
):
    @app.get("/fhir/broken/{id}")
    def broken(id: str) -> None:  # noqa: A002 - the name of the path's part
        raise ValueError(f"patient {id}")

    with caplog.at_level(logging.INFO, "adapter"):
        answer = client.get(f"/fhir/broken/{CANARY}", headers={"X-Request-Id": "req-12345678"})
    assert answer.status_code == 500
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert CANARY not in answer.text
    assert answer.headers["X-Request-Id"] == "req-12345678"
    assert "Content-Security-Policy" in answer.headers
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    assert CANARY not in json.dumps(lines)
    bug = next(line for line in lines if line["logger"] == "adapter.api.bugs")
    assert bug["error"] == "ValueError"
    assert bug["at"][-1].startswith("test_api_running.py:")
    assert bug["route"] == "/fhir/broken/{id}"


def test_requests_at_once_keep_their_own_ids(tmp_path: Path):
    with open_store(f"sqlite:///{tmp_path / 'raiway.db'}", create=True):
        pass
    found: dict[str, str] = {}
    with serving(f"sqlite:///{tmp_path / 'raiway.db'}") as origin:

        def ask(given: str) -> None:
            answer = httpx2.get(f"{origin}/health/ready", headers={"X-Request-Id": given})
            found[given] = answer.headers["X-Request-Id"]

        threads = [threading.Thread(target=ask, args=(f"request-{n:04d}",)) for n in range(16)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert len(found) == len(threads)
    assert all(given == returned for given, returned in found.items())


def test_every_route_is_described(app: FastAPI, client: TestClient):
    described = client.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            if path.startswith("/fhir") and "well-known" not in path:
                failed = operation["responses"]["default"]["content"]["application/fhir+json"]
                assert failed["schema"] == {"$ref": "#/components/schemas/OperationOutcome"}, where


def test_the_assets_are_those_of_their_release():
    folder = STATIC / "swagger-ui"
    listed = [line.split() for line in (folder / "SOURCE").read_text().splitlines()[1:]]
    assert {name for _, name in listed} == {f.name for f in folder.iterdir()} - {"SOURCE"}
    for digest, name in listed:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_an_evaluation_is_timed_once_and_a_job_is_counted(app: FastAPI, client: TestClient):
    url = "/fhir/Measure/time-to-progression/$evaluate-measure?periodStart=2000&periodEnd=2100"
    answers = [client.get(url) for _ in range(2)]
    job = client.get(url, headers={"Prefer": "respond-async"})
    assert [each.status_code for each in (*answers, job)] == [200, 200, 202]
    while client.get(job.headers["Content-Location"]).status_code == 202:
        time.sleep(0.05)
    said = client.get("/metrics").text
    assert 'raiway_evaluation_seconds_count{outcome="done"} 1.0' in said
    assert 'raiway_jobs{state="done"} 1.0' in said


def test_answers_are_sent_at_once():
    # asyncio leaves Nagle's algorithm on where the socket does not name its protocol.
    with listening(settings()) as at:
        assert at.socket.proto == socket.IPPROTO_TCP
