"""Headers that browsers and caches obey, the Host header's check, and CORS where all may read.

The Content-Security-Policy is that of the pages (product.md section 5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from adapter.api.context import ApiContext
from adapter.api.fhir.failures import FhirFailure
from adapter.api.security.refusals import refuse
from adapter.api.security.smart import DISCOVERY_PATH
from adapter.api.security.start import is_loopback

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
OPEN = frozenset({DISCOVERY_PATH, f"/fhir{DISCOVERY_PATH}", "/fhir/metadata"})
"""What a page of any origin may read: it needs no token and tells nothing of patients."""
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Last-Modified, X-Request-Id",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_PREFLIGHT = {
    "Allow": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Content-Type",
    "Access-Control-Max-Age": "86400",
}
_PRIVATE = {"Cross-Origin-Resource-Policy": "same-origin"}
_PROBES = ("/health/", "/metrics")
_YEAR = "max-age=31536000"


class Guarded:
    """The middleware that checks Host and sets the headers."""

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        self.app = app
        public = urlsplit(public_url)
        self._host = (public.hostname or "").lower()
        self._always = dict(ALWAYS)
        if public.scheme == "https":
            self._always["Strict-Transport-Security"] = _YEAR

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._set(scope, MutableHeaders(scope=message))
            await send(message)

        if not self._is_ours(scope):
            text = "the Host header is not of this server (server.public_url)"
            await refuse(FhirFailure(421, "security", text), scope, receive, guarded)
        elif scope["path"] in OPEN and scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, guarded)
        else:
            await self.app(scope, receive, guarded)

    def _is_ours(self, scope: Scope) -> bool:
        """A page that makes its own name point to this machine must not reach the server.

        Probes of an orchestrator and of Prometheus go by the machine's number.
        """
        if scope["path"].startswith(_PROBES):
            return True
        host = urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname or ""
        return host == self._host or (is_loopback(self._host) and is_loopback(host))

    def _set(self, scope: Scope, headers: MutableHeaders) -> None:
        path = scope["path"]
        for name, value in (self._always | (_CORS if path in OPEN else _PRIVATE)).items():
            headers.setdefault(name, value)
        if path.startswith("/fhir") and path not in OPEN:
            headers.setdefault("Cache-Control", "private, no-cache")
            headers.add_vary_header("Authorization, Cookie")
        elif path.startswith("/auth/"):
            headers.setdefault("Cache-Control", "no-store")


def install(app: FastAPI, context: ApiContext) -> None:
    """Add the middleware."""
    app.add_middleware(Guarded, public_url=context.public_url)
