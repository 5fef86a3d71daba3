"""Failures as FHIR clients get them: a status, and an OperationOutcome with code and expression.

Statuses and issue codes: FHIR R4 http.html and http://hl7.org/fhir/R4/valueset-issue-type.html.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

from adapter.elements import Json
from adapter.errors import (
    ConfigurationError,
    GateFailed,
    LandingError,
    RaiwayError,
    ResourceError,
    Unreachable,
    UsageError,
)

_CODES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    408: "timeout",
    409: "conflict",
    410: "deleted",
    412: "conflict",
    413: "too-long",
    415: "not-supported",
    422: "processing",
    429: "throttled",
    500: "exception",
    501: "not-supported",
    503: "transient",
}
_STATUSES: tuple[tuple[type[RaiwayError], int], ...] = (
    (ResourceError, 422),
    (ConfigurationError, 500),
    (UsageError, 400),
    (GateFailed, 422),
    (Unreachable, 503),
    (LandingError, 503),
)
_AT_FAULT = {
    500: "the server cannot answer as it is set up; its log has the reason",
    503: "the server cannot reach what it needs; try again later",
}
_RETRY_SECONDS = "30"
_log = logging.getLogger(__name__)


class FhirFailure(Exception):
    """What a request cannot have, as the client is told.

    status: of HTTP. code: an IssueType. text: for people, without a patient's data.
    expression: FHIRPath of the elements at fault, or `http.` with the name of the parameter or
    header, or what else of the request: `http.url`, `http.method`, `http.body`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        text: str,
        *,
        expression: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.expression = tuple(expression)
        self.headers = dict(headers or {})

    @property
    def outcome(self) -> Json:
        """Its OperationOutcome."""
        return outcome(self.code, self.text, expression=self.expression)


def issue(code: str, text: str, severity: str = "error", expression: Sequence[str] = ()) -> Json:
    """One issue of an OperationOutcome."""
    where = {"expression": list(expression)} if expression else {}
    return {"severity": severity, "code": code, "diagnostics": text, **where}


def outcome(code: str, text: str, severity: str = "error", expression: Sequence[str] = ()) -> Json:
    """An OperationOutcome of one issue."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [issue(code, text, severity, expression)],
    }


def failure_of(error: RaiwayError) -> FhirFailure:
    """What a client is told of an error of ours. Where the server is at fault, its log has more."""
    status = next((found for kind, found in _STATUSES if isinstance(error, kind)), 500)
    if status < 500:
        return FhirFailure(status, error.issue_code, error.what)
    _log.error("%s: %s", type(error).__name__, error)
    headers = {"Retry-After": _RETRY_SECONDS} if status == 503 else {}
    return FhirFailure(status, error.issue_code, _AT_FAULT[status], headers=headers)


def install(app: FastAPI) -> None:
    """Every failure of this application becomes an OperationOutcome."""
    for kind in (FhirFailure, RaiwayError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _on)


async def _on(request: Request, error: Exception) -> Response:
    from adapter.api.fhir.reply import failure_reply

    match error:
        case FhirFailure():
            found = error
        case RaiwayError():
            found = failure_of(error)
        case HTTPException():
            found = _of_framework(request, error)
        case RequestValidationError():
            issues = [_validation_issue(fault) for fault in error.errors()]
            refused = {"resourceType": "OperationOutcome", "issue": issues}
            return failure_reply(request, refused, 400)
        case _:
            return failure_reply(request, _bug(request), 500)
    return failure_reply(request, found.outcome, found.status, found.headers)


def _of_framework(request: Request, error: HTTPException) -> FhirFailure:
    """No such route, no such method and the like."""
    status = error.status_code
    text, expression = {
        404: ("nothing is served at this URL", ["http.url"]),
        405: (f"{request.method} is not offered at this URL", ["http.method"]),
    }.get(status, (HTTPStatus(status).phrase, []))
    code = _CODES.get(status, "processing")
    headers = dict(error.headers or {})
    if status == 405:
        headers["Allow"] = ", ".join(sorted(allowed_methods(request.app, request.url.path)))
    return FhirFailure(status, code, text, expression=expression, headers=headers)


def allowed_methods(app: FastAPI, path: str) -> set[str]:
    """The methods that some route offers at a path; none where nothing is there."""
    found: set[str] = set()
    for context in iter_route_contexts(app.routes):
        if context.path and context.methods and compile_path(context.path)[0].match(path):
            found |= context.methods
    if "GET" in found:
        found.add("HEAD")
    return found | {"OPTIONS"} if found else found


def _validation_issue(found: Mapping[str, Any]) -> Json:
    """A parameter that the framework refused. What was sent is not repeated."""
    place, *names = (str(part) for part in found["loc"])
    name = ".".join(names) or place
    code = "required" if found["type"] == "missing" else "invalid"
    expression = f"http.{name}" if place in {"query", "path", "header"} else name
    return issue(code, f"{name}: {found['msg']}", expression=[expression])


def _bug(request: Request) -> Json:
    """Nothing of the exception is told but where the log has it."""
    number = getattr(request.state, "request_id", "")
    reference = f"; request {number}" if number else ""
    return outcome("exception", f"the server failed; its log has the reason{reference}", "fatal")
