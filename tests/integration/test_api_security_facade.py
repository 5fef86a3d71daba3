"""The whole application behind its security: no route was forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import inspect
from starlette.testclient import TestClient

from adapter.api.app import create_app
from adapter.api.fhir.surface import OFFERED
from adapter.api.operational.metadata import metadata
from adapter.api.security.headers import CONTENT_SECURITY_POLICY
from adapter.api.security.trail import verified
from adapter.config import Settings, load
from adapter.server_settings import ServerLimits, ServerSettings
from adapter.store import open_store
from tests.lib.judges import complaints
from tests.lib.secured import (
    OTHER_KEY,
    assertion,
    bearer,
    client_of,
    form,
    registered,
    token,
)
from tests.lib.serving import command

OPEN = {"/fhir/metadata", "/fhir/.well-known/smart-configuration"}
"""What may be had without a token below /fhir."""
AUDITOR = "system/AuditEvent.rs"


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    url = f"sqlite:///{tmp_path / 'raiway.db'}"
    with open_store(url, create=True):
        pass
    clients = (
        registered(tmp_path, scopes=("system/*.rs",)),
        registered(tmp_path, "other", [OTHER_KEY], scopes=(AUDITOR,)),
    )
    server = ServerSettings(
        authentication="required",
        clients=clients,
        limits=ServerLimits(requests_per_minute=100_000, tokens_per_minute=1000),
    )
    return create_app(Settings(server=server), url)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with client_of(app) as found:
        yield found


def fhir_routes(app: FastAPI) -> list[tuple[str, str]]:
    """Method and path, with an id filled in, of every route below /fhir."""
    return sorted(
        (method, re.sub(r"\{\w+(:\w+)?\}", "1", context.path))
        for context in iter_route_contexts(app.routes)
        if context.path and context.path.startswith("/fhir") and context.methods
        for method in context.methods
    )


def test_every_fhir_route_wants_a_token(app: FastAPI, client: TestClient) -> None:
    routes = fhir_routes(app)
    assert ("GET", "/fhir/MeasureReport/1") in routes
    assert len(routes) > 30
    body: dict[str, Any] = {"resourceType": "Bundle", "type": "batch", "entry": []}
    for method, path in routes:
        answer = client.request(method, path, json=body if method in {"POST", "PUT"} else None)
        status = 200 if path in OPEN else 401
        assert answer.status_code == status, (method, path)


def test_a_token_for_the_audit_opens_nothing_else(app: FastAPI, client: TestClient) -> None:
    headers = bearer(token(client, OTHER_KEY, "other", AUDITOR))
    for method, path in fhir_routes(app):
        if path in OPEN or path in {"/fhir", "/fhir/"} or "AuditEvent" in path or "$job" in path:
            continue
        answer = client.request(
            method,
            path,
            headers=headers,
            json={"resourceType": "MeasureReport"} if method in {"POST", "PUT"} else None,
        )
        assert answer.status_code == 403, (method, path, answer.text)


def test_a_batch_demands_the_scope_of_each_entry(client: TestClient) -> None:
    headers = bearer(token(client, OTHER_KEY, "other", AUDITOR))
    entries = [{"request": {"method": "GET", "url": "MeasureReport/1"}}]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    answer = client.post("/fhir", json=bundle, headers=headers)
    (entry,) = answer.json()["entry"]
    assert entry["response"]["status"].startswith("403")


def test_a_token_opens_what_it_is_for(client: TestClient) -> None:
    headers = bearer(token(client, scope="system/Measure.read"))
    answer = client.get("/fhir/Measure", headers=headers)
    assert answer.status_code == 200
    assert answer.json()["total"] > 0
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert client.get("/fhir/Library", headers=headers).status_code == 403


def test_every_type_that_is_offered_has_its_scope(client: TestClient) -> None:
    found = client.get("/.well-known/smart-configuration").json()["scopes_supported"]
    for offered in OFFERED:
        assert f"system/{offered.type}.rs" in found
        assert f"system/{offered.type}.read" in found


def test_the_tables_were_made_with_all_others(app: FastAPI) -> None:
    made = inspect(app.state.context.engine).get_table_names()
    assert {"server_audit_event", "server_signing_key", "server_used_nonce"} <= set(made)
    assert set(metadata.tables) <= set(made)


@pytest.mark.parametrize("judge", ["fhirkit", "pyfhircheck", "fhirpath_base"])
def test_events_are_valid_fhir(client: TestClient, judge: str) -> None:
    mine = bearer(token(client))
    client.get("/fhir/Measure/time-to-progression", headers=mine)
    client.get("/fhir/MeasureReport", headers=mine)
    client.get("/fhir/Measure")
    auditor = bearer(token(client, OTHER_KEY, "other", AUDITOR))
    bundle = client.get("/fhir/AuditEvent", headers=auditor).json()
    events = [entry["resource"] for entry in bundle["entry"]]
    assert len(events) >= 5
    assert complaints(judge, events) == [[]] * len(events)


def test_events_are_had_as_xml_too(client: TestClient) -> None:
    auditor = bearer(token(client, OTHER_KEY, "other", AUDITOR))
    answer = client.get("/fhir/AuditEvent", headers={**auditor, "Accept": "application/fhir+xml"})
    assert answer.status_code == 200
    assert "<AuditEvent" in answer.text


def test_real_workers_share_nonces_keys_and_the_audit(tmp_path: Path) -> None:
    """`raiway serve` with three processes: a replay is refused by all, a token taken by all."""
    with open_store(f"sqlite:///{tmp_path / 'raiway.db'}", create=True):
        pass
    client = registered(tmp_path)
    (tmp_path / "raiway.toml").write_text(
        '[store]\nurl = "sqlite:///raiway.db"\n[server]\nauthentication = "required"\nworkers = 3\n'
        f'[[server.clients]]\nid = "registry"\njwks_file = "{client.jwks_file}"\n'
    )
    with command(cwd=tmp_path) as server:
        url = f"{server.url}/auth/token"
        same = form(assertion(aud=url))
        # Each request has a connection of its own, and so may reach another worker.
        answers = [httpx2.post(url, data=same) for _ in range(15)]
        tokens = [httpx2.post(url, data=form(assertion(aud=url))) for _ in range(5)]
        reads = [
            httpx2.get(f"{server.url}/fhir/Measure", headers=bearer(answer.json()["access_token"]))
            for answer in tokens * 3
        ]
        log = server.log.read_text()
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 14
    assert {answer.status_code for answer in reads} == {200}
    found = load(tmp_path / "raiway.toml")
    assert verified(found, f"sqlite:///{tmp_path / 'raiway.db'}") == 15 + 5 + 15
    assert same["client_assertion"] not in log
    assert not any(answer.json()["access_token"] in log for answer in tokens)
