"""HTTP with what guards it: allowed origins, redirects by hand, caps, TLS. No retries here.

Rules G1, G2, G3 and G9. What leaves this module as an error is one of ours, never the library's.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from types import MappingProxyType
from typing import Any
from urllib.parse import urljoin

import httpx2

from adapter.errors import Unreachable
from adapter.pull.transport import tls
from adapter.pull.transport.connections import ByOrigin, Connect, Pinned
from adapter.pull.transport.content import (
    Budget,
    Guard,
    Interrupted,
    NotJson,
    TooLarge,
    decoded,
    is_html,
    json_object,
)
from adapter.pull.transport.log import masked
from adapter.pull.transport.origins import ForbiddenOrigin, Origin, Origins
from adapter.site_settings import Limits

__all__ = ["Asked", "Interrupted", "NotJson", "Reply", "Streamed", "TooLarge", "Transport"]

MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TIMEOUT = httpx2.Timeout(connect=20.0, read=180.0, write=60.0, pool=None)
_MEGA, _GIGA = 1_000_000, 1_000_000_000
# What a request to another origin may still say; everything else is rebuilt or left out (G2).
_HARMLESS = frozenset({"accept", "cache-control", "range"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. `authorization` is the header's value, '' for none."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    body: bytes | None = field(default=None, repr=False)
    authorization: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer.

    Attributes:
        url: what answered, after redirects.
        headers: by name in lower case.
        body: decoded, within the cap.
    """

    # A query may name a patient, and a trace shows what it finds.
    url: str = field(repr=False)
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises NotJson saying what it is instead."""
        return json_object(self.body, self.url)

    @property
    def is_html(self) -> bool:
        """Is it a page for people, such as a login page?"""
        return is_html(self.body)


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer whose content has yet to come; `headers` by name in lower case."""

    # A query may name a patient, and a trace shows what it finds.
    url: str = field(repr=False)
    status: int
    headers: Mapping[str, str] = field(repr=False)
    _chunks: AsyncIterator[bytes] = field(repr=False)

    def chunks(self) -> AsyncIterator[bytes]:
        """The decoded content, once. Raises TooLarge, Interrupted."""
        return self._chunks


class Transport:
    """Sends requests to the allowed origins of one site."""

    def __init__(
        self,
        origins: Origins,
        limits: Limits,
        connect: Connect,
        *,
        vendor_headers: Mapping[str, str] | None = None,
        resolve: bool = True,
    ) -> None:
        """`connect` gives the transport of each origin; `vendor_headers` go to the base only.

        resolve: whether names are resolved here and checked; a proxy does it in our place.
        """
        self.origins = origins
        self._vendor = dict(vendor_headers or {})
        self._page = limits.page_mb * _MEGA
        self._budget = Budget(limits.run_gb * _GIGA)
        self._client = httpx2.AsyncClient(
            transport=(Pinned if resolve else ByOrigin)(origins, connect),
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=False,
            headers={"User-Agent": f"raiway/{version('raiway')}"},
        )

    async def request(self, asked: Asked) -> Reply:
        """The whole answer. Raises ForbiddenOrigin, Interrupted, TooLarge, TlsRefused."""
        async with self._answered(asked) as response:
            chunks = self._decoded(response, self._page)
            body = b"".join([chunk async for chunk in chunks])
            return Reply(str(response.url), response.status_code, _lower(response), body)

    @asynccontextmanager
    async def stream(self, asked: Asked) -> AsyncIterator[Streamed]:
        """The answer with its content as it comes. Raises as `request` does."""
        async with (
            self._answered(asked) as response,
            aclosing(self._decoded(response, None)) as chunks,
        ):
            yield Streamed(str(response.url), response.status_code, _lower(response), chunks)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    @asynccontextmanager
    async def _answered(self, asked: Asked) -> AsyncIterator[httpx2.Response]:
        """The answer that is no redirect."""
        for _ in range(MAX_REDIRECTS + 1):
            async with self._sent(asked) as response:
                target = response.headers.get("location")
                if response.status_code not in _REDIRECTS or target is None:
                    yield response
                    return
                status = response.status_code
            asked = self._redirected(asked, status, urljoin(asked.url, target))
        raise Unreachable(f"more than {MAX_REDIRECTS} redirects", where=masked(asked.url))

    def _redirected(self, asked: Asked, status: int, target: str) -> Asked:
        """The request that a redirect asks for. Raises ForbiddenOrigin."""
        method, body = asked.method, asked.body
        if status == 303:
            method, body = "GET", None
        if self.origins.check(target) == self.origins.check(asked.url):
            return replace(asked, method=method, url=target, body=body)
        if method != "GET":
            raise ForbiddenOrigin(
                f"a {method} is redirected to another origin",
                where=masked(target),
                hint="only downloads may be; nothing was sent there",
            )
        headers = {name: text for name, text in asked.headers.items() if name.lower() in _HARMLESS}
        return Asked("GET", target, headers)

    @asynccontextmanager
    async def _sent(self, asked: Asked) -> AsyncIterator[httpx2.Response]:
        origin = self.origins.check(asked.url)
        try:
            request = self._client.build_request(
                asked.method, asked.url, headers=self._headers(asked, origin), content=asked.body
            )
        except httpx2.InvalidURL as error:
            raise Unreachable("a URL that cannot be asked", where=masked(asked.url)) from error
        try:
            response = await self._client.send(request, stream=True)
        except httpx2.HTTPError as error:
            raise _explained(error, asked, origin) from error
        try:
            yield response
        finally:
            await response.aclose()

    def _headers(self, asked: Asked, origin: Origin) -> dict[str, str]:
        vendor = self._vendor if origin == self.origins.base else {}
        headers = {"Accept-Encoding": "gzip", **vendor, **asked.headers}
        if asked.authorization:
            headers["Authorization"] = asked.authorization
        return headers

    async def _decoded(self, response: httpx2.Response, cap: int | None) -> AsyncGenerator[bytes]:
        url = str(response.url)
        if (coding := response.headers.get("content-encoding", "").strip().lower()) not in _CODINGS:
            raise Unreachable(
                f"content coding {coding!r}, which nobody asked for", where=masked(url)
            )
        try:
            async for chunk in decoded(response.aiter_raw(), Guard(url, cap, self._budget)):
                yield chunk
        except httpx2.HTTPError as error:
            what = f"the reply broke off ({type(error).__name__})"
            raise Interrupted(what, where=masked(url), hint="") from error


_CODINGS = frozenset({"", "identity", "gzip", "x-gzip"})


def _explained(error: httpx2.HTTPError, asked: Asked, origin: Origin) -> Unreachable:
    if refused := tls.refusal(error, origin):
        return refused
    match error:
        case httpx2.ConnectError():
            what = "cannot connect"
        case httpx2.TimeoutException():
            what = "no answer in time"
        case _:
            what = f"the connection broke off ({type(error).__name__})"
    if tls.broke_off(error):
        what = "the connection broke off in the TLS handshake (does the server know TLS 1.2?)"
    return Interrupted(what, where=masked(asked.url), hint="check the server and the network")


def _lower(response: httpx2.Response) -> Mapping[str, str]:
    return MappingProxyType({name.lower(): text for name, text in response.headers.items()})
