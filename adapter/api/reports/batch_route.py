"""POST of a batch or transaction at the base."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from adapter.api.fhir.body import resource_body
from adapter.api.fhir.bundles import response_bundle
from adapter.api.fhir.reply import reply
from adapter.api.reports.asking import Asking
from adapter.api.reports.batch import Bundled
from adapter.api.reports.bundle_entry import REPORT, entries_of, kind_of
from adapter.api.reports.change_routes import received
from adapter.api.security.admission import admission_of
from adapter.api.security.audit import audit
from adapter.api.security.principal import Principal
from adapter.elements import Json

router = APIRouter(tags=["reports"], default_response_class=Response)


def known(request: Request) -> Principal:
    """Who asks; what each entry needs is demanded when it is looked at."""
    who = admission_of(request).principal(request)
    request.state.principal = who
    return who


@router.post("", name="batch or transaction")
@router.post("/", include_in_schema=False)
def bundle(
    request: Request,
    who: Annotated[Principal, Depends(known)],
    body: Annotated[Json, Depends(resource_body)],
) -> Response:
    """A batch: each entry by itself. A transaction: all entries or none."""
    kind = kind_of(body)
    audit(request, who, "E", interaction=kind)
    asking = Asking(request, who)
    entries = entries_of(body, asking.base)
    bundled = Bundled(asking, received(request))
    together = kind == "transaction"
    found = bundled.transaction(entries) if together else bundled.batch(entries)
    ids = [each["resource"].get("id") for each in found if "resource" in each]
    audit(request, who, "E", [f"{REPORT}/{each}" for each in ids if each], interaction=kind)
    told = response_bundle("transaction-response" if together else "batch-response", found)
    return reply(request, told)
