"""A temporary folder for what was unpacked or fetched: private, bounded, and gone at the end.

It lies in the system's temporary folder (`TMPDIR` names another). What a process left that was
killed outright is removed by the next one.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

from filelock import FileLock, Timeout
from isal import igzip

from adapter.errors import UsageError
from adapter.inputs.guards import Limits, Readable
from adapter.inputs.signals import undisturbed

PREFIX = "raiway-spool-"
LOCK = "lock"
_PIECE = 1 << 20
_LOOK_EVERY = 64 << 20
_YOUNG = 60.0
"""Seconds in which a folder may be there and not yet be locked by the process that made it."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


class _Writable(Protocol):
    def write(self, piece: bytes, /) -> int: ...


class Spool:
    """The folder. A context manager; the folder is made when the first file is asked for."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._root: Path | None = None
        self._lock: FileLock | None = None
        self._owner = os.getpid()
        self._numbers = 0
        self._filled = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        # A process forked meanwhile must not take the folder from under the others.
        if self._root and self._lock and self._owner == os.getpid():
            with undisturbed():
                shutil.rmtree(self._root, ignore_errors=True)
                self._lock.release()

    def new(self, ending: str) -> Path:
        """A path in the folder at which nothing lies yet."""
        if self._root is None:
            self._root = self._made()
        self._numbers += 1
        return self._root / f"{self._numbers:06}{ending}"

    def pack(self, stream: Readable, path: Path, most: int) -> None:
        """Write what the stream holds as a gzip file. Raises UsageError where it is too much.

        most: bytes of it.
        """
        with _created(path) as file, _packed(file) as packed:
            self._copy(stream, packed, most)

    def keep(self, stream: Readable, path: Path) -> None:
        """Write what the stream holds as it is. Raises UsageError where it is too much."""
        with _created(path) as file:
            self._copy(stream, file, self._limits.total)

    def _copy(self, stream: Readable, to: _Writable, most: int) -> None:
        size, looked = 0, self._filled
        while piece := stream.read(_PIECE):
            size += len(piece)
            self._filled += len(piece)
            if size > most or self._filled > self._limits.total:
                raise UsageError(
                    f"more than {min(most, self._limits.total) >> 20:,} MiB unpacked",
                    hint="give less at once, or unpack it yourself and give the files",
                )
            if self._filled - looked > _LOOK_EVERY:
                self._check_room()
                looked = self._filled
            to.write(piece)

    def _made(self) -> Path:
        folder = Path(tempfile.gettempdir())
        _sweep(folder)
        # Its mode is 0700, that of the files 0600.
        root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
        self._lock = FileLock(root / LOCK)
        self._lock.acquire()
        self._root = root
        self._check_room()
        return root

    def _check_room(self) -> None:
        if self._root and shutil.disk_usage(self._root).free < self._limits.free:
            raise _no_room(self._root)


@contextmanager
def _created(path: Path) -> Iterator[BinaryIO]:
    """A new file that only its owner may read; it does not stay where writing it fails."""
    try:
        with os.fdopen(os.open(path, _CREATE, 0o600), "wb") as file:
            yield file
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _FULL:
            raise _no_room(path.parent) from error
        raise


def _packed(file: BinaryIO) -> igzip.IGzipFile:
    return igzip.IGzipFile(fileobj=file, mode="wb", compresslevel=1)  # type: ignore[no-untyped-call]


def _no_room(root: Path) -> UsageError:
    return UsageError(
        "no room to unpack",
        where=str(root.parent),
        hint="make room, or name a larger folder: TMPDIR=/path raiway …",
    )


def _sweep(folder: Path) -> None:
    """Remove what processes left that were killed before they could do so themselves."""
    for path in folder.glob(f"{PREFIX}*"):
        with suppress(OSError, Timeout):
            found = path.lstat()
            ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
            if ours and time.time() - found.st_mtime > _YOUNG:
                with FileLock(path / LOCK, timeout=0):
                    shutil.rmtree(path, ignore_errors=True)
