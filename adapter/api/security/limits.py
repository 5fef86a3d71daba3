"""Rate limits, by client and by address, before anything else is done for a request."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from starlette.datastructures import Headers

from adapter.api.context import ApiContext
from adapter.api.fhir.failures import FhirFailure
from adapter.api.security.admission import TOKEN_PATH, admitted_by
from adapter.api.security.bodies import Bodies
from adapter.api.security.rates import REQUEST, TOKEN, Rates
from adapter.api.security.refusals import refuse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

UNCOUNTED = ("/health/",)
_NETWORK = 64  # bits of an IPv6 address that one household or machine has


class Rated:
    """The middleware that counts requests and refuses those beyond the limits.

    A request counts for the client whose token was read here before or for the person of a session,
    else for its address: a guess at tokens counts for who guesses.
    """

    def __init__(self, app: ASGIApp, application: FastAPI, context: ApiContext) -> None:
        self.app = app
        self._application = application
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(UNCOUNTED):
            await self.app(scope, receive, send)
            return
        if wait := self._wait(scope):
            text = f"too many requests; wait {wait} s"
            failure = FhirFailure(429, "throttled", text, headers={"Retry-After": str(wait)})
            await refuse(failure, scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _wait(self, scope: Scope) -> int:
        rates = rates_of(self._application)
        if scope["path"] == TOKEN_PATH:
            return rates.wait(TOKEN, "address", address(scope))
        if who := self._known(scope):
            return rates.wait(REQUEST, *who)
        return rates.wait(REQUEST, "address", address(scope))

    def _known(self, scope: Scope) -> tuple[str, str] | None:
        """The client of a token that was read before, or the person of a signed session."""
        admission = admitted_by(self._application, self._context)
        scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            client = admission.tokens.known(token.strip())
            return ("client", client) if client else None
        people = admission.people
        session = people.cookies.read(Request(scope), "session") if people else None
        return ("user", session["sub"]) if session else None


def address(scope: Scope) -> str:
    """Where a request comes from; of IPv6 the network, since one machine has many addresses."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, _NETWORK), strict=False))
    return str(found)


def rates_of(app: FastAPI) -> Rates:
    """The counts of the application."""
    rates: Rates = app.state.rates
    return rates


def install(app: FastAPI, context: ApiContext) -> None:
    """Add the middlewares: the rate first, then the body's bounds."""
    limits = context.settings.server.limits
    app.state.rates = Rates(limits)
    app.add_middleware(Bodies, limits=limits)
    app.add_middleware(Rated, application=app, context=context)
