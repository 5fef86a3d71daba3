"""Every failure is an OperationOutcome with a code, and says where it can."""

from __future__ import annotations

import logging

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.testclient import TestClient

from adapter import errors
from adapter.api.fhir.failures import FhirFailure, outcome
from tests.lib.api import XML, application, client, issue_of, raising


def failing(error: Exception) -> TestClient:
    def answer(_: object) -> Response:
        raise error

    return raising(answer)


def test_a_failure_tells_status_code_place_and_headers() -> None:
    failure = FhirFailure(
        429, "throttled", "too many", expression=["http.x"], headers={"Retry-After": "9"}
    )
    answer = failing(failure).get("/fhir/it")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "9"
    assert issue_of(answer) == {
        "severity": "error", "code": "throttled", "diagnostics": "too many",
        "expression": ["http.x"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.UsageError("a"), 400, "invalid"),
        (errors.DefinitionError("a"), 400, "invalid"),
        (errors.GateFailed("a"), 422, "business-rule"),
        (errors.InvalidResource("a"), 422, "structure"),
        (errors.InvalidValue("a"), 422, "value"),
        (errors.EvaluationFailed("a"), 422, "processing"),
        (errors.StoreError("a"), 503, "transient"),
        (errors.LandingError("a"), 503, "transient"),
        (errors.ConfigurationError("a"), 500, "invalid"),
        (errors.RaiwayError("a"), 500, "exception"),
    ],
)
def test_errors_of_ours_have_their_status_and_issue_code(
    error: errors.RaiwayError, status: int, code: str
) -> None:
    answer = failing(error).get("/fhir/it")
    assert answer.status_code == status
    assert issue_of(answer)["code"] == code
    assert ("retry-after" in answer.headers) is (status == 503)


def test_what_the_server_lacks_is_told_to_the_log_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = errors.StoreError("secret.db cannot be read", where="/srv/secret")
    with caplog.at_level(logging.ERROR):
        answer = failing(error).get("/fhir/it")
    assert "secret" not in answer.text
    assert "StoreError: secret.db cannot be read (/srv/secret)" in caplog.text


def test_a_bug_tells_nothing_of_itself() -> None:
    found = failing(RuntimeError("Jane Doe")).get("/fhir/it")
    assert found.status_code == 500
    issue = issue_of(found)
    assert (issue["code"], issue["severity"]) == ("exception", "fatal")
    assert "Jane" not in found.text


def test_a_bug_names_the_request_for_the_log() -> None:
    app = application()

    @app.get("/fhir/it")
    def broken() -> None:
        raise RuntimeError

    @app.middleware("http")
    async def numbered(request, call_next):
        request.state.request_id = "abc123"
        return await call_next(request)

    assert "request abc123" in issue_of(client(app).get("/fhir/it"))["diagnostics"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/fhir/nope", 404, "not-found"),
        ("GET", "/fhir/Measure/nope", 404, "not-found"),
        ("GET", "/fhir/Patient/a", 404, "not-found"),
        ("DELETE", "/fhir/Measure/rai-uptake", 405, "not-supported"),
        ("PATCH", "/fhir/Measure", 405, "not-supported"),
        ("GET", "/fhir/metadata?mode=terminology", 400, "not-supported"),
        ("GET", "/fhir/Measure?_summary=some", 400, "invalid"),
        ("GET", "/fhir/Measure?_page=x", 400, "invalid"),
    ],
)
def test_failures_of_routing_are_outcomes(method: str, path: str, status: int, code: str) -> None:
    answer = client().request(method, path)
    assert answer.status_code == status
    assert issue_of(answer)["code"] == code


def test_a_wrong_method_is_told_the_right_ones_of_all_routes() -> None:
    answer = client().patch("/fhir/Measure/_search")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_parameters_that_the_framework_refuses_are_named_and_not_repeated() -> None:
    app = application()

    @app.get("/fhir/typed")
    def typed(number: int, other: str) -> None:
        pass

    answer = client(app).get("/fhir/typed?number=SECRET")
    assert answer.status_code == 400
    issues = answer.json()["issue"]
    assert [(issue["code"], issue["expression"]) for issue in issues] == [
        ("invalid", ["http.number"]), ("required", ["http.other"]),
    ]  # fmt: skip
    assert "SECRET" not in answer.text


def test_other_failures_of_the_framework_have_a_code() -> None:
    answer = failing(HTTPException(418)).get("/fhir/it")
    assert answer.status_code == 418
    assert issue_of(answer)["code"] == "processing"


def test_a_failure_comes_in_the_format_that_was_asked_for() -> None:
    answer = client().get("/fhir/nope", headers={"Accept": XML})
    assert answer.headers["content-type"].startswith(XML)
    assert b'<code value="not-found"/>' in answer.content


def test_an_outcome_may_be_information() -> None:
    assert outcome("informational", "all well", "information")["issue"] == [
        {"severity": "information", "code": "informational", "diagnostics": "all well"}
    ]
