"""The RESTful API of MeasureReport: what is read. `change_routes` has what is changed."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import Response

from adapter.api.context import context_of
from adapter.api.fhir.bundles import Change, history_bundle, history_entry, searchset
from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.forms import form_fields
from adapter.api.fhir.reply import reply
from adapter.api.fhir.search import CONTROL, Query, ignored_outcome
from adapter.api.reports import batch_route, change_routes, history
from adapter.api.reports.asking import Asking
from adapter.api.reports.stored import Page, Stored
from adapter.api.reports.visibility import seen
from adapter.api.security.audit import audit
from adapter.api.security.principal import Principal, permitted
from adapter.elements import Json

router = APIRouter(tags=["reports"], default_response_class=Response)
Fields = Annotated[list[tuple[str, str]], Depends(form_fields)]
Searcher = Annotated[Principal, Depends(permitted("MeasureReport", "s"))]
Reader = Annotated[Principal, Depends(permitted("MeasureReport", "r"))]


@router.get("/MeasureReport", name="search MeasureReport")
@router.post("/MeasureReport/_search", name="search MeasureReport by form")
def search(request: Request, who: Searcher, fields: Fields) -> Response:
    """Reports that meet all parameters, in pages that stay as they were until they expire."""
    # A form's `_summary` or `_format` counts as one in the URL does.
    whole = Request({**request.scope, "query_string": urlencode(fields).encode()})
    asking = Asking(whole, who)
    asked = asking.parsed(whole.url.query)
    if asked.page:
        later = asking.repository.later(asked.page, who.id)
        page, url = later.page, later.url
    else:
        page, url = asking.searched(asked), asking.self_url(asked)
    audit(request, who, "E", [f"MeasureReport/{stored.id}" for stored in page.entries])
    return reply(whole, _searchset(asking, asked, page, url))


def _searchset(asking: Asking, asked: Query, page: Page, url: str) -> Json:
    entries = [stored.resource for stored in page.entries]
    if told := ignored_outcome(asked):
        entries.append(told)
    kept = {name: value for name, value in asked.used if name in CONTROL}
    path = asking.request.url.path.removesuffix("/_search")
    next_url = asking.next_url(page, kept, path)
    return searchset(asking.request, entries, page.total, next_url, {"self": url})


@router.get("/MeasureReport/_history", name="history of MeasureReport")
def type_history(request: Request, who: Reader) -> Response:
    """All versions of all reports, the newest first."""
    return _history(Asking(request, who), None)


@router.get("/MeasureReport/{id}", name="read MeasureReport")
def read(request: Request, id: str, who: Reader) -> Response:  # noqa: A002 - the path's word
    """The current version of a report."""
    asking = Asking(request, who)
    return _one(asking, asking.repository.read(id))


@router.get("/MeasureReport/{id}/_history", name="history of one MeasureReport")
def instance_history(request: Request, id: str, who: Reader) -> Response:  # noqa: A002
    """All versions of a report, the newest first."""
    return _history(Asking(request, who), id)


@router.get("/MeasureReport/{id}/_history/{version}", name="vread MeasureReport")
def vread(request: Request, id: str, version: str, who: Reader) -> Response:  # noqa: A002
    """That version of a report."""
    asking = Asking(request, who)
    # Digits that int() takes and that are no version, such as those of other scripts, are none.
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise FhirFailure(404, "not-found", "no such version of a MeasureReport")
    return _one(asking, asking.repository.vread(id, int(version)))


def _one(asking: Asking, stored: Stored) -> Response:
    audit(asking.request, asking.who, "R", [f"MeasureReport/{stored.id}"])
    return reply(asking.request, seen(asking.who, stored).resource)


def _history(asking: Asking, key: str | None) -> Response:
    asked = history.asked(asking)
    page = history.page(asking, key, asked)
    audit(asking.request, asking.who, "R", [f"MeasureReport/{each.id}" for each in page.entries])
    base = context_of(asking.request).base
    entries = [_entry(base, stored) for stored in page.entries]
    next_url = asking.next_url(page, asked.kept, asking.request.url.path)
    return reply(asking.request, history_bundle(asking.request, entries, page.total, next_url))


def _entry(base: str, stored: Stored) -> Json:
    change = Change(f"MeasureReport/{stored.id}", stored.method, stored.version, stored.updated)
    return history_entry(base, change, None if stored.deleted else stored.resource)


def install(app: FastAPI) -> None:
    """Serve MeasureReport and the base under /fhir."""
    for each in (router, change_routes.router, batch_route.router):
        app.include_router(each, prefix="/fhir")
