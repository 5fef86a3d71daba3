"""What a reply's bytes are, whatever its headers say (B17): gzip, HTML, JSON, and how deep."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from adapter.errors import Unreachable
from adapter.pull.transport.log import masked

RATIO, FREE = 200, 10_000_000
"""Decoded content may be 200 times what came over the network, once it is past 10 MB (G3)."""

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_BLOCK = 256 * 1024
_LAYERS = 2  # a .gz file that a server sends with Content-Encoding: gzip
_JSON_DEPTH = 1024  # orjson's own limit; G4


class TooLarge(Unreachable):
    """More content than the limits allow, or content that unpacks to far more than was sent."""

    issue_code = "too-long"


class Interrupted(Unreachable):
    """A reply that did not come whole: no connection, a reset, a timeout, a cut."""


class NotJson(Unreachable):
    """A body that is no JSON object; `kind` says what it is instead: html, gzip, deep, other."""

    issue_code = "structure"

    def __init__(self, what: str, *, kind: str, where: str, hint: str = "") -> None:
        super().__init__(f"the reply is {what}", where=where, hint=hint)
        self.kind = kind


@dataclass(slots=True)
class Budget:
    """What a whole run may still take, in bytes of decoded content."""

    left: int

    def take(self, size: int, url: str) -> None:
        """Count so many bytes. Raises TooLarge where none are left."""
        self.left -= size
        if self.left < 0:
            raise TooLarge(
                "this run has taken as much as it may",
                where=masked(url),
                hint="if that is right, raise run_gb in [sites.limits]",
            )


@dataclass(slots=True)
class Guard:
    """The bounds of one body.

    Attributes:
        cap: bytes of decoded content, or None for a stream, whose reader bounds its lines.
        raw: bytes that came over the network so far.
    """

    url: str
    cap: int | None
    budget: Budget
    raw: int = 0
    decoded: int = 0

    def unpacked(self, size: int) -> None:
        """Check the size that one layer of gzip has unpacked to. Raises TooLarge."""
        if size > FREE and size > RATIO * self.raw:
            raise TooLarge(
                f"{self.raw} bytes unpack to more than {size}, over {RATIO} times as much",
                where=masked(self.url),
                hint="no FHIR data is like that; nothing of it was kept",
            )

    def took(self, size: int) -> None:
        """Count decoded content. Raises TooLarge."""
        self.decoded += size
        if self.cap is not None and self.decoded > self.cap:
            raise TooLarge(
                f"a page of more than {self.cap / 1e6:.0f} MB",
                where=masked(self.url),
                hint="ask for smaller pages, or raise page_mb in [sites.limits]",
            )
        self.budget.take(size, self.url)


async def decoded(network: AsyncIterator[bytes], guard: Guard) -> AsyncIterator[bytes]:
    """The content in blocks: gzip is unpacked where its magic number stands, with or without a
    header that says so (B16). Raises TooLarge; Interrupted where gzip ends early or is broken."""
    chunks = _counted(network, guard)
    for _ in range(_LAYERS):
        chunks = _unpacked(chunks, guard)
    async for block in chunks:
        guard.took(len(block))
        yield block


async def _counted(network: AsyncIterator[bytes], guard: Guard) -> AsyncIterator[bytes]:
    async for chunk in network:
        guard.raw += len(chunk)
        yield chunk


async def _unpacked(chunks: AsyncIterator[bytes], guard: Guard) -> AsyncIterator[bytes]:
    """One layer: unpacked if it starts as gzip does, else as it is."""
    head, gzip = b"", None
    async for chunk in chunks:
        if gzip is None and len(head) < len(_GZIP):
            head += chunk
            if len(head) < len(_GZIP):
                continue
            chunk = head
            gzip = _Gunzip(guard) if head.startswith(_GZIP) else None
        if gzip is None:
            yield chunk
            continue
        for block in gzip.unpack(chunk):
            yield block
    if len(head) < len(_GZIP):
        yield head
    elif gzip is not None:
        gzip.end()


class _Gunzip:
    """Unpacks gzip, members one after another, a bounded block at a time."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._inflate = zlib.decompressobj(wbits=31)
        self._size = 0

    def unpack(self, chunk: bytes) -> Iterator[bytes]:
        """What this chunk unpacks to, in blocks."""
        while chunk:
            if self._inflate.eof:
                chunk = chunk.lstrip(b"\0")  # tar's and tapes' padding
                if not chunk:
                    return
                self._inflate = zlib.decompressobj(wbits=31)
            try:
                block = self._inflate.decompress(chunk, _BLOCK)
            except zlib.error:
                raise self._broken("is broken") from None
            chunk = (
                self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
            )
            self._size += len(block)
            self._guard.unpacked(self._size)
            if block:
                yield block

    def end(self) -> None:
        """Raises Interrupted where the last member is not whole."""
        if not self._inflate.eof:
            raise self._broken("ends early")

    def _broken(self, how: str) -> Interrupted:
        return Interrupted(f"the reply's gzip {how}", where=masked(self._guard.url))


def is_html(body: bytes) -> bool:
    """Does a page for people stand there, such as a login page? FHIR's XML is none."""
    start = _bare(body)[:512].lower()
    return start.startswith(b"<") and b"http://hl7.org/fhir" not in start


def json_object(body: bytes, url: str) -> dict[str, Any]:
    """The JSON object. Raises NotJson saying what it is instead, without showing it."""
    text = _bare(body)
    where = masked(url)
    if text.startswith(b"<"):
        html = is_html(text)
        hint = "a login page or a proxy's error? check base_url" if html else "ask for JSON"
        what = "an HTML page" if html else "XML"
        raise NotJson(what, kind="html" if html else "other", where=where, hint=hint)
    if text.startswith(_GZIP):
        raise NotJson("gzip within gzip", kind="gzip", where=where)
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _unparsed(text, error, where) from None
    if not isinstance(found, dict):
        raise NotJson("JSON, but no object", kind="other", where=where)
    return found


def _unparsed(text: bytes, error: orjson.JSONDecodeError, where: str) -> NotJson:
    if "depth limit" in str(error):
        what = f"JSON nested deeper than {_JSON_DEPTH} levels"
        return NotJson(what, kind="deep", where=where, hint="no FHIR resource is like that")
    if not text:
        return NotJson("empty", kind="other", where=where)
    return NotJson(f"not JSON: it breaks at character {error.pos}", kind="other", where=where)


def _bare(body: bytes) -> bytes:
    """Without byte order mark and leading blanks."""
    return body.removeprefix(_BOM).lstrip()
