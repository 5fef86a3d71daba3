"""Laws of going on after a cut: what is taken for a file is one version of it, all of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from adapter.pull.export.transfer import OVERLAP, BadStatus, Transfer
from adapter.pull.transport.clock import Clock
from adapter.pull.transport.http import Interrupted, Streamed
from adapter.pull.transport.log import RunLog
from adapter.pull.transport.retry import Policy
from tests.lib.fault.clock import FakeClock

URL = "https://files.example/Observation.ndjson"


class Server:
    """Stands for the client and the server behind it.

    cuts: after how many bytes each answer breaks off; then answers are whole. changes: before which
    answers the file becomes another one, of another ETag. ranges: whether it gives them; how: what
    else its answers may be like.
    """

    def __init__(self, cuts: list[int], changes: set[int], ranges: bool, how: Mapping[str, str]):
        self.policy, self.random = Policy(attempts=4), random.Random(1)
        self.clock: Clock = FakeClock()
        self.log = RunLog(self.clock)
        self.versions = [body(0)]
        self._cuts, self._changes, self._ranges, self._how = cuts, changes, ranges, how
        self._answers = 0

    @asynccontextmanager
    async def stream(
        self, url: str, *, headers: Mapping[str, str], authorize: bool
    ) -> AsyncIterator[Any]:
        if self._answers in self._changes:
            self.versions.append(body(len(self.versions)))
        content, etag = self.versions[-1], f'"{len(self.versions)}"'
        cut = self._cuts[self._answers] if self._answers < len(self._cuts) else None
        self._answers += 1
        stated, status, start = {"etag": etag, **self._how}, 200, 0
        if self._ranges:
            stated["accept-ranges"] = "bytes"
            if "Range" in headers and headers["If-Range"] == etag:
                start, status = int(headers["Range"].removeprefix("bytes=").rstrip("-")), 206
                stated["content-range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        yield Streamed(url, status, stated, self._chunks(content[start:], cut))

    async def _chunks(self, rest: bytes, cut: int | None) -> AsyncIterator[bytes]:
        shown = rest if cut is None else rest[:cut]
        for at in range(0, len(shown), 97):
            yield shown[at : at + 97]
        if cut is not None and cut < len(rest):
            raise Interrupted("cut")


def body(version: int) -> bytes:
    """A version of the file: other bytes, another length."""
    return b"".join(b"%d:%d\n" % (version, number) for number in range(400 + 10 * version))


def transfer(server: Any, fed: bytearray) -> Transfer:
    return Transfer(server, URL, False, fed.extend)


def transferred(server: Server) -> bytes | None:
    """What was fed to the transfer that says it is whole; after a failure another one begins."""
    for _ in range(20):
        fed = bytearray()
        try:
            asyncio.run(transfer(server, fed).run())
        except Interrupted:
            continue
        return bytes(fed)
    return None


CUTS = st.lists(st.integers(0, 3000), max_size=8)


@given(CUTS, st.sets(st.integers(0, 8), max_size=3), st.booleans())
@example([0, 0, 1], {1}, True)
@example([OVERLAP - 1, 1, 0], set(), True)
def test_whatever_is_cut_one_version_comes_whole(cuts: list[int], changes: set[int], ranges: bool):
    server = Server(cuts, changes, ranges, {})
    assert transferred(server) in server.versions


@given(CUTS, st.sampled_from([{"content-encoding": "gzip"}, {"etag": 'W/"1"'}, {"etag": ""}]))
def test_what_cannot_be_told_apart_is_not_gone_on_with(cuts: list[int], how: dict[str, str]):
    server = Server(cuts, set(range(1, 9)), True, how)
    assert transferred(server) in server.versions


@given(st.integers(400, 599))
def test_what_is_no_file_is_not_fed(status: int):
    @asynccontextmanager
    async def stream(url: str, **_: Any) -> AsyncIterator[Any]:
        yield SimpleNamespace(status=status, headers={"retry-after": "7"}, chunks=None)

    server = Server([], set(), True, {})
    server.stream = stream  # type: ignore[method-assign]
    fed = bytearray()
    with pytest.raises(BadStatus) as raised:
        asyncio.run(transfer(server, fed).run())
    assert (raised.value.status, raised.value.after) == (status, 7.0)
    assert not fed
