"""The fault server: one scenario on two loopback addresses, recording all that is asked.

It listens on 127.0.0.1 and, with the same port, on 127.0.0.2, which stands for another host. What
its scenario does not answer is unexpected: it gets a 500 and fails the test on leaving.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

HOST, OTHER_HOST = "127.0.0.1", "127.0.0.2"
_SECONDS = 20
_T = TypeVar("_T")

Answer = Callable[[web.Request, "FaultServer"], web.StreamResponse]
"""What a `Script` answers once: the reply is built anew, as aiohttp sends each only once."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived.

    Attributes:
        host: the address that took it, 127.0.0.1 or 127.0.0.2, whatever its Host header says.
        path: without the query, decoded; `url` is the undecoded target with it.
        headers: by name in lower case.
    """

    host: str
    method: str
    path: str
    url: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def line(self) -> str:
        """Host, method and target, for messages."""
        return f"{self.host} {self.method} {self.url}"


class Scenario:
    """What the server does; a subclass is one fault."""

    async def answer(self, request: web.Request, server: FaultServer) -> web.StreamResponse | None:
        """The reply, or None where the request is unexpected. Its body can be read again."""
        raise NotImplementedError


class Script(Scenario):
    """Answers by `METHOD /path`: in turn, the last one for ever; `127.0.0.2 METHOD /path` for the
    other host. A scenario with a token endpoint passes its `authority`, whose paths come first.
    """

    def __init__(
        self, answers: Mapping[str, Answer | Sequence[Answer]], authority: Scenario | None = None
    ) -> None:
        self.authority = authority
        self._answers = {
            key: list(given) if isinstance(given, Sequence) else [given]
            for key, given in answers.items()
        }
        self._asked: Counter[str] = Counter()

    @property
    def unasked(self) -> list[str]:
        """What nobody asked for, or not as often as there are answers."""
        return [key for key, given in self._answers.items() if self._asked[key] < len(given)]

    async def answer(self, request: web.Request, server: FaultServer) -> web.StreamResponse | None:
        if self.authority and (reply := await self.authority.answer(request, server)):
            return reply
        host = address(request)
        key = f"{request.method} {request.path}"
        key = key if host == HOST else f"{host} {key}"
        if key not in self._answers:
            return None
        turns = self._answers[key]
        turn = turns[min(self._asked[key], len(turns) - 1)]
        self._asked[key] += 1
        return turn(request, server)


def address(request: web.Request) -> str:
    """The address of the server's that took the request."""
    assert request.transport is not None
    return str(request.transport.get_extra_info("sockname")[0])


class FaultServer:
    """A running fault server.

    Attributes:
        base, other: its FHIR base here and on the other host.
        seen: all requests in order of arrival; `unexpected`: those that the scenario refused.
        failures: exceptions of the scenario itself.
    """

    def __init__(self, scenario: Scenario, tls: ssl.SSLContext | None = None) -> None:
        self.scenario = scenario
        self.seen: list[Seen] = []
        self.unexpected: list[Seen] = []
        self.failures: list[BaseException] = []
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-server")
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def base(self) -> str:
        return f"{self.root(HOST)}/fhir"

    @property
    def other(self) -> str:
        return f"{self.root(OTHER_HOST)}/fhir"

    def root(self, host: str = HOST) -> str:
        """The origin at one of the two hosts."""
        return f"{'https' if self._tls else 'http'}://{host}:{self._port}"

    def at(self, host: str) -> list[Seen]:
        """What arrived at one of the two hosts."""
        return [seen for seen in self.seen if seen.host == host]

    @property
    def elsewhere(self) -> list[Seen]:
        """What arrived at the other host."""
        return self.at(OTHER_HOST)

    def start(self) -> None:
        """Listen; after `stop`, on the same port as before."""
        if not self._thread.is_alive():
            self._thread.start()
        self._call(self._listen())

    def stop(self) -> None:
        """Stop listening and drop every connection; `start` brings it back."""
        self._call(self._unlisten())

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)

    async def _listen(self) -> None:
        app = web.Application(client_max_size=1 << 28)
        app.router.add_route("*", "/{anything:.*}", self._handle)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=0.1,
            handler_cancellation=True,
            # Vendors' links are longer than aiohttp's defaults.
            max_line_size=1 << 17,
            max_field_size=1 << 17,
        )
        await self._runner.setup()
        sockets = _sockets(self._port)
        self._port = sockets[0].getsockname()[1]
        for opened in sockets:
            await web.SockSite(self._runner, opened, ssl_context=self._tls).start()

    async def _unlisten(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        seen = await _seen(request)
        self.seen.append(seen)
        try:
            reply = await self.scenario.answer(request, self)
        except Exception as error:
            self.failures.append(error)
            raise
        if reply is None:
            self.unexpected.append(seen)
            return web.Response(status=500, text="the scenario does not expect this")
        return reply


async def _seen(request: web.Request) -> Seen:
    return Seen(
        host=address(request),
        method=request.method,
        path=request.path,
        url=request.raw_path,
        query={name: request.query.getall(name) for name in request.query},
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.read(),
    )


def _sockets(port: int) -> list[socket.socket]:
    """Listening sockets of one port on both hosts."""
    for _ in range(50):
        opened = [_bound(HOST, port)]
        with contextlib.suppress(OSError):
            opened.append(_bound(OTHER_HOST, opened[0].getsockname()[1]))
            return opened
        opened[0].close()
    raise RuntimeError("no port is free on both loopback addresses")


def _bound(host: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
    except OSError:
        opened.close()
        raise
    return opened


@contextmanager
def fault_server(scenario: Scenario, *, tls: ssl.SSLContext | None = None) -> Iterator[FaultServer]:
    """A server that plays the scenario; on leaving, nothing unexpected was asked of it.

    tls: the server's side, as `tests.lib.fault.certificates` makes it.
    """
    server = FaultServer(scenario, tls)
    try:
        server.start()
        yield server
    finally:
        server.close()
    if server.failures:
        raise server.failures[0]
    if server.unexpected:
        asked = ", ".join(seen.line for seen in server.unexpected)
        raise AssertionError(f"the scenario does not expect: {asked}")
