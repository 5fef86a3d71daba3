"""Connections to the allowed origins: at the addresses that were checked, or through a proxy."""

from __future__ import annotations

from collections.abc import Callable

import httpcore2
import httpx2

from adapter.pull.transport.origins import Origin, Origins
from adapter.pull.transport.tls import TlsFiles
from adapter.site_settings import Limits

# A fourth of what asyncio reads at once, the default, cuts each reading into four and copies three
# of them up to three times.
httpcore2.AsyncHTTP11Connection.READ_NUM_BYTES = 1 << 18

Connect = Callable[[Origin], httpx2.AsyncBaseTransport]
"""The transport of one origin."""


def connect_with(files: TlsFiles, limits: Limits, proxy: str = "") -> Connect:
    """Real connections, with the site's TLS, hardly more than its concurrency; '' is no proxy."""
    pool = httpx2.Limits(max_connections=limits.concurrency + 2, keepalive_expiry=30.0)

    def connect(origin: Origin) -> httpx2.AsyncBaseTransport:
        return httpx2.AsyncHTTPTransport(
            verify=files.context(origin), trust_env=False, limits=pool, proxy=proxy or None
        )

    return connect


class ByOrigin(httpx2.AsyncBaseTransport):
    """One transport for each origin: two names at one address must not share a connection whose
    certificate was checked for the other."""

    def __init__(self, origins: Origins, connect: Connect) -> None:
        self.origins = origins
        self._connect = connect
        self._transports: dict[Origin, httpx2.AsyncBaseTransport] = {}

    def transport(self, origin: Origin) -> httpx2.AsyncBaseTransport:
        """The one of this origin."""
        if origin not in self._transports:
            self._transports[origin] = self._connect(origin)
        return self._transports[origin]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        origin = self.origins.check(str(request.url))
        return await self.transport(origin).handle_async_request(request)

    async def aclose(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()


class Pinned(ByOrigin):
    """Connects to the addresses that `Origins` has checked, under the name of the URL."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        origin = self.origins.check(str(request.url))
        *others, last = await self.origins.addresses(origin)
        transport = self.transport(origin)
        for address in others:
            try:
                return await transport.handle_async_request(_at(request, address, origin))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return await transport.handle_async_request(_at(request, last, origin))


def _at(request: httpx2.Request, address: str, origin: Origin) -> httpx2.Request:
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": origin.host},
    )
