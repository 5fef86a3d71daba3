"""Read of a signed report's Provenance, as the site sent it, by the hash of its release."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from sqlalchemy import select
from starlette.responses import Response

from adapter.api.context import context_of
from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.reply import reply
from adapter.api.fhir.surface import PROVENANCE
from adapter.api.inbox.tables import signed_release
from adapter.api.operational.database import reading
from adapter.api.security.audit import audit
from adapter.api.security.principal import Principal, permitted

router = APIRouter(tags=["reports"], default_response_class=Response)
Who = Annotated[Principal, Depends(permitted("Provenance", "r"))]
Hash = Annotated[str, Path(pattern=r"^[A-Za-z0-9.-]{1,64}$")]


@router.get("/Provenance/{id}", name="read Provenance", summary=PROVENANCE.documentation)
def read(request: Request, id: Hash, who: Who) -> Response:  # noqa: A002  # FHIR's name
    """The Provenance of the release with this hash."""
    table = signed_release.c
    with reading(context_of(request).engine) as connection:
        text = connection.scalar(select(table.provenance).where(table.hash == id))
    if text is None:
        raise FhirFailure(404, "not-found", "there is no Provenance of this id")
    audit(request, who, "R", [f"Provenance/{id}"])
    return reply(request, {**json.loads(text), "id": id})
