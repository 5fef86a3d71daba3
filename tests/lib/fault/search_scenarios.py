"""Faults of searches: a server of Observations in pages, and what is wrong with it, by name.

The server says that it searches by `_id` and `_lastUpdated` only, so that it is asked for all
Observations in one chain of pages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from aiohttp import web

from tests.lib.fault.content import Json, bundle, capability, observation
from tests.lib.fault.replies import cut, dropped, gzipped, login_page, operation_outcome, outcome
from tests.lib.fault.replies import reply as replied
from tests.lib.fault.server import FaultServer, Scenario, address

Link = Callable[[FaultServer, int], str | None]
"""The URL of the page of this number, as `next` has it; None for none."""

Reply = Callable[[web.Response], web.StreamResponse]
"""What is sent in place of the sound reply."""

FIRST = {"_count", "_lastUpdated", "_sort"}
"""What a first page may be asked by."""


def plain_link(server: FaultServer, number: int) -> str:
    """Absolute, with the number of the page."""
    return f"{server.base}/Observation?pg={number}"


@dataclass
class Paged(Scenario):
    """Observations in pages, numbered from 1.

    Attributes:
        pages: the rows of each page.
        link: the `next` of the page before; its URL alone is known by, as it was issued.
        once: page -> replies of its first requests in place of the sound one; always: of all.
        shown: what `self` shows; None leaves it out.
        more: further elements of each page.
        asked: how often each page was asked for.
    """

    pages: Sequence[Sequence[Json]] = field(default_factory=lambda: observations(6, 3))
    link: Link = plain_link
    once: Mapping[int, Sequence[Reply]] = field(default_factory=dict)
    always: Mapping[int, Reply] = field(default_factory=dict)
    shown: Callable[[web.Request], str | None] = lambda request: str(request.url)
    more: Json = field(default_factory=dict)
    metadata: Json | None = field(
        default_factory=lambda: capability(("Observation",), params=("_id", "_lastUpdated"))
    )
    asked: Counter[int] = field(default_factory=Counter)
    issued: dict[str, int] = field(default_factory=dict)

    async def answer(self, request: web.Request, server: FaultServer) -> web.StreamResponse | None:
        if request.path == "/fhir/metadata":
            return replied(self.metadata) if self.metadata else replied("no", 404)
        number = self.number(request)
        if number is None:
            return None
        self.asked[number] += 1
        turns = self.once.get(number, ())
        if self.asked[number] <= len(turns):
            return turns[self.asked[number] - 1](self.sound(request, server, number))
        page = self.sound(request, server, number)
        return self.always[number](page) if number in self.always else page

    def number(self, request: web.Request) -> int | None:
        """Which page is asked for, if any is."""
        if request.raw_path in self.issued:
            return self.issued[request.raw_path]
        first = request.path == "/fhir/Observation" and set(request.query) <= FIRST
        return 1 if first and address(request) == "127.0.0.1" else None

    def sound(self, request: web.Request, server: FaultServer, number: int) -> web.Response:
        """The page as it should be."""
        after = self.link(server, number + 1) if number < len(self.pages) else None
        if after is not None:
            self.issue(after, request, number + 1)
        page = bundle(self.pages[number - 1], after, self_url=self.shown(request))
        return replied(page | self.more)

    def issue(self, url: str, request: web.Request, number: int) -> None:
        """Know the URL again, as it arrives: resolved against that of this request."""
        target = resolved(url, request)
        self.issued.setdefault(target, number)


def resolved(url: str, request: web.Request) -> str:
    """Path and query that a client asks for, by RFC 3986, written out for the shapes used here."""
    if "://" in url:
        return "/" + url.split("/", 3)[3]
    if url.startswith("/"):
        return url
    folder = request.path.rpartition("/")[0]
    return f"{folder}/{url}"


def observations(count: int, size: int) -> list[list[Json]]:
    """Observations 0 … count - 1 in pages."""
    rows = [observation(i) for i in range(count)]
    return [rows[at : at + size] for at in range(0, count, size)]


def rows_of(*numbers: int) -> list[Json]:
    """The observations of these numbers."""
    return [observation(i) for i in numbers]


def instead(made: Callable[[], web.StreamResponse]) -> Reply:
    """Another reply, whatever the page is."""
    return lambda page: made()


def throttled(after: str) -> Reply:
    """429 with this Retry-After."""
    return instead(lambda: outcome("throttled", "slow down", 429, {"Retry-After": after}))


def failed(status: int) -> Reply:
    """A status without more."""
    return instead(lambda: replied("failed", status))


gone = failed(410)


def date_in(seconds: int) -> str:
    """A Retry-After as a date."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def cut_within(page: web.Response) -> web.StreamResponse:
    """The page's connection is reset in its middle."""
    assert isinstance(page.body, bytes)
    return cut(page.body, len(page.body) // 2, reset=True, content_type="application/fhir+json")


def as_type(content_type: str) -> Reply:
    """The page under another Content-Type."""

    def made(page: web.Response) -> web.StreamResponse:
        assert isinstance(page.body, bytes)
        return replied(page.body, content_type=content_type)

    return made


def with_issues(page: list[Json]) -> list[Json]:
    """The rows and an OperationOutcome that warns."""
    return [*page, operation_outcome("informational", "code is not indexed", "information")]


def bomb() -> web.StreamResponse:
    """300 KB that unpack to 300 MB."""
    return gzipped(b" " * 300_000_000, content_type="application/fhir+json")


WHOLE: dict[str, Callable[[], Paged]] = {
    "plain": Paged,
    "next-relative": lambda: Paged(link=lambda server, n: f"Observation?pg={n}"),
    "next-path": lambda: Paged(link=lambda server, n: f"/x/Observation?pg={n}"),
    "next-base": lambda: Paged(link=lambda server, n: f"{server.base}?_getpages=4b-{n}"),
    "next-8k": lambda: Paged(link=lambda server, n: f"{plain_link(server, n)}&ct={'Aa0-_' * 1640}"),
    "opaque": lambda: Paged(
        observations(9, 3), lambda server, n: f"{server.base}/Observation?s=%2Bx%2F{n}%3D;a|b&&c=~"
    ),
    "vendor-links, Epic": lambda: Paged(
        link=lambda server, n: f"{server.base}/Observation?sessionID=16-0E47C%2f{n}%3d%3d"
    ),
    "vendor-links, Oracle": lambda: Paged(
        link=lambda server, n: (
            f"{server.base}/Observation?_count=3&-pageContext=7a-{n}&-pageDirection=NEXT"
        )
    ),
    "vendor-links, HAPI": lambda: Paged(
        link=lambda server, n: (
            f"{server.base}?_getpages=5cbf38ee-6&_getpagesoffset={n}&_bundletype=searchset"
        )
    ),
    "vendor-links, Microsoft": lambda: Paged(
        link=lambda server, n: f"{server.base}/Observation?ct=W3sidG9rZW4iOiIr{n}iJ9XQ%3D%3D"
    ),
    "blank-page": lambda: Paged([[], *observations(6, 3)]),
    "last-extra": lambda: Paged([*observations(6, 3), []]),
    "429-seconds": lambda: Paged(once={2: [throttled("2")]}),
    "429-date": lambda: Paged(once={2: [throttled(date_in(3))]}),
    "503-once": lambda: Paged(once={1: [failed(503)]}),
    "5xx-series": lambda: Paged(once={2: [failed(status) for status in (500, 502, 503, 504)]}),
    "html-200, passing": lambda: Paged(once={2: [instead(login_page)]}),
    "reset": lambda: Paged(once={2: [cut_within, instead(dropped)]}),
    "410-page, 2": lambda: Paged(once={2: [gone]}),
    "410-page, 3": lambda: Paged(observations(6, 2), once={3: [gone, gone]}),
    "duplicates": lambda: Paged([rows_of(0, 1, 2), rows_of(2, 3, 4, 5)]),
    "content-type": lambda: Paged(always={1: as_type("Application/FHIR+JSON ; charset = UTF-8")}),
    "content-type, wrong": lambda: Paged(always={2: as_type("text/plain")}),
}
"""Scenarios that end with the six rows obs-0 … obs-5 (opaque: nine)."""

FAILED: dict[str, tuple[Callable[[], Paged], str]] = {
    "next-self": (
        lambda: Paged(observations(9, 3), lambda server, n: plain_link(server, min(n, 2))),
        "go round",
    ),
    "next-cycle": (
        lambda: Paged(observations(12, 3), lambda server, n: plain_link(server, 2 + n % 2)),
        "go round",
    ),
    "html-200": (lambda: Paged(always={2: instead(login_page)}), "HTML"),
    "outcome-200": (
        lambda: Paged(always={1: instead(lambda: outcome("processing", "index unavailable"))}),
        "error processing: index unavailable",
    ),
    "500-forever": (lambda: Paged(always={2: failed(500)}), "500"),
    "410-page, always": (lambda: Paged(always={2: gone}), "410"),
    "deep-json": (
        lambda: Paged(always={1: instead(lambda: replied('{"entry":' + "[" * 100_000))}),
        "nested",
    ),
    "gzip-bomb": (lambda: Paged(always={2: instead(bomb)}), "unpack"),
    "no-bundle": (lambda: Paged(always={1: instead(lambda: replied(observation(1)))}), "no Bundle"),
    "malformed": (
        lambda: Paged(
            always={1: instead(lambda: replied({"resourceType": "Bundle", "entry": [7]}))}
        ),
        "malformed",
    ),
}
"""Scenarios in which the type fails, and what its reason holds."""


def forbidden() -> Paged:
    """A server that grants nothing."""
    return Paged(always={1: instead(lambda: outcome("forbidden", "no scope", 403))})
