"""The one thing that search and bulk talk to: requests that are authorised and repeated.

Client = Transport + authorizer + retry. A token is added where the origin may see it, renewed in
time and once on 401 (B23); what is transient is asked again within bounds (B10, B11); any other
status comes back for the caller to judge.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from adapter.errors import Unreachable
from adapter.pull.transport import retry
from adapter.pull.transport.clock import Clock
from adapter.pull.transport.http import Asked, Interrupted, NotJson, Reply, Streamed, Transport
from adapter.pull.transport.limiter import Limiter
from adapter.pull.transport.log import RunLog, masked
from adapter.pull.transport.origins import Origins
from adapter.site_settings import Limits

FHIR_JSON = "application/fhir+json"
NDJSON = "application/fhir+ndjson"
_UNAUTHORIZED = 401

Build = Callable[[], Awaitable[Asked]]
"""A request made anew for each attempt: its token may have changed, a JWT is used once."""

Judge = Callable[[Asked, Reply], retry.Kind | None]
"""Why a reply does not count and the request is to be repeated; None where it counts."""


class Authorizer(Protocol):
    """Where the Authorization header comes from."""

    async def header(self, client: Client) -> str:
        """The header's value for the next request, '' for none; renewed where it runs out.

        Raises Unreachable where the server grants nothing.
        """
        ...

    def refused(self, header: str) -> bool:
        """The server answered 401 to this header: is there another to be had?"""
        ...


class GaveUp(Unreachable):
    """A request that did not succeed within its attempts; `reply` is the last one, if any."""

    def __init__(self, what: str, reply: Reply | None, *, where: str, hint: str) -> None:
        super().__init__(what, where=where, hint=hint)
        self.reply = reply


def passing(asked: Asked, reply: Reply) -> retry.Kind | None:
    """Why the same request may succeed later; None for an answer that stands."""
    if reply.status == retry.TOO_MANY:
        return retry.Kind.THROTTLED
    if reply.status >= 400:
        return retry.Kind.FAILED if retry.is_transient(reply.status, _outcome(reply)) else None
    # A proxy's or a login page comes with status 200 (B17); it may pass, as a session's end does.
    wants_json = "json" in asked.headers.get("Accept", "")
    return retry.Kind.STRAY if wants_json and reply.is_html else None


def _outcome(reply: Reply) -> dict[str, Any] | None:
    try:
        return reply.json()
    except NotJson:
        return None


@dataclass(frozen=True, slots=True)
class _Failure:
    """An attempt that may be repeated."""

    kind: retry.Kind
    reply: Reply | None = None
    error: Interrupted | None = None

    @property
    def what(self) -> str:
        """Said in the log and in the last error."""
        if self.error is not None:
            return self.error.what
        if self.reply is None:
            return ""
        page = ", an HTML page" if self.reply.is_html else ""
        return f"status {self.reply.status}{page}"


@dataclass
class Client:
    """Requests to one site's server.

    Attributes:
        base: the FHIR base, without a slash at its end.
        limiter: what holds the number of requests at once; every request here takes a slot, a
            stream for as long as it is open, so no request may be made within a stream.
    """

    base: str
    transport: Transport
    authorizer: Authorizer
    limits: Limits
    clock: Clock
    log: RunLog
    policy: retry.Policy = field(default_factory=retry.Policy)
    # Jitter only spreads clients in time; it is no secret.
    random: random.Random = field(default_factory=random.Random)
    limiter: Limiter = field(init=False)

    def __post_init__(self) -> None:
        self.base = self.base.rstrip("/")
        most = self.limits.retry_after_max.total_seconds()
        self.policy = replace(self.policy, most=most, least=min(self.policy.least, most))
        self.limiter = Limiter(self.limits.concurrency)

    @property
    def origins(self) -> Origins:
        """The origins that may be asked."""
        return self.transport.origins

    async def get(
        self,
        url: str,
        *,
        accept: str = FHIR_JSON,
        headers: Mapping[str, str] | None = None,
        authorize: bool = True,
    ) -> Reply:
        """The answer to a GET. Raises Unreachable when retries end, ForbiddenOrigin, TooLarge."""
        stated = {"Accept": accept, **(headers or {})}
        return await self._asked("GET", url, stated, None, authorize=authorize)

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        content_type: str = FHIR_JSON,
        accept: str = FHIR_JSON,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """The answer to a POST. Raises as `get` does."""
        stated = {"Accept": accept, "Content-Type": content_type, **(headers or {})}
        return await self._asked("POST", url, stated, body)

    async def delete(self, url: str) -> Reply:
        """The answer to a DELETE. Raises as `get` does."""
        return await self._asked("DELETE", url, {"Accept": FHIR_JSON}, None)

    @asynccontextmanager
    async def stream(
        self,
        url: str,
        *,
        accept: str = NDJSON,
        headers: Mapping[str, str] | None = None,
        authorize: bool = True,
    ) -> AsyncIterator[Streamed]:
        """The answer to a GET with its content as it comes; one attempt, after a new token on 401.

        The caller judges the status and resumes. Raises Interrupted, TooLarge, ForbiddenOrigin.
        """
        stated = {"Accept": accept, **(headers or {})}
        for last in (False, True):
            # A token may have to be fetched, which takes a slot of its own.
            asked = Asked("GET", url, stated, None, await self._header(url, authorize))
            async with self.limiter.slot(), self.transport.stream(asked) as found:
                if last or found.status != _UNAUTHORIZED or not self._renew(asked):
                    self._pace(found.status)
                    yield found
                    return

    async def retried(self, build: Build, judge: Judge = passing) -> Reply:
        """The answer to the request that `build` makes anew for each attempt.

        Raises GaveUp after the last attempt; what `judge` finds nothing wrong with is the answer.
        """
        attempts = retry.Attempts(self.policy, self.random)
        renewed = False
        while True:
            asked = await build()
            failure = await self._attempt(asked, judge)
            if isinstance(failure, Reply):
                if failure.status != _UNAUTHORIZED or renewed or not self._renew(asked):
                    return failure
                renewed = True
                continue
            pause = attempts.pause(failure.kind, self._asked_for(failure.reply))
            if pause is None:
                raise _gave_up(asked, failure) from failure.error
            await self._wait(asked, failure, pause)

    async def _attempt(self, asked: Asked, judge: Judge) -> Reply | _Failure:
        try:
            async with self.limiter.slot():
                reply = await self.transport.request(asked)
        except Interrupted as error:
            return _Failure(retry.Kind.FAILED, error=error)
        self._pace(reply.status)
        kind = judge(asked, reply)
        return reply if kind is None else _Failure(kind, reply=reply)

    async def _wait(self, asked: Asked, failure: _Failure, pause: retry.Pause) -> None:
        self.log.event(
            "waiting",
            url=asked.url,
            method=asked.method,
            why=failure.what,
            seconds=round(pause.seconds, 1),
            asked=pause.asked,
            clamped=pause.clamped,
        )
        await self.clock.sleep(pause.seconds)

    def _asked_for(self, reply: Reply | None) -> float | None:
        """Seconds that the reply asks to wait, a date read by the server's own clock."""
        if reply is None:
            return None
        now = retry.server_time(reply.headers) or self.clock.now()
        return retry.retry_after(reply.headers.get("retry-after"), now)

    async def _asked(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        authorize: bool = True,
    ) -> Reply:
        async def build() -> Asked:
            return Asked(method, url, headers, body, await self._header(url, authorize))

        return await self.retried(build)

    async def _header(self, url: str, authorize: bool) -> str:
        if not authorize or not self.origins.may_see_token(url):
            return ""
        return await self.authorizer.header(self)

    def _renew(self, asked: Asked) -> bool:
        """After a 401: is there another token to try?"""
        again = bool(asked.authorization) and self.authorizer.refused(asked.authorization)
        if again:
            self.log.event("token-renewed", url=asked.url)
        return again

    def _pace(self, status: int) -> None:
        if status == retry.TOO_MANY:
            self.limiter.slower()
            self.log.event("slower", concurrency=self.limiter.limit)
        elif status < 400:
            self.limiter.went_well()


def _gave_up(asked: Asked, failure: _Failure) -> Unreachable:
    if failure.reply is not None and failure.reply.status < 400:
        try:
            failure.reply.json()
        except NotJson as error:
            return error
    hint = (
        failure.error.hint if failure.error else "the server fails; try later, or tell its people"
    )
    where = masked(asked.url)
    return GaveUp(f"{asked.method}: {failure.what}", failure.reply, where=where, hint=hint)
