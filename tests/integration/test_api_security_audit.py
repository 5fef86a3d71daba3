"""The audit as AuditEvents and as a chained file; and no token or patient's data in any log."""

from __future__ import annotations

import json
import logging
import secrets
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from starlette.testclient import TestClient

from adapter.api.context import ApiContext
from adapter.api.running.logs import JsonLines
from adapter.api.security.audit_log import verify
from adapter.api.security.trail import audit_file, newest_link, verified
from adapter.api.security.users import User, add_user
from adapter.errors import ConfigurationError, GateFailed
from tests.lib.secured import (
    ASSERTION_TYPE,
    OTHER_KEY,
    app_of,
    assertion,
    bearer,
    client_of,
    form,
    registered,
    secured,
    token,
)

AUDITOR = "system/AuditEvent.rs"
FILE = "raiway-audit.jsonl"


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    clients = (registered(tmp_path), registered(tmp_path, "other", [OTHER_KEY], scopes=(AUDITOR,)))
    return client_of(secured(tmp_path, clients=clients))


def searched(client: TestClient, **parameters: str) -> dict[str, Any]:
    answer = client.get("/fhir/AuditEvent", params=parameters, headers=auditor(client))
    assert answer.status_code == 200, answer.text
    return answer.json()


def auditor(client: TestClient) -> dict[str, str]:
    return bearer(token(client, OTHER_KEY, "other", AUDITOR))


def resources(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle.get("entry", [])]


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / FILE).read_text().splitlines()]


def test_each_read_is_an_event_of_its_client(client: TestClient, tmp_path: Path) -> None:
    client.get("/fhir/MeasureReport/17", headers=bearer(token(client)))
    (event,) = resources(searched(client, action="R"))
    assert event["type"]["code"] == "rest"
    assert event["subtype"][0]["code"] == "read"
    assert event["outcome"] == "0"
    assert event["agent"][0]["who"]["identifier"]["value"] == "registry"
    assert event["agent"][0]["requestor"] is True
    assert event["entity"][0]["what"] == {"reference": "MeasureReport/17"}
    assert event["outcomeDesc"] == "200 /fhir/MeasureReport/{identity}"
    (line,) = [line for line in lines(tmp_path) if line["action"] == "R"]
    assert line["who"] == "registry"
    assert line["count"] == 1
    assert line["route"] == "/fhir/MeasureReport/{identity}"
    assert "17" not in json.dumps([line["route"], line["interaction"], line["type"]])


def test_who_is_not_let_in_is_in_the_audit_too(client: TestClient) -> None:
    client.get("/fhir/Measure")
    client.post("/fhir/MeasureReport", headers=bearer(token(client)))
    client.post("/auth/token", data=form(assertion(exp=1)))
    found = {
        event["outcomeDesc"]: event["agent"][0]["who"]["identifier"]["value"]
        for event in resources(searched(client, outcome="4"))
    }
    assert found == {
        "401 /fhir/Measure": "unknown",
        "403 /fhir/MeasureReport": "registry",
        "401 /auth/token": "unknown",
    }


@pytest.mark.parametrize(
    ("parameters", "number"),
    [
        ({"action": "R"}, 2),
        ({"action": "R,C"}, 3),
        ({"action:not": "R", "agent:identifier": "urn:raiway:principal|registry"}, 2),
        ({"entity": "MeasureReport/1"}, 1),
        ({"entity": "MeasureReport/11"}, 0),
        ({"agent-name": "Regis"}, 4),
        ({"agent-name:exact": "regis"}, 0),
        ({"subtype": "read"}, 2),
        ({"type": "110114", "agent-name": "registry"}, 1),
        ({"type": "rest"}, 3),
        ({"subtype": "http://hl7.org/fhir/restful-interaction|read,create"}, 3),
        ({"subtype": "token", "agent-name": "registry"}, 1),
        ({"subtype": "operation"}, 0),
        ({"outcome": "4"}, 1),
        ({"date": "ge2000", "action": "R"}, 2),
        ({"date": "lt2000"}, 0),
        ({"entity:missing": "false"}, 2),
        ({"action": "R", "_count": "0"}, 2),
    ],
)
def test_events_are_searched(client: TestClient, parameters: dict[str, str], number: int) -> None:
    mine = bearer(token(client))
    for name in ("1", "2"):
        client.get(f"/fhir/MeasureReport/{name}", headers=mine)
    client.post("/fhir/MeasureReport", headers=mine)
    assert searched(client, **parameters)["total"] == number


