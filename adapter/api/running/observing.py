"""Every request gets an id, an access line and its place in the metrics; every bug an answer.

What is written is the route's template (`/fhir/MeasureReport/{id}`), never the path, the query or
the body. What matches no route is `unmatched`.
"""

from __future__ import annotations

import logging
import re
from secrets import token_hex
from time import perf_counter
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.routing import iter_route_contexts
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.routing import compile_path

from adapter.api.running.logs import REQUEST_ID
from adapter.api.running.metrics import METHODS, metrics_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-Id"
UNMATCHED = "unmatched"
_SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")

_access = logging.getLogger("adapter.api.access")
_bugs = logging.getLogger("adapter.api.bugs")


def request_id(given: str | None) -> str:
    """The id that a client gave, if it is a short plain word; else a new one."""
    return given if given and _SANE.fullmatch(given) else token_hex(16)


def template(scope: Scope) -> str:
    """The template of the route that answers, the place where files are served, or `unmatched`."""
    route = scope.get("route")
    if route is None:
        # A mount notes its own path, and no route; so its files share one name.
        return scope.get("root_path", "") or UNMATCHED if "endpoint" in scope else UNMATCHED
    # A route knows its path within its router only.
    whole = [
        context.path
        for context in iter_route_contexts(scope["app"].routes)
        if context.original_route is route and context.path
    ]
    fitting = (path for path in whole if compile_path(path)[0].match(scope["path"]))
    return next(fitting, UNMATCHED)


class Observed:
    """The outermost middleware: ids, access lines, metrics."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = request_id(Headers(scope=scope).get(HEADER))
        scope.setdefault("state", {})["request_id"] = given
        token = REQUEST_ID.set(given)
        start, status = perf_counter(), 500

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = given
            await send(message)

        metrics = metrics_of(scope["app"])
        try:
            with metrics.request():
                await self.app(scope, receive, marked)
        finally:
            seconds, route = perf_counter() - start, template(scope)
            metrics.answered(scope["method"], route, status, seconds)
            who = scope["state"].get("principal")
            line = {
                "method": scope["method"] if scope["method"] in METHODS else "OTHER",
                "route": route,
                "status": status,
                "ms": round(1000 * seconds, 1),
                "client": getattr(who, "id", None),
            }
            _access.info("request", extra={"fields": line})
            REQUEST_ID.reset(token)


class Caught:
    """The innermost middleware: an exception that nobody handles becomes the app's own 500.

    Starlette would answer outside all middlewares, without their headers, and raise it again for
    the server to log with its message.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            route = {"fields": {"route": template(scope)}}
            _bugs.exception("an unforeseen exception", extra=route)
            answer = await _answer(Request(scope, receive), error)
            await answer(scope, receive, send)


async def _answer(request: Request, error: Exception) -> Response:
    handler = request.app.exception_handlers.get(Exception)
    if handler is None:
        return PlainTextResponse("Internal Server Error", 500)
    found = handler(request, error)
    answer: Response = found if isinstance(found, Response) else await found
    return answer


def install(app: FastAPI) -> None:
    """Add the outermost middleware. To be called after all others are in."""
    app.add_middleware(Observed)


def install_innermost(app: FastAPI) -> None:
    """Add the innermost middleware. To be called before any other is in."""
    app.add_middleware(Caught)
