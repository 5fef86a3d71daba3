"""What stands before every route: scopes, Host, headers, rates, bounds of bodies (G3, G4, G12)."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from adapter.api.security.headers import CONTENT_SECURITY_POLICY
from adapter.server_settings import ServerLimits
from tests.lib.secured import (
    OTHER_KEY,
    assertion,
    bearer,
    client_of,
    form,
    registered,
    secured,
    token,
)


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return client_of(secured(tmp_path))


def bounded(folder: Path, **limits: int) -> TestClient:
    """An open server with these limits."""
    return client_of(
        secured(folder, authentication="none", clients=(), limits=ServerLimits(**limits))
    )


# Who may


def test_without_a_token_nothing_but_metadata_is_given(client: TestClient) -> None:
    for method, url in (
        ("GET", "/fhir/Measure"),
        ("GET", "/fhir/MeasureReport/1"),
        ("POST", "/fhir/MeasureReport"),
        ("GET", "/fhir/AuditEvent"),
    ):
        answer = client.request(method, url)
        assert answer.status_code == 401, url
        assert answer.headers["www-authenticate"] == 'Bearer realm="raiway"'
        assert answer.json()["issue"][0]["code"] == "login"
    assert client.get("/fhir/metadata").status_code == 200


def test_a_scope_allows_its_type_and_letters_only(tmp_path: Path) -> None:
    scopes = ("system/MeasureReport.cu", "system/Measure.rs")
    client = client_of(secured(tmp_path, clients=(registered(tmp_path, scopes=scopes),)))
    sender = bearer(token(client, scope="system/MeasureReport.cu"))
    assert client.post("/fhir/MeasureReport", json={}, headers=sender).status_code == 200
    for url in ("/fhir/MeasureReport/1", "/fhir/Measure", "/fhir/AuditEvent"):
        answer = client.get(url, headers=sender)
        assert answer.status_code == 403, url
        assert answer.json()["issue"][0]["code"] == "forbidden"
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("scope", "reads", "creates"),
    [
        ("system/*.read", 200, 403),
        ("system/MeasureReport.read", 200, 403),
        ("system/MeasureReport.write", 403, 200),
        ("system/MeasureReport.*", 200, 200),
        ("system/*.cruds", 200, 200),
        ("system/MeasureReport.c", 403, 200),
        ("system/MeasureReport.s", 403, 403),
    ],
)
def test_scopes_of_both_versions_hold(tmp_path: Path, scope: str, reads: int, creates: int) -> None:
    everything = registered(tmp_path, scopes=("system/*.cruds",))
    client = client_of(secured(tmp_path, clients=(everything,)))
    headers = bearer(token(client, scope=scope))
    assert client.get("/fhir/MeasureReport/1", headers=headers).status_code == reads
    assert client.post("/fhir/MeasureReport", headers=headers).status_code == creates


def test_the_policy_is_the_clients(tmp_path: Path) -> None:
    clients = (
        registered(tmp_path, policy="registry", patient_level=True),
        registered(tmp_path, "other", [OTHER_KEY]),
    )
    client = client_of(secured(tmp_path, clients=clients))
    mine = client.get("/fhir/Measure", headers=bearer(token(client))).json()
    other = client.get("/fhir/Measure", headers=bearer(token(client, OTHER_KEY, "other"))).json()
    assert (mine["policy"], mine["patient_level"]) == ("registry", True)
    assert (other["policy"], other["patient_level"]) == ("public", False)


def test_an_open_server_takes_anybody_as_anonymous(tmp_path: Path) -> None:
    client = client_of(secured(tmp_path, authentication="none", policy="registry"))
    assert client.get("/fhir/Measure").json() == {
        "id": "anonymous",
        "kind": "anonymous",
        "scopes": ["system/*.cruds"],
        "policy": "registry",
        "patient_level": True,
    }
    # A token still tells whose policy holds, and a stale one is told, so that it is renewed.
    assert client.get("/fhir/Measure", headers=bearer(token(client))).json()["id"] == "registry"
    assert client.get("/fhir/Measure", headers=bearer("stale")).status_code == 401


# Headers


@pytest.mark.parametrize("url", ["/fhir/metadata", "/fhir/Measure", "/health/live", "/nowhere"])
def test_every_answer_has_the_security_headers(client: TestClient, url: str) -> None:
    headers = client.get(url).headers
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "strict-transport-security" not in headers


def test_https_is_told_to_stay_https(tmp_path: Path) -> None:
    app = secured(tmp_path, public_url="https://raiway.example", behind_proxy=True)
    client = TestClient(app, base_url="https://raiway.example")
    headers = client.get("/fhir/metadata").headers
    assert headers["strict-transport-security"].startswith("max-age=")


def test_only_discovery_and_metadata_are_open_to_other_origins(client: TestClient) -> None:
    asked = {"Origin": "https://elsewhere.example"}
    for url in ("/.well-known/smart-configuration", "/fhir/metadata"):
        assert client.get(url, headers=asked).headers["access-control-allow-origin"] == "*"
        preflight = client.options(url, headers={**asked, "Access-Control-Request-Method": "GET"})
        assert preflight.status_code == 204
        assert "GET" in preflight.headers["access-control-allow-methods"]
    for url in ("/fhir/Measure", "/auth/token"):
        answer = client.get(url, headers={**asked, **bearer(token(client))})
        assert "access-control-allow-origin" not in answer.headers


def test_answers_with_data_are_not_kept_by_shared_caches(client: TestClient) -> None:
    headers = client.get("/fhir/Measure", headers=bearer(token(client))).headers
    assert headers["cache-control"] == "private, no-cache"
    assert "Authorization" in headers["vary"]


# Host


@pytest.mark.parametrize("host", ["attacker.example", "169.254.169.254", "", "127.0.0.1.evil.tld"])
def test_a_request_under_another_name_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/fhir/metadata", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert client.get("/health/live", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "LOCALHOST"])
def test_this_machines_names_are_taken_on_loopback(client: TestClient, host: str) -> None:
    assert client.get("/fhir/metadata", headers={"Host": host}).status_code == 200


# Rates


def test_one_address_is_slowed_down(tmp_path: Path) -> None:
    client = bounded(tmp_path, requests_per_minute=3)
    assert [client.get("/fhir/metadata").status_code for _ in range(3)] == [200] * 3
    answer = client.get("/fhir/metadata")
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.json()["issue"][0]["code"] == "throttled"
    assert client.get("/health/live").status_code == 200


def test_clients_are_counted_apart_from_their_address(tmp_path: Path) -> None:
    client = client_of(secured(tmp_path, limits=ServerLimits(requests_per_minute=4)))
    mine, other = token(client), token(client, OTHER_KEY, "other")
    for text in (mine, other):
        # The first use of a token counts for the address, the others for its client.
        statuses = [client.get("/fhir/Measure", headers=bearer(text)).status_code for _ in range(6)]
        assert statuses == [200] * 5 + [429]


def test_tokens_are_limited_more_tightly(tmp_path: Path) -> None:
    client = client_of(secured(tmp_path, limits=ServerLimits(tokens_per_minute=2)))
    answers = [client.post("/auth/token", data=form(assertion())) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) >= 1
    assert client.get("/fhir/metadata").status_code == 200


def test_guesses_at_tokens_count_for_who_guesses(tmp_path: Path) -> None:
    client = client_of(secured(tmp_path, limits=ServerLimits(requests_per_minute=5)))
    statuses = [client.get("/fhir/Measure", headers=bearer(f"x{n}")).status_code for n in range(7)]
    assert statuses == [401] * 5 + [429] * 2


# Bodies


def test_a_long_body_is_refused(tmp_path: Path) -> None:
    client = bounded(tmp_path, body_mb=1)
    for content in (b" " * (1 << 20) + b" ", iter([b" " * (1 << 20), b" "])):
        answer = client.post("/fhir/MeasureReport", content=content)
        assert answer.status_code == 413
        assert answer.json()["issue"][0]["code"] == "too-long"
    assert client.post("/fhir/MeasureReport", content=b" " * (1 << 20)).status_code == 200


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    client = bounded(tmp_path, body_mb=1)
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/fhir+json"}
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    answer = client.post("/fhir/MeasureReport", content=bomb, headers=headers)
    assert answer.status_code == 413
    small = gzip.compress(b"{}" + b" " * 1000)
    answer = client.post("/fhir/MeasureReport", content=small, headers=headers)
    assert (answer.status_code, answer.json()["length"]) == (200, 1002)
    for broken in (small[:-9], b"no gzip", small + b"more"):
        answer = client.post("/fhir/MeasureReport", content=broken, headers=headers)
        assert answer.status_code == 400
    headers["Content-Encoding"] = "br"
    assert client.post("/fhir/MeasureReport", content=b"", headers=headers).status_code == 415


def test_deep_json_is_refused(tmp_path: Path) -> None:
    client = bounded(tmp_path, json_depth=10)
    for depth, status in ((10, 200), (11, 400), (100_000, 400)):
        content = "[" * depth + "]" * depth
        answer = client.post(
            "/fhir/MeasureReport", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == status, depth
    flat = json.dumps({"text": "[{" * 1000, "more": ['\\"', "[" * 50]})
    answer = client.post(
        "/fhir/MeasureReport", content=flat, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200
