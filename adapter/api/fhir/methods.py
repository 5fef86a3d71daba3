"""What holds for every request: HEAD and OPTIONS, gzip, and an answer that can be given at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response

from adapter.api.fhir.failures import FhirFailure, allowed_methods
from adapter.api.fhir.formats import negotiated
from adapter.api.fhir.reply import failure_reply
from adapter.api.fhir.subset import asked

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FHIR = "/fhir"
GZIP_BYTES = 1024
"""Shorter answers are sent as they are."""


def install(app: FastAPI) -> None:
    """HEAD is answered as GET is, without the body; OPTIONS by the methods that there are.

    What cannot be answered as it is asked for is refused before anything is evaluated or changed.
    """
    app.add_middleware(Answerable)
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_BYTES)
    app.add_middleware(Methods)


class Answerable:
    """The middleware that refuses formats and parts of answers of the facade that there are not."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and f"{scope['path']}/".startswith(f"{FHIR}/"):
            request = Request(scope)
            try:
                negotiated(request)
                asked(request)
            except FhirFailure as failure:
                answer = failure_reply(request, failure.outcome, failure.status)
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)


class Methods:
    """The middleware that answers HEAD by way of GET, and OPTIONS."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"], scope.get("method"):
            case "http", "HEAD":
                await self._head(scope, receive, send)
            case "http", "OPTIONS":
                await self._options(scope, receive, send)
            case _:
                await self.app(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def bare(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        # The scope itself is changed: what lies outside finds the route in it afterwards.
        scope["method"] = "GET"
        try:
            await self.app(scope, receive, bare)
        finally:
            scope["method"] = "HEAD"

    async def _options(self, scope: Scope, receive: Receive, send: Send) -> None:
        allowed = allowed_methods(scope["app"], scope["path"])
        if not allowed:
            await self.app(scope, receive, send)
            return
        answer = Response(status_code=204, headers={"Allow": ", ".join(sorted(allowed))})
        await answer(scope, receive, send)
