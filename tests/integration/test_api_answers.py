"""The whole application, with everybody's routes and middlewares: how it says that it cannot."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from adapter.api.app import create_app
from adapter.fhir_xml import from_xml
from tests.lib.api import JSON, XML, issue_of
from tests.lib.serving import settings


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    store = tmp_path_factory.mktemp("served") / "raiway.db"
    app = create_app(settings(port=8000), f"sqlite:///{store}")

    @app.get("/fhir/broken")
    def broken() -> None:
        raise RuntimeError("Jane Doe")

    base = "http://127.0.0.1:8000"
    with TestClient(app, base_url=base, raise_server_exceptions=False) as client:
        yield client


def test_a_bug_is_told_by_the_number_of_the_request_alone(server: TestClient) -> None:
    answer = server.get("/fhir/broken", headers={"X-Request-Id": "request-0001"})
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == "request-0001"
    issue = issue_of(answer)
    assert (issue["severity"], issue["code"]) == ("fatal", "exception")
    assert "request-0001" in issue["diagnostics"]
    assert "Jane" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code", "expression"),
    [
        ("GET", "/fhir/Nope", {}, 404, "not-found", "http.url"),
        ("GET", "/nope", {}, 404, "not-found", "http.url"),
        ("GET", "/fhir/Measure/nope", {}, 404, "not-found", "Measure.id"),
        ("PATCH", "/fhir/MeasureReport/a", {}, 405, "not-supported", "http.method"),
        ("PUT", "/fhir/Measure/a", {}, 405, "not-supported", "http.method"),
        ("GET", "/fhir/metadata", {"Accept": "text/turtle"}, 406, "not-supported", "http.Accept"),
        ("POST", "/fhir?_format=turtle", {"Content-Type": JSON}, 406, "not-supported",
         "http._format"),
        ("POST", "/fhir/MeasureReport", {"Content-Type": "text/turtle"}, 415, "not-supported",
         "http.Content-Type"),
        ("POST", "/fhir/MeasureReport", {"Content-Type": JSON}, 400, "structure", "http.body"),
        ("GET", "/fhir/MeasureReport?date=soon", {}, 400, "invalid", "http.date"),
    ],
)  # fmt: skip
def test_every_failure_has_a_code_and_a_place(
    server: TestClient, method: str, path: str, headers: dict[str, str], status: int, code: str,
    expression: str,
) -> None:  # fmt: skip
    content = b"{" if method == "POST" else None
    answer = server.request(method, path, headers=headers, content=content)
    assert answer.status_code == status
    issue = issue_of(answer)
    assert (issue["code"], issue["expression"]) == (code, [expression])
    assert answer.headers["content-type"].startswith(JSON)
    assert answer.headers["x-request-id"]
    assert ("allow" in answer.headers) is (status == 405)


def test_failures_come_as_xml_too(server: TestClient) -> None:
    answer = server.get("/fhir/Measure/nope?_format=xml")
    assert answer.headers["content-type"].startswith(XML)
    assert from_xml(answer.content)["issue"][0]["code"] == "not-found"


@pytest.mark.parametrize("path", ["Measure", "MeasureReport", "Measure/rai-uptake"])
def test_head_and_options_are_answered(server: TestClient, path: str) -> None:
    head, get = server.head(f"/fhir/{path}"), server.get(f"/fhir/{path}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    allowed = server.options(f"/fhir/{path}").headers["allow"].split(", ")
    assert {"GET", "HEAD", "OPTIONS"} <= set(allowed)


def test_a_compressed_body_is_read(server: TestClient) -> None:
    body = gzip.compress(json.dumps({"resourceType": "MeasureReport"}).encode())
    headers = {"Content-Type": JSON, "Content-Encoding": "gzip"}
    answer = server.post("/fhir/MeasureReport/$validate", content=body, headers=headers)
    assert answer.status_code == 200
    assert any("MeasureReport" in str(issue.get("expression")) for issue in answer.json()["issue"])
