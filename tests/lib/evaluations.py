"""The evaluation operations as a client meets them: over the demo's store, in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from adapter import config, demo
from adapter.api.app import create_app
from adapter.api.security.admission import admitted_by
from adapter.api.security.principal import Principal
from adapter.config import Settings
from adapter.server_settings import ServerSettings

Json = dict[str, Any]

ORIGIN = "http://127.0.0.1:8000"
BASE = "https://raiway.example/fhir"
WHOLE = "/fhir/Measure/redifferentiation-outcomes/$evaluate-measure"
TYPE_LEVEL = "/fhir/Measure/$evaluate-measure"
EVALUATE = "/fhir/Measure/$evaluate"
PERIOD = {"periodStart": "2019", "periodEnd": "2022"}
ASYNC = {"Prefer": "respond-async"}
REGISTRY = Principal("registry", "client", ("system/*.rs",), "public", patient_level=False)


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a store with the synthetic hospital."""
    return demo.run(tmp_path_factory.mktemp("evaluated"), config.Settings()).store_url


def settings(folder: Path, **server: Any) -> Settings:
    """Settings whose operational database lies in a folder of the test's own."""
    chosen = {"database": f"sqlite:///{folder / 'server.db'}", "audit_log": folder / "audit.jsonl"}
    return Settings(server=ServerSettings(**{**chosen, **server}))


@contextmanager
def client(store_url: str, chosen: Settings) -> Iterator[TestClient]:
    """A client of an application that runs for as long."""
    app = create_app(chosen, store_url)
    with TestClient(app, base_url=ORIGIN, raise_server_exceptions=False) as found:
        yield found
    app.state.context.engine.dispose()


@contextmanager
def asking_as(client: TestClient, who: Principal) -> Iterator[None]:
    """Meanwhile every request of the client is this principal's."""
    app = client.app
    assert isinstance(app, FastAPI)
    before = admitted_by(app, app.state.context)
    app.state.admission = replace(before, open_to=who)
    try:
        yield
    finally:
        app.state.admission = before


def parameters(**values: Any) -> Json:
    """A Parameters resource: text as valueString, a list as repetitions, a dict as a resource."""
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": name, **({"resource": one} if isinstance(one, dict) else {"valueString": one})}
            for name, several in values.items()
            for one in (several if isinstance(several, list) else [several])
        ],
    }


def path_of(url: str) -> str:
    """The path of a URL that the server gave."""
    assert url.startswith(f"{ORIGIN}/fhir/")
    return url.removeprefix(ORIGIN)


def polled(client: TestClient, url: str, seconds: float = 30) -> Any:
    """The first answer of a job that is not 202."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = client.get(path_of(url))
        if answer.status_code != 202:
            return answer
        assert answer.headers["x-progress"]
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.content == b""
        time.sleep(0.05)
    raise AssertionError("the job did not end in time")


def issue(answer: Any) -> Json:
    """The one issue of an OperationOutcome."""
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome"
    (found,) = body["issue"]
    return dict(found)
