"""All of the security in one call."""

from __future__ import annotations

from fastapi import FastAPI

from adapter.api.context import ApiContext
from adapter.api.security import audit, audit_routes, headers, limits, login, smart


def install(app: FastAPI, context: ApiContext) -> None:
    """Add routes and middlewares: the audit is the innermost of them, the Host check the outermost.

    To be called after `observing.install_innermost` and before `observing.install`. Raises
    RaiwayError for settings that do not hold.
    """
    smart.install(app, context)
    login.install(app, context)
    app.include_router(audit_routes.router, prefix="/fhir")
    audit.install(app, context)
    limits.install(app, context)
    headers.install(app, context)
