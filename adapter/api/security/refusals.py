"""Answers of the middlewares, which stand outside of the application's own error handling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from adapter.api.fhir.failures import FhirFailure

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


async def refuse(failure: FhirFailure, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the failure's OperationOutcome, in JSON."""
    answer = JSONResponse(
        failure.outcome,
        failure.status,
        headers=failure.headers,
        media_type="application/fhir+json",
    )
    await answer(scope, receive, send)
