"""The routes described: `/openapi.json`, and `/docs`, a page that asks nobody else for anything."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.responses import FileResponse

from adapter.api.running.description import described

STATIC = Path(__file__).with_name("static")

DESCRIPTION = """
Measures of redifferentiation therapy, evaluated over this site's store and reported as FHIR R4
MeasureReports. What the FHIR base offers, in FHIR's own words: `GET /fhir/metadata`.

Systems authenticate by SMART Backend Services (`/.well-known/smart-configuration`): a signed
assertion is exchanged at the token endpoint for a bearer token with scopes such as
`system/MeasureReport.rs`. FHIR resources travel as `application/fhir+json` or
`application/fhir+xml`; every failure of the FHIR base is an OperationOutcome.
"""


def titled() -> FastAPI:
    """An application that says what it is, without FastAPI's own pages, which load from others."""
    return FastAPI(
        title="Raiway",
        summary="FHIR facade for outcomes of redifferentiation therapy",
        description=DESCRIPTION,
        version=version("raiway"),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
    )


router = APIRouter()


@router.get("/docs", include_in_schema=False)
def _page() -> FileResponse:
    return FileResponse(STATIC / "docs.html", media_type="text/html")


def install(app: FastAPI) -> None:
    """Add the page and its assets."""
    plain = app.openapi
    token_url = f"{app.state.context.public_url}/auth/token"

    def completed() -> dict[str, Any]:
        return app.openapi_schema or described(plain(), token_url)

    # The documented way to extend it: FastAPI asks the attribute for each /openapi.json.
    app.openapi = completed  # type: ignore[method-assign]
    app.include_router(router)
    app.mount("/docs/static", StaticFiles(directory=STATIC), name="docs-static")