def test_pages_do_not_move_while_events_are_written(client: TestClient) -> None:
    mine = bearer(token(client))
    for number in range(5):
        client.get(f"/fhir/MeasureReport/{number}", headers=mine)
    for sort, order in (("-date", "43210"), ("date", "01234")):
        page = searched(client, action="R", _count="2", _sort=sort)
        seen = []
        while True:
            assert page["total"] == 5
            seen += [event["entity"][0]["what"]["reference"][-1] for event in resources(page)]
            links = {link["relation"]: link["url"] for link in page["link"]}
            if "next" not in links:
                break
            page = client.get(links["next"], headers=auditor(client)).json()
        assert "".join(seen) == order


def test_one_event_is_read_by_its_id(client: TestClient) -> None:
    mine = bearer(token(client))
    client.get("/fhir/Measure", headers=mine)
    event = resources(searched(client, action="E", subtype="search-type"))[0]
    answer = client.get(f"/fhir/AuditEvent/{event['id']}", headers=auditor(client))
    assert answer.json() == event
    assert client.get("/fhir/AuditEvent/none", headers=auditor(client)).status_code == 404
    assert client.get(f"/fhir/AuditEvent/{event['id']}", headers=mine).status_code == 403


def test_tampering_is_found_with_the_tables_help(client: TestClient, tmp_path: Path) -> None:
    mine = bearer(token(client))
    for number in range(3):
        client.get(f"/fhir/MeasureReport/{number}", headers=mine)
    newest = newest_link(app_of(client).state.context.engine)
    assert newest is not None
    assert verify(tmp_path / FILE, newest) == 4
    context = app_of(client).state.context
    assert verified(context.settings, context.store_url) == 4
    whole = (tmp_path / FILE).read_text().splitlines(keepends=True)
    (tmp_path / FILE).write_text("".join(whole[:-1]))
    with pytest.raises(GateFailed, match="missing"):
        verify(tmp_path / FILE, newest)


def test_what_cannot_be_audited_is_not_given_out(client: TestClient, tmp_path: Path) -> None:
    mine = bearer(token(client))
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    answer = client.get("/fhir/MeasureReport/1", headers=mine)
    assert answer.status_code == 503
    assert "registry" not in answer.text


def test_a_server_with_authentication_must_have_an_audit_file(tmp_path: Path) -> None:
    app = secured(tmp_path)
    context = app.state.context
    assert audit_file(context) == tmp_path / FILE
    elsewhere = tmp_path / "elsewhere.jsonl"
    assert audit_file(secured(tmp_path, audit_log=elsewhere).state.context) == elsewhere


def test_no_token_and_no_patients_data_is_in_any_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Canaries in every place that a client fills: none is logged, none is in the audit's file."""
    caplog.set_level(logging.DEBUG)
    add_user(tmp_path / "users.json", User("anna", ""), "correct horse battery")
    (tmp_path / "session.key").touch(mode=0o600)
    (tmp_path / "session.key").write_text(secrets.token_hex(32))
    client = client_of(
        secured(
            tmp_path,
            users_file=tmp_path / "users.json",
            session_key=str(tmp_path / "session.key"),
        )
    )
    canary = "canary-" + secrets.token_hex(8)
    mine = token(client)
    sent = [assertion(), assertion(jti=canary, exp=1), assertion(sub=canary)]
    for text in sent:
        client.post("/auth/token", data=form(text))
    client.post("/auth/token", data=form(canary, canary, client_id=canary))
    client.post("/auth/login", data={"name": "anna", "password": canary, "csrf": canary})
    client.get(f"/fhir/MeasureReport/{canary}", headers=bearer(mine))
    client.get("/fhir/Measure", params={"patient": canary}, headers=bearer(canary))
    client.get("/fhir/Measure", headers={"Cookie": f"raiway-session={canary}"})
    client.post("/fhir/MeasureReport", content=canary, headers=bearer(mine))
    client.get(f"/fhir/{canary}", headers={"Host": canary})
    # The test's own client logs what it asks for.
    records = [each for each in caplog.records if not each.name.startswith("httpx2")]
    said = "\n".join(map(JsonLines().format, records)) + (tmp_path / FILE).read_text()
    assert "sub differs from iss" in said
    assert len(lines(tmp_path)) >= 7
    for secret in (canary, mine, *sent, mine.split(".")[2], ASSERTION_TYPE):
        assert secret not in said


def test_missing_audit_file_is_a_configuration_error(tmp_path: Path) -> None:
    """PostgreSQL has no folder for it to lie in."""
    settings = secured(tmp_path).state.context.settings
    context = ApiContext(settings, "", create_engine("postgresql+psycopg://nowhere/x"))
    with pytest.raises(ConfigurationError, match="audit_log"):
        audit_file(context)
