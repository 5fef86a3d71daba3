"""A file behind an https address: fetched as a stream, by the rules of pull.md G1, G2 and G9.

It is one file, without a token: a signed address, or one that is open. Servers of FHIR are pulled.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast
from urllib.parse import urljoin, urlsplit

import httpx2

from adapter.errors import Unreachable, UsageError
from adapter.inputs import kinds
from adapter.inputs.guards import Counted, Readable
from adapter.inputs.origins import GONE, State
from adapter.inputs.remote import Remote
from adapter.pull.transport.origins import ForbiddenOrigin, Origin, origin_of

REDIRECTS = 3
_HEADERS = {"Accept": "application/fhir+ndjson, */*;q=0.5", "Accept-Encoding": "identity"}
_TIMEOUT = httpx2.Timeout(60, connect=20)
_DENIED = (401, 403)
_MISSING = (404, 410)


def remote(address: str, transport: httpx2.BaseTransport | None = None) -> Remote:
    """The file. Raises UsageError for an address that is not asked.

    transport: what carries the requests, if not the network.
    """
    name = kinds.shown(address)
    _origin(address, name)
    # With a query it may be another file each time, and the query is not kept.
    key = "" if urlsplit(address).query else name
    return Remote(name, key, lambda: _opened(address, name, transport or _network()))


@contextmanager
def _opened(
    address: str, name: str, transport: httpx2.BaseTransport
) -> Iterator[tuple[Readable, State]]:
    client = httpx2.Client(transport=transport, timeout=_TIMEOUT, headers=_HEADERS)
    with _explained(name), client, _reply(client, address, name) as reply:
        _check(reply, name)
        yield cast(Readable, Counted(_Body(reply, name))), _state(reply)


def _network() -> httpx2.BaseTransport:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return httpx2.HTTPTransport(verify=context, retries=2)


@contextmanager
def _reply(client: httpx2.Client, address: str, name: str) -> Iterator[httpx2.Response]:
    """What answers, after redirects that do not lead to this machine or away from TLS."""
    first = _origin(address, name)
    for _ in range(REDIRECTS + 1):
        with client.stream("GET", address) as reply:
            if not reply.is_redirect:
                yield reply
                return
            address = urljoin(address, reply.headers["location"])
        if _origin(address, name).is_loopback and not first.is_loopback:
            raise Unreachable("redirected to this machine", where=name, hint="nothing was asked")
    raise Unreachable(
        f"more than {REDIRECTS} redirects", where=name, hint="check the address in a browser"
    )


def _origin(address: str, name: str) -> Origin:
    try:
        return origin_of(address)
    except ForbiddenOrigin as error:
        raise UsageError(
            error.what.replace("the server points to", "this is, or leads to,"),
            where=name,
            hint="https without a user; http only on this machine",
        ) from None


def _check(reply: httpx2.Response, name: str) -> None:
    if reply.status_code in _MISSING:
        raise UsageError("nothing lies here", where=name, hint="check the address")
    if reply.status_code in _DENIED:
        raise Unreachable(
            "access is denied", where=name, hint="has the signature in the address run out?"
        )
    if reply.status_code != httpx2.codes.OK:
        raise Unreachable(
            f"answers with status {reply.status_code}", where=name, hint="try again later"
        )
    if reply.headers.get("content-encoding", "identity").lower() not in ("identity", "gzip"):
        raise Unreachable("encoded in a way that was not asked for", where=name)


def _state(reply: httpx2.Response) -> State:
    stamp = reply.headers.get("etag") or reply.headers.get("last-modified") or ""
    return (reply.headers.get("content-length", ""), stamp) if stamp else GONE


class _Body:
    """The body as it is sent, whole or an error. What gzip it has its bytes tell later."""

    def __init__(self, reply: httpx2.Response, name: str) -> None:
        self._pieces = reply.iter_raw(1 << 20)
        self._rest = b""
        self._name = name

    def read(self, size: int = -1, /) -> bytes:
        """Up to so many bytes. Raises Unreachable where the connection breaks."""
        if not self._rest:
            with _explained(self._name):
                self._rest = next(self._pieces, b"")
        given, self._rest = (
            (self._rest, b"") if size < 0 else (self._rest[:size], self._rest[size:])
        )
        return given


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except httpx2.TransportError as error:
        raise Unreachable(
            f"cannot be read: {type(error).__name__}",
            where=name,
            hint="check the address and the network; nothing was loaded",
        ) from error
