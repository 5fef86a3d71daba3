"""Bounds of bodies while they come in: size after decoding, depth of JSON, patience (G3, G4).

Nothing is gathered here: a body that goes on too long ends the request at that byte.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from adapter.api.fhir.failures import FhirFailure
from adapter.api.security.refusals import refuse
from adapter.server_settings import ServerLimits

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_MEGA = 1 << 20
_PATIENCE = 30.0  # seconds for a body's next piece
_GZIP = 31  # zlib's wbits for a gzip container
_STRING_REST = re.compile(rb'(?:[^"\\]|\\.)*("?)', re.DOTALL)
_OUTSIDE = re.compile(rb'"(?:[^"\\]|\\.)*"|["\[\]{}]', re.DOTALL)


class Bodies:
    """The middleware that gives each request's body its bounds."""

    def __init__(self, app: ASGIApp, limits: ServerLimits) -> None:
        self.app = app
        self._size = limits.body_mb * _MEGA
        self._depth = limits.json_depth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if failure := self._refusal(headers):
            await refuse(failure, scope, receive, send)
            return
        coding = headers.get("content-encoding", "").strip().lower()
        if coding:
            scope = {**scope, "headers": _plain(scope["headers"])}
        pieces = Pieces(self._size, self._depth if "json" in headers.get("content-type", "") else 0)
        decode = Gunzip(self._size).decoded if coding in {"gzip", "x-gzip"} else None
        await self.app(scope, _bounded(receive, pieces, decode), send)

    def _refusal(self, headers: Headers) -> FhirFailure | None:
        length, coding = headers.get("content-length", ""), headers.get("content-encoding", "")
        if length.isdigit() and int(length) > self._size:
            return _too_long(self._size)
        if coding.strip().lower() not in {"", "identity", "gzip", "x-gzip"}:
            return FhirFailure(
                415,
                "not-supported",
                "the body's Content-Encoding is not gzip",
                headers={"Accept-Encoding": "gzip"},
            )
        return None


class Pieces:
    """Counts a body's decoded bytes and, for JSON, its depth. depth: 0 is no bound."""

    def __init__(self, size: int, depth: int) -> None:
        self._size = size
        self._left = size
        self._json = JsonDepth(depth) if depth else None

    def check(self, piece: bytes) -> None:
        """Raises FhirFailure 413 or 400 where the bounds end."""
        self._left -= len(piece)
        if self._left < 0:
            raise _too_long(self._size)
        if self._json is not None:
            self._json.feed(piece)


class JsonDepth:
    """Follows the brackets of JSON text that comes in pieces."""

    def __init__(self, deepest: int) -> None:
        self._deepest = deepest
        self._depth = 0
        self._in_string = False
        self._kept = b""

    def feed(self, piece: bytes) -> None:
        """Raises FhirFailure 400 where the text is nested too deep."""
        text = self._kept + piece
        # A backslash that ends a piece belongs to what comes next.
        odd = (len(text) - len(text.rstrip(b"\\"))) % 2
        self._kept, text = (b"\\", text[:-1]) if odd else (b"", text)
        start = self._string_end(text) if self._in_string else 0
        for found in _OUTSIDE.finditer(text, start):
            self._take(found[0], text, found.start())
            if self._in_string:
                return

    def _string_end(self, text: bytes) -> int:
        rest = _STRING_REST.match(text)
        self._in_string = not (rest and rest[1])
        return len(text) if rest is None or self._in_string else rest.end()

    def _take(self, mark: bytes, text: bytes, start: int) -> None:
        if mark in b"[{":
            self._depth += 1
            if self._depth > self._deepest:
                raise FhirFailure(
                    400, "too-costly", f"the JSON is nested deeper than {self._deepest} levels"
                )
        elif mark in b"]}":
            self._depth -= 1
        elif mark == b'"':
            self._in_string = True


class Gunzip:
    """Decodes gzip piece by piece, never more than the bound and a byte."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size + 1
        self._decoder = zlib.decompressobj(_GZIP)

    def decoded(self, piece: bytes, last: bool) -> bytes:
        """The piece's content. Raises FhirFailure 400 for what is no gzip, 413 for a bomb."""
        try:
            content = self._decoder.decompress(piece, self._left)
        except zlib.error:
            raise FhirFailure(400, "structure", "the body is no gzip") from None
        self._left -= len(content)
        if self._left <= 0:
            raise _too_long(self._size)
        if last and not self._decoder.eof:
            raise FhirFailure(400, "structure", "the body's gzip is cut off")
        if self._decoder.unused_data:
            raise FhirFailure(400, "structure", "something follows the body's gzip")
        return content


Decode = Callable[[bytes, bool], bytes]


def _bounded(receive: Receive, pieces: Pieces, decode: Decode | None) -> Receive:
    done = False

    async def received() -> Message:
        nonlocal done
        if done:
            return await receive()
        try:
            async with asyncio.timeout(_PATIENCE):
                message = await receive()
        except TimeoutError:
            raise FhirFailure(408, "timeout", "the body did not come") from None
        if message["type"] != "http.request":
            return message
        done = not message.get("more_body", False)
        body = message.get("body", b"")
        if decode is not None and (body or done):
            body = decode(body, done)
        pieces.check(body)
        return {**message, "body": body}

    return received


def _plain(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of the body as it is handed on: decoded, its length not known."""
    return [each for each in headers if each[0] not in {b"content-encoding", b"content-length"}]


def _too_long(size: int) -> FhirFailure:
    return FhirFailure(413, "too-long", f"the body is longer than {size // _MEGA} MB")
