"""The RESTful API of MeasureReport: create, update, delete, each also on a condition; $validate."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from adapter.api.fhir.body import resource_body
from adapter.api.fhir.failures import FhirFailure, outcome
from adapter.api.fhir.reply import http_date, no_content, reply
from adapter.api.fhir.search import prefers
from adapter.api.inbox import receiving
from adapter.api.reports.accepting import problems
from adapter.api.reports.asking import Asking
from adapter.api.reports.changes import Answer, Changes, Conditions, checked, valid_id
from adapter.api.reports.stored import Received
from adapter.api.security.audit import audit
from adapter.api.security.audit_events import Action
from adapter.api.security.principal import Principal, permitted
from adapter.elements import Json

router = APIRouter(tags=["reports"], default_response_class=Response)
Body = Annotated[Json, Depends(resource_body)]
Creator = Annotated[Principal, Depends(permitted("MeasureReport", "c"))]
Updater = Annotated[Principal, Depends(permitted("MeasureReport", "u"))]
Deleter = Annotated[Principal, Depends(permitted("MeasureReport", "d"))]


# Before create: `$validate` is no id.
@router.post("/MeasureReport/$validate", name="validate a MeasureReport")
def validate(request: Request, who: Creator, body: Body) -> Response:
    """What would keep the report from being stored, all of it; nothing is stored."""
    resource = _resource_of(body)
    issues = problems(resource, Asking(request, who).measures)
    if not issues:
        return reply(request, outcome("informational", "nothing is wrong", "information"))
    return reply(request, {"resourceType": "OperationOutcome", "issue": issues})


def _resource_of(body: Json) -> Json:
    """The resource itself, or the `resource` of Parameters (Resource-validate)."""
    found = body
    if body["resourceType"] == "Parameters":
        parts = body.get("parameter", [])
        named = [
            part for part in parts if isinstance(part, dict) and part.get("name") == "resource"
        ]
        found = named[0].get("resource", {}) if named else {}
    if not isinstance(found, dict) or found.get("resourceType") != "MeasureReport":
        raise FhirFailure(400, "invalid", "a MeasureReport is expected", expression=["resource"])
    return found


@router.post("/MeasureReport", name="create a MeasureReport")
def create(request: Request, who: Creator, body: Body) -> Response:
    """Store a report; with If-None-Exist only where no report matches."""
    receiving.refuse_signature(request)
    asking = Asking(request, who)
    sent = checked(asking, body, received(request))
    with asking.repository.changing() as transaction:
        answer = Changes(transaction, asking).create(sent, conditions(request))
    return answered(asking, answer, "C")


@router.put("/MeasureReport/{id}", name="update a MeasureReport")
def update(request: Request, id: str, who: Updater, body: Body) -> Response:  # noqa: A002
    """Store the next version, or the first under the client's id (updateCreate).

    With a signature in X-Provenance: that of a site, and the answer is its receipt.
    """
    asking = Asking(request, who)
    valid_id(id)
    sent = checked(asking, body, received(request))
    if receiving.is_signed(request):
        return receiving.take(asking, id, sent, conditions(request))
    with asking.repository.changing() as transaction:
        answer = Changes(transaction, asking).update(id, sent, conditions(request))
    return answered(asking, answer, "U")


@router.put("/MeasureReport", name="update a MeasureReport by search")
def update_matching(request: Request, who: Updater, body: Body) -> Response:
    """Store the next version of the one report that matches, or a new one."""
    receiving.refuse_signature(request)
    asking = Asking(request, who)
    sent = checked(asking, body, received(request))
    with asking.repository.changing() as transaction:
        changes = Changes(transaction, asking)
        answer = changes.update_matching(request.url.query, sent, conditions(request))
    return answered(asking, answer, "U")


@router.delete("/MeasureReport/{id}", name="delete a MeasureReport")
def delete(request: Request, id: str, who: Deleter) -> Response:  # noqa: A002
    """Delete a report; its history stays."""
    asking = Asking(request, who)
    with asking.repository.changing() as transaction:
        answer = Changes(transaction, asking).delete(id, conditions(request))
    return answered(asking, answer, "D")


@router.delete("/MeasureReport", name="delete a MeasureReport by search")
def delete_matching(request: Request, who: Deleter) -> Response:
    """Delete the one report that matches, if any."""
    asking = Asking(request, who)
    with asking.repository.changing() as transaction:
        changes = Changes(transaction, asking)
        answer = changes.delete_matching(request.url.query, conditions(request))
    return answered(asking, answer, "D")


def received(request: Request) -> Received:
    """The bytes that the request's body was read from."""
    content: bytes = request.state.received
    return Received(content, request.headers.get("content-type", "")[:200])


def conditions(request: Request) -> Conditions:
    """The conditions that the request's headers state."""
    headers = request.headers
    return Conditions(
        headers.get("if-match", ""),
        headers.get("if-none-match", ""),
        headers.get("if-none-exist", "").removeprefix("?"),
    )


def answered(asking: Asking, answer: Answer, action: Action) -> Response:
    """201 with Location, 200 or 204; the report itself unless `Prefer: return=` says otherwise."""
    request, stored = asking.request, answer.stored
    if stored is None:
        return no_content()
    audit(request, asking.who, action, [f"MeasureReport/{stored.id}"])
    headers = {"ETag": stored.etag}
    if answer.status == 204:
        return no_content(headers=headers)
    if answer.status == 201:
        headers["Location"] = f"{asking.base}/{version_path(stored.id, stored.version)}"
    wanted = prefers(request, "return")
    if wanted == "minimal":
        headers["Last-Modified"] = http_date(stored.updated)
        return no_content(answer.status, headers)
    if wanted == "operationoutcome":
        told = outcome("informational", "the report passed every check", "information")
        return reply(request, told, status=answer.status, headers=headers)
    return reply(request, stored.resource, status=answer.status, headers=headers)


def version_path(key: str, version: int) -> str:
    """Where a version is, below the base."""
    return f"MeasureReport/{key}/_history/{version}"
