"""Replies, sound ones and broken ones."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

FHIR_JSON = "application/fhir+json"
NDJSON = "application/fhir+ndjson"
_LOGIN_PAGE = "<!DOCTYPE html><html><body><form>Please log in</form></body></html>"


def reply(
    body: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    content_type: str = FHIR_JSON,
) -> web.Response:
    """A whole reply. body: bytes and text as they are, None for no body, anything else as JSON.

    A `Date` among the headers overrides the server's.
    """
    if body is None:
        return web.Response(status=status, headers=headers)
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return web.Response(
        body=body, status=status, headers={"Content-Type": content_type, **(headers or {})}
    )


def outcome(
    code: str,
    text: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    severity: str = "error",
) -> web.Response:
    """An OperationOutcome of one issue, by default with a status that says all is well."""
    return reply(operation_outcome(code, text, severity), status, headers)


def operation_outcome(code: str, text: str, severity: str = "error") -> dict[str, Any]:
    """The resource of `outcome`."""
    issue = {"severity": severity, "code": code, "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def login_page(status: int = 200) -> web.Response:
    """An HTML page, as a portal before the server answers."""
    return reply(_LOGIN_PAGE, status, content_type="text/html; charset=utf-8")


def redirect(url: str, status: int = 302) -> web.Response:
    """A redirect to `url`."""
    return reply(None, status, {"Location": url})


def gzipped(body: bytes, *, header: bool = True, content_type: str = NDJSON) -> web.Response:
    """A gzip body, with or without the header that says so."""
    headers = {"Content-Encoding": "gzip"} if header else {}
    return reply(gzip.compress(body, mtime=0), 200, headers, content_type)


class Raw(web.StreamResponse):
    """Bytes written to the connection as they stand, which ends with them.

    Attributes:
        pieces: what is written, head included.
        seconds: the pause after each piece.
        reset: end the connection by RST, else by an orderly close.
    """

    def __init__(
        self, pieces: Sequence[bytes], *, seconds: float = 0.0, reset: bool = False
    ) -> None:
        super().__init__()
        self.force_close()
        self._pieces, self._seconds, self._reset = pieces, seconds, reset

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        transport = request.transport
        assert isinstance(transport, asyncio.Transport)
        for piece in self._pieces:
            transport.write(piece)
            await asyncio.sleep(self._seconds)
        if self._reset:
            # Time for the client to read what came, which the reset would else throw away.
            await asyncio.sleep(0.05)
            _reset_on_close(transport)
            transport.abort()
        transport.close()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """All was written by `prepare`."""


def _reset_on_close(transport: asyncio.Transport) -> None:
    opened: socket.socket = transport.get_extra_info("socket")
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def head(status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """The head of a raw reply; nothing is added to the headers."""
    lines = [f"HTTP/1.1 {status} Raw", *(f"{k}: {v}" for k, v in (headers or {}).items())]
    return "\r\n".join([*lines, "", ""]).encode()


def cut(
    body: bytes,
    keep: int,
    framing: Literal["length", "chunked", "close"] = "length",
    *,
    reset: bool = False,
    content_type: str = NDJSON,
) -> Raw:
    """A reply whose connection ends after `keep` bytes of the body.

    framing: with the whole body's Content-Length; chunked, without the last chunk; or delimited by
    the connection's end, where HTTP cannot show that something is missing.
    """
    shown = body[:keep]
    headers = {"Content-Type": content_type}
    if framing == "length":
        headers["Content-Length"] = str(len(body))
    elif framing == "chunked":
        headers["Transfer-Encoding"] = "chunked"
        shown = b"%x\r\n%s\r\n" % (len(shown), shown)
    return Raw([head(200, headers | {"Connection": "close"}), shown], reset=reset)


def wrong_length(body: bytes, claimed: int, content_type: str = NDJSON) -> Raw:
    """The whole body under a Content-Length that is not its own."""
    headers = {"Content-Type": content_type, "Content-Length": str(claimed), "Connection": "close"}
    return Raw([head(200, headers), body])


def drip(body: bytes, size: int, seconds: float, content_type: str = NDJSON) -> Raw:
    """The whole body, `size` bytes at a time with pauses between."""
    headers = {"Content-Type": content_type, "Content-Length": str(len(body))}
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return Raw([head(200, headers | {"Connection": "close"}), *pieces], seconds=seconds)


def dropped() -> Raw:
    """No reply at all: the connection is reset."""
    return Raw([], reset=True)
