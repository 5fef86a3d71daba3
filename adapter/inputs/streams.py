"""Compressed streams, unpacked piece by piece, and what their first bytes tell."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from isal import igzip
from isal.igzip_lib import IsalError

from adapter import sources
from adapter.errors import RaiwayError, UsageError
from adapter.inputs.guards import Counted, Meter, Readable

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_TAR_AT, _TAR = 257, b"ustar"
_BUFFER = 1 << 20


def buffered(stream: Readable) -> io.BufferedReader:
    """The stream with a buffer that can be looked into."""
    raw = stream if isinstance(stream, io.RawIOBase) else Counted(stream)
    return io.BufferedReader(raw, _BUFFER)


def start(stream: io.BufferedReader, size: int) -> bytes:
    """The first bytes, which stay to be read."""
    return stream.peek(size)[:size]


def packing(stream: io.BufferedReader) -> str:
    """The ending of what the stream is compressed with, by its first bytes; '' for nothing."""
    head = start(stream, 4)
    return ".gz" if head.startswith(_GZIP) else ".zst" if head == _ZSTD else ""


def is_zip(stream: io.BufferedReader) -> bool:
    """Whether a zip begins here."""
    return start(stream, 4) in _ZIP


def is_tar(stream: io.BufferedReader) -> bool:
    """Whether a tar begins here."""
    return start(stream, _TAR_AT + len(_TAR))[_TAR_AT:] == _TAR


def unpacked(stream: BinaryIO, packing: str, meter: Meter) -> BinaryIO:
    """What the stream holds, unpacked and counted; itself where it is not compressed."""
    inner: Readable
    if packing == ".gz":
        inner = igzip.IGzipFile(fileobj=stream, mode="rb")  # type: ignore[no-untyped-call]
    elif packing == ".zst":
        inner = _zstd(stream)
    else:
        return stream
    return cast(BinaryIO, Counted(inner, meter.count))


def _zstd(stream: BinaryIO) -> Readable:
    import pyarrow as pa

    return cast(Readable, pa.CompressedInputStream(stream, "zstd"))


# The type hints of isal call its error anything.
_DAMAGED: tuple[type[Exception], ...] = (
    EOFError,
    OSError,
    zlib.error,
    gzip.BadGzipFile,
    tarfile.TarError,
    zipfile.BadZipFile,
    NotImplementedError,
    cast(type[Exception], IsalError),
)


@contextmanager
def explained(where: str) -> Iterator[None]:
    """What goes wrong while something is unpacked, as a UsageError that names it."""
    try:
        yield
    except RaiwayError as error:
        if error.where:
            raise
        raise type(error)(error.what, where=where, hint=error.hint) from error
    except _DAMAGED as error:
        ends = isinstance(error, EOFError)
        reason = "it ends in the middle" if ends else _reason(error)
        raise UsageError(f"cannot be unpacked: {reason}", where=where) from error


def _reason(error: BaseException) -> str:
    if isinstance(error, NotImplementedError):
        return "compressed by a method that is not known"
    return getattr(error, "strerror", None) or "it is damaged"


def check_text(stream: io.BufferedReader) -> None:
    """Raises UsageError where the first bytes are of no JSON that is read."""
    head = start(stream, 2)
    if head in sources.UTF_16:
        raise UsageError(
            "encoded in UTF-16, but FHIR is UTF-8",
            hint="iconv -f UTF-16 -t UTF-8 converts it",
        )
    if head.startswith(b"<"):
        raise UsageError("not JSON: HTML or XML", hint="is it a login page, or FHIR as XML?")
