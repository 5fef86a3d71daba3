"""The audit of every read and operation (G15): an AuditEvent row and a line of the chained file.

A route that asks `permitted` is in the audit by that alone; with `audit` it tells more. The event
is written before the answer's first byte: what is not in the audit is not given out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from anyio.to_thread import run_sync
from fastapi import FastAPI, Request

from adapter.api.context import ApiContext
from adapter.api.fhir.failures import FhirFailure
from adapter.api.security.audit_events import Action, Event, Outcome
from adapter.api.security.principal import Principal
from adapter.api.security.refusals import refuse
from adapter.api.security.trail import trail_by
from adapter.errors import StoreError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Reference: TypeAlias = "str | Mapping[str, str]"
_LETTERS: dict[str, tuple[Action, str]] = {
    "c": ("C", "create"),
    "r": ("R", "read"),
    "u": ("U", "update"),
    "d": ("D", "delete"),
    "s": ("E", "search-type"),
}

_REFUSED = frozenset({401, 403})

_log = logging.getLogger(__name__)


@dataclass
class _Told:
    """What a route has told of the request that it answers."""

    who: Principal | None = None
    action: Action | None = None
    interaction: str = ""
    outcome: Outcome | None = None
    entities: list[str] = field(default_factory=list)


def audit(  # noqa: PLR0913  # the first five are what all parts of the facade agreed on
    request: Request,
    who: Principal | None,
    action: Action,
    what: Sequence[Reference] = (),
    outcome: Outcome | None = None,
    *,
    interaction: str = "",
) -> None:
    """Tell the audit more of the request that is being answered; may be called more than once.

    who: None where nobody was let in. what: references of what is given out or changed, as text
    or as Reference; they accumulate. outcome: default is told by the answer's status.
    interaction: default is told by the route.
    """
    told = _told(request.scope)
    told.who, told.action = who, action
    told.outcome = outcome or told.outcome
    told.interaction = interaction or told.interaction
    told.entities += [each if isinstance(each, str) else each["reference"] for each in what]


class Audited:
    """The middleware that writes the event of an answer before the answer goes out."""

    def __init__(self, app: ASGIApp, application: FastAPI, context: ApiContext) -> None:
        self.app = app
        self._application = application
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope.setdefault("state", {})
        refused = False

        async def audited(message: Message) -> None:
            nonlocal refused
            status = message.get("status", 0)
            if message["type"] == "http.response.start" and _is_audited(scope, status):
                refused = not await self._written(event_of(scope, status))
                if refused:
                    failure = FhirFailure(503, "transient", "the audit cannot be written")
                    await refuse(failure, scope, receive, send)
            if not refused:
                await send(message)

        await self.app(scope, receive, audited)

    async def _written(self, event: Event) -> bool:
        trail = trail_by(self._application, self._context)
        try:
            await run_sync(trail.write, event)
        except StoreError:
            _log.exception("the audit cannot be written")
            return False
        return True


def _is_audited(scope: Scope, status: int) -> bool:
    """All that asks who is there, and all that was refused."""
    return status in _REFUSED or not scope["state"].keys().isdisjoint({"told", "interaction"})


def event_of(scope: Scope, status: int) -> Event:
    """The event of a request that is answered with this status."""
    told, state = _told(scope), scope["state"]
    who: Principal | None = told.who or state.get("principal")
    resource_type, letter = state.get("interaction", ("", ""))
    action, interaction = _LETTERS.get(letter, ("E", ""))
    route = str(getattr(scope.get("route"), "path", ""))
    return Event(
        agent=who.id if who else "",
        kind=who.kind if who else "",
        action=told.action or action,
        interaction=told.interaction or _interaction(route, interaction),
        resource_type=resource_type,
        route=route[:200],
        status=status,
        outcome=told.outcome or _outcome(status),
        address=str((scope.get("client") or ("",))[0])[:64],
        request_id=str(state.get("request_id", ""))[:64],
        entities=tuple(dict.fromkeys(told.entities)),
    )


def _interaction(route: str, by_letter: str) -> str:
    """The code of http://hl7.org/fhir/restful-interaction for a route's template."""
    if "$" in route:
        return "operation"
    if "/_history/" in route:
        return "vread"
    if route.endswith("/_history"):
        return "history-instance" if "{" in route else "history-type"
    return by_letter or "operation"


def _outcome(status: int) -> Outcome:
    if status < 400:
        return "0"
    return "4" if status < 500 else "8"


def _told(scope: Mapping[str, Any]) -> _Told:
    told: _Told = scope["state"].setdefault("told", _Told())
    return told


def install(app: FastAPI, context: ApiContext) -> None:
    """Add the middleware. Raises StoreError, ConfigurationError where nothing could be written."""
    trail_by(app, context)
    app.add_middleware(Audited, application=app, context=context)
