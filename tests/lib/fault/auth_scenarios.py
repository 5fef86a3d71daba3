"""Faults of transport and authorisation: what answers `GET /fhir/Observation`, one name each."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache

from aiohttp import web

from tests.lib.fault.authority import Authority, unauthorized
from tests.lib.fault.content import bundle, observation
from tests.lib.fault.replies import (
    Raw,
    cut,
    dropped,
    gzipped,
    head,
    login_page,
    operation_outcome,
    outcome,
    redirect,
    reply,
)
from tests.lib.fault.server import Answer, FaultServer, Scenario, Script, address

PAGE = "GET /fhir/Observation"
ELSEWHERE = f"127.0.0.2 {PAGE}"
CANARIES = ("Kanarienvogel", "1974-05-23", "canary-mrn-88")
"""A patient's name, birth date and number: in bodies and URLs, and in no log and no error."""

_JSON = "application/fhir+json"


def rows() -> web.Response:
    """A sound page, with a patient's data in it."""
    return reply(bundle([observation(1, note=[{"text": " ".join(CANARIES)}])]))


def good(request: web.Request, server: FaultServer) -> web.Response:
    """The sound page."""
    return rows()


def page(*answers: Callable[[], web.StreamResponse]) -> Script:
    """These answers in turn, the last one for ever."""
    return Script({PAGE: [_ignoring(answer) for answer in answers]})


def _ignoring(answer: Callable[[], web.StreamResponse]) -> Answer:
    return lambda request, server: answer()


def _in_two_seconds() -> web.Response:
    date = datetime.now(UTC) + timedelta(seconds=2)
    return outcome("throttled", "slow down", 429, {"Retry-After": format_datetime(date, True)})


PASSING: dict[str, Callable[[], Script]] = {
    "429-seconds": lambda: page(lambda: reply(None, 429, {"Retry-After": "2"}), rows),
    "429-date": lambda: page(_in_two_seconds, rows),
    "503-once": lambda: page(lambda: reply("down", 503, {"Retry-After": "1"}), rows),
    "5xx-series": lambda: page(*(_status(code) for code in (500, 502, 503, 504)), rows),
    "transient-outcome": lambda: page(lambda: outcome("timeout", "busy", 400), rows),
    "html-once": lambda: page(login_page, rows),
    "reset": lambda: page(_cut_page, rows),
    "dropped": lambda: page(dropped, rows),
}
"""What passes when the same is asked again."""


def _status(code: int) -> Callable[[], web.Response]:
    return lambda: reply("", code)


def _cut_page() -> Raw:
    body = rows().body
    assert isinstance(body, bytes)
    return cut(body, len(body) // 2, reset=True, content_type=_JSON)


def deep_json(depth: int = 100_000) -> web.Response:
    """Nested arrays, in a Bundle."""
    return reply(b'{"resourceType":"Bundle","entry":' + b"[" * depth + b"]" * depth + b"}")


def gzip_bomb(megabytes: int, *, header: bool, content_type: str = _JSON) -> Raw:
    """So many MB of zeros in 0.1 % of their size, made and sent piece by piece."""
    pieces = _packed(megabytes)
    length = {"Content-Length": str(sum(map(len, pieces)))}
    coding = {"Content-Encoding": "gzip"} if header else {}
    return Raw([head(200, {"Content-Type": content_type, **length, **coding}), *pieces])


@cache
def _packed(megabytes: int) -> tuple[bytes, ...]:
    packer = zlib.compressobj(9, wbits=31)
    pieces = [packer.compress(b"0" * 1_000_000) for _ in range(megabytes)]
    return (*filter(None, pieces), packer.flush())


LASTING: dict[str, Callable[[], Script]] = {
    "html-200": lambda: page(login_page),
    "500-forever": lambda: page(lambda: reply(operation_outcome("exception", CANARIES[0]), 500)),
    "deep-json": lambda: page(deep_json),
    "gzip-bomb": lambda: page(lambda: gzip_bomb(300, header=True)),
    "gzip-bomb-raw": lambda: page(lambda: gzip_bomb(300, header=False)),
    "brotli": lambda: page(lambda: reply(b"\x0b\x02\x80", 200, {"Content-Encoding": "br"})),
}
"""What fails in the end."""

WHOLE: dict[str, Callable[[], Script]] = {
    "plain": lambda: page(rows),
    "gzip": lambda: page(lambda: gzipped(_body(), content_type=_JSON)),
    "gzip-raw": lambda: page(lambda: gzipped(_body(), header=False, content_type=_JSON)),
    "gzip-claimed": lambda: page(lambda: reply(_body(), 200, {"Content-Encoding": "gzip"})),
    "bom": lambda: page(lambda: reply(b"\xef\xbb\xbf\r\n" + _body())),
    "content-type": lambda: page(
        lambda: reply(_body(), content_type=" Application/FHIR+json ; charset=UTF-8")
    ),
}
"""What is a sound page, however it is wrapped."""


def _body() -> bytes:
    body = rows().body
    assert isinstance(body, bytes)
    return body


class Redirects(Scenario):
    """`GET /fhir/Observation` leads to the other host, which answers."""

    def __init__(self, status: int) -> None:
        self.status = status

    async def answer(self, request: web.Request, server: FaultServer) -> web.StreamResponse | None:
        """A redirect here, the page there."""
        if request.path != "/fhir/Observation":
            return None
        here = address(request) == "127.0.0.1"
        return redirect(f"{server.other}/Observation", self.status) if here else rows()


class RoundTrip(Scenario):
    """Here, to the other host, and back."""

    async def answer(self, request: web.Request, server: FaultServer) -> web.StreamResponse | None:
        """Two redirects, then the page."""
        if address(request) != "127.0.0.1":
            return redirect(f"{server.base}/back")
        if request.path == "/fhir/back":
            return rows()
        return redirect(f"{server.other}/Observation")


class InCircles(Scenario):
    """A redirect to itself."""

    async def answer(self, request: web.Request, server: FaultServer) -> web.StreamResponse | None:
        """The redirect."""
        return redirect(request.path)


class Guarded(Scenario):
    """A page behind an authority; `refuse` tokens are taken for expired, whatever they are."""

    def __init__(self, authority: Authority, refuse: int = 0) -> None:
        self.authority = authority
        self.refuse = refuse

    async def answer(self, request: web.Request, server: FaultServer) -> web.StreamResponse | None:
        """The authority's paths, and the page for a token that holds."""
        if found := await self.authority.answer(request, server):
            return found
        if request.path != "/fhir/Observation":
            return None
        if self.refuse:
            self.refuse -= 1
            self.authority.revoke()
        return rows() if self.authority.accepts(request) else unauthorized()
