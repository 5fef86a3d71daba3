"""The content of one file of an export, across cut connections where the server lets us go on.

A range is asked for with If-Range (RFC 9110 13.1.5, 14), from a little before the cut: only where
those bytes come again unchanged is the rest taken for the rest. So neither a new version of the
file nor a range of its compressed form is ever glued to what came before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapter.errors import Unreachable
from adapter.pull.transport import retry
from adapter.pull.transport.client import Client
from adapter.pull.transport.http import Interrupted, Streamed
from adapter.pull.transport.log import masked

OVERLAP = 256
"""Bytes that are asked for again."""
PROGRESS = 1_000_000
"""Bytes after which a cut counts as the first again."""


class BadStatus(Unreachable):
    """An answer that is no file. after: its Retry-After in seconds."""

    def __init__(self, status: int, after: float | None, url: str) -> None:
        super().__init__(f"GET answered {status}", where=masked(url))
        self.status, self.after = status, after


@dataclass(slots=True)
class Transfer:
    """One file on its way. feed: given each chunk once, in order; authorise: whether the access
    token goes with the request."""

    client: Client
    url: str
    authorise: bool
    feed: Callable[[bytes], None]
    _received: int = 0
    _tail: bytes = b""
    _validator: str = ""
    _again: bytes = b""

    async def run(self) -> None:
        """Feed the whole content.

        Raises BadStatus; Interrupted where it broke off and cannot be gone on with; what `feed`
        raises.
        """
        client, attempt = self.client, 1
        while True:
            before, after = self._received, None
            try:
                return await self._once()
            except BadStatus as error:
                passing = self._received and retry.is_transient(error.status, None)
                if not passing or attempt >= client.policy.attempts:
                    raise
                after = error.after
            except Interrupted:
                if not self._validator or attempt >= client.policy.attempts:
                    raise
            # A long file may be cut more often than a short one.
            attempt = 1 if self._received - before >= PROGRESS else attempt + 1
            pause = retry.pause(client.policy, attempt, after, client.random)
            client.log.event("file-resumed", url=self.url, bytes=self._received)
            await client.clock.sleep(pause.seconds)

    async def _once(self) -> None:
        asked = {}
        self._again = self._tail
        if self._received:
            start = self._received - len(self._tail)
            asked = {"Range": f"bytes={start}-", "If-Range": self._validator}
        async with self.client.stream(
            self.url, headers=asked, authorize=self.authorise
        ) as streamed:
            self._judge(streamed)
            async for chunk in streamed.chunks():
                self._take(chunk)
            if self._again:
                raise self._changed("has become shorter")

    def _judge(self, streamed: Streamed) -> None:
        """Raises BadStatus; Interrupted where what comes is not the range that was asked for."""
        if streamed.status >= 400 or (streamed.status != 200 and not self._received):
            now = self.client.clock.now()
            after = retry.retry_after(streamed.headers.get("retry-after"), now)
            raise BadStatus(streamed.status, after, self.url)
        if self._received:
            start = self._received - len(self._tail)
            stated = streamed.headers.get("content-range", "")
            if streamed.status != 206 or not stated.startswith(f"bytes {start}-"):
                raise self._changed("does not go on")
        self._validator = _validator(streamed.headers)

    def _take(self, chunk: bytes) -> None:
        size = min(len(self._again), len(chunk))
        if chunk[:size] != self._again[:size]:
            raise self._changed("has changed")
        self._again, new = self._again[size:], chunk[size:]
        if new:
            self.feed(new)
            self._received += len(new)
            self._tail = (self._tail + new[-OVERLAP:])[-OVERLAP:]

    def _changed(self, how: str) -> Interrupted:
        """It can only be begun anew."""
        self._validator = ""
        return Interrupted(f"the file {how} after a cut", where=masked(self.url))


def _validator(headers: Mapping[str, str]) -> str:
    """What says that a later range is of the same bytes; '' where nothing does.

    A weak ETag does not, nor does anything of content that was compressed on its way.
    """
    if (
        headers.get("accept-ranges", "").strip().lower() != "bytes"
        and "content-range" not in headers
    ):
        return ""
    if headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        return ""
    etag = headers.get("etag", "").strip()
    return etag if etag.startswith('"') else headers.get("last-modified", "")
