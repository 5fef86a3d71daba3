"""What the server asks of others: key sets of clients, and the login provider.

The rules of a pull hold (`adapter.pull.transport.origins`): https, no user in the URL, a name is
resolved once, and never to this machine, a link-local or a metadata address. http and this machine
are taken where the setting itself states loopback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from adapter.errors import Unreachable
from adapter.pull.transport.connections import connect_with
from adapter.pull.transport.http import Asked, Interrupted, Reply, Transport
from adapter.pull.transport.origins import ForbiddenOrigin, Origins, Resolve, origin_of
from adapter.pull.transport.tls import TlsFiles
from adapter.site_settings import Limits, SiteSettings

_SECONDS = 10.0
_LIMITS = Limits(concurrency=1, page_mb=1)
_NOBODY = "https://nobody.invalid"


class Outgoing:
    """Asks URLs under these rules; one connection a question."""

    def __init__(self, ca_file: Path | None = None, *, resolve: Resolve | None = None) -> None:
        """ca_file: the hospital's own authority. resolve: a test's, in place of name servers."""
        self._ca_file = ca_file
        self._resolve = resolve

    def check(self, url: str, named_by: str = "") -> None:
        """Raises Unreachable for a URL that is never asked.

        named_by: the URL of who named this one, '' for a setting. What another machine names is
        never this one.
        """
        self._origins(url, ())
        if named_by and origin_of(url).is_loopback and not origin_of(named_by).is_loopback:
            raise ForbiddenOrigin("another machine points to this one", where=str(origin_of(url)))

    def reply(self, asked: Asked, also: Iterable[str] = ()) -> Reply:
        """The answer, of at most 1 MB within 10 s.

        also: other URLs whose origins a redirect of a GET may lead to. Raises Unreachable.
        """
        return asyncio.run(self._replied(asked, self._origins(asked.url, also)))

    def json(self, url: str) -> tuple[dict[str, Any], Reply]:
        """The JSON object that a GET answers with. Raises Unreachable."""
        reply = self.reply(Asked("GET", url, {"Accept": "application/json"}))
        if reply.status != 200:
            raise Unreachable(f"status {reply.status}", where=str(origin_of(url)))
        return reply.json(), reply

    def _origins(self, url: str, also: Iterable[str]) -> Origins:
        # A base is trusted, even on this machine: only what the setting states as such may be one.
        stated = origin_of(url)
        origins = Origins(url if stated.is_loopback else _NOBODY, resolve=self._resolve)
        for each in (url, *also):
            origins.allow(each)
        return origins

    async def _replied(self, asked: Asked, origins: Origins) -> Reply:
        site = SiteSettings(name="outgoing", base_url=asked.url, ca_file=self._ca_file)
        transport = Transport(origins, _LIMITS, connect_with(TlsFiles(site), _LIMITS))
        try:
            async with asyncio.timeout(_SECONDS):
                return await transport.request(asked)
        except TimeoutError as error:
            raise Interrupted("no answer in time", where=str(origin_of(asked.url))) from error
        finally:
            await transport.aclose()
