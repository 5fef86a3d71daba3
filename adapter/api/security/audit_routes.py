"""Read and search of the audit as FHIR AuditEvent, for the scope `system/AuditEvent.rs`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select
from starlette.responses import Response

from adapter.api.context import context_of
from adapter.api.fhir import search
from adapter.api.fhir.bundles import searchset
from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.forms import form_fields
from adapter.api.fhir.reply import reply
from adapter.api.fhir.surface import AUDIT_EVENT
from adapter.api.operational.database import reading
from adapter.api.security.audit import audit
from adapter.api.security.audit_events import audit_event, resource
from adapter.api.security.audit_search import found
from adapter.api.security.principal import Principal, permitted
from adapter.elements import Json

router = APIRouter(tags=["audit"])


@router.get("/AuditEvent/{id}", name="read AuditEvent", summary=AUDIT_EVENT.documentation)
def read(
    request: Request,
    id: str,  # noqa: A002 - the path's own word
    who: Annotated[Principal, Depends(permitted("AuditEvent", "r"))],
) -> Response:
    """One event of the audit."""
    context = context_of(request)
    with reading(context.engine) as connection:
        row = connection.execute(select(audit_event).where(audit_event.c.id == id)).first()
    if row is None:
        raise FhirFailure(404, "not-found", "there is no AuditEvent of this id")
    audit(request, who, "R", [f"AuditEvent/{row.id}"])
    return reply(request, resource(row, context.public_url))


@router.get("/AuditEvent", name="search AuditEvent", summary=AUDIT_EVENT.documentation)
@router.post("/AuditEvent/_search", name="search AuditEvent by form")
def search_type(
    request: Request,
    who: Annotated[Principal, Depends(permitted("AuditEvent", "s"))],
    fields: Annotated[list[tuple[str, str]], Depends(form_fields)],
) -> Response:
    """Events of the audit, the newest first."""
    query = search.parsed(request, AUDIT_EVENT.by_name, fields)
    context = context_of(request)
    with reading(context.engine) as connection:
        page = found(connection, query)
    entries: list[Json] = [resource(row, context.public_url) for row in page.rows]
    if told := search.ignored_outcome(query):
        entries.append(told)
    bundle = searchset(
        request,
        entries,
        page.total,
        search.self_url(request, query, _page=page.next) if page.next else "",
        {"self": search.self_url(request, query)},
    )
    return reply(request, bundle)
