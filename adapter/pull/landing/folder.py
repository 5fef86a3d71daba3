"""Files that only their owner may read, written whole or not at all, never through a symlink.

Folders are made 0700 and files 0600 (pull.md G5, G6). What a full disk or a missing right raises is
a LandingError that names the place and says how to go on.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from adapter.errors import LandingError, UsageError

_FULL = {
    errno.ENOSPC: "no space is left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file would become larger than is allowed",
}
_GO_ON = "make room and run raiway pull again: it goes on where it stopped"
_OPEN = os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What the file system refuses, as a LandingError that names the place."""
    try:
        yield
    except OSError as error:
        full = _FULL.get(error.errno or 0)
        raise LandingError(
            full or f"cannot be written: {error.strerror}",
            where=str(path),
            hint=_GO_ON if full else "name a folder that may be written: --to DIR",
        ) from error


def make_private(path: Path) -> None:
    """Make a folder that only the owner may enter, unless it is there.

    Raises UsageError where a symlink or a file stands in its place, LandingError where it cannot be
    made.
    """
    with explained(path):
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        kind = path.lstat().st_mode
    if not stat.S_ISDIR(kind):
        what = "a symbolic link" if stat.S_ISLNK(kind) else "a file"
        raise UsageError(
            f"{what} stands where a folder belongs", where=str(path), hint="move it away"
        )


def create(path: Path) -> BinaryIO:
    """A new file, open for writing. Raises LandingError, also where the name is taken."""
    with explained(path):
        return os.fdopen(os.open(path, _OPEN | os.O_EXCL | os.O_WRONLY, 0o600), "wb")


def sync(file: BinaryIO) -> None:
    """Bring what was written to the disk. Raises OSError."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to the disk: a rename is durable only then. Raises OSError."""
    number = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def settle(part: Path, final: Path) -> None:
    """Give a file that is on the disk its final name, durably. Raises OSError; a taken name is
    never written over."""
    if os.path.lexists(final):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final))
    part.rename(final)
    sync_folder(final.parent)


def write_json(path: Path, value: Any) -> None:
    """Replace a file by a JSON document: a reader sees the old one or the new one.

    Raises LandingError; the old file then stays.
    """
    beside = path.with_name(f".{path.name}.part")
    with explained(path):
        beside.unlink(missing_ok=True)
    try:
        with create(beside) as file, explained(path):
            file.write(orjson.dumps(value, option=orjson.OPT_INDENT_2))
            sync(file)
        with explained(path):
            beside.replace(path)
            sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> Any:
    """The JSON document of a file; None where there is none. Raises UsageError."""
    try:
        return orjson.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        why = f": {error.strerror}" if isinstance(error, OSError) else ""
        raise UsageError(
            f"cannot be read{why}",
            where=str(path),
            hint="restore it, or pull into a new folder: --to",
        ) from error


class Appended:
    """A file of JSON lines that is only appended to; what is appended survives the process.

    lines: what stood in it when it was opened. A last line that an earlier process could not
    finish, or what a power failure left instead of it, never was: it is cut off.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, made 0600 if it is new. Raises LandingError."""
        self.path = path
        with explained(path):
            number = os.open(path, _OPEN | os.O_RDWR | os.O_APPEND, 0o600)
            self._file = os.fdopen(number, "r+b", buffering=0)
            self.lines, self._end = _whole(self._file.readall())
            self._file.truncate(self._end)
        # What an earlier process appended may not have reached the disk.
        self._unsynced = True

    def append(self, value: Any) -> None:
        """Add a line, whole or not at all. Raises LandingError."""
        line = orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
        with explained(self.path):
            try:
                written = self._file.write(line)
                # A disk that is nearly full takes the beginning, and tells so only the next time.
                while written < len(line):
                    written += self._file.write(line[written:])
            except OSError:
                self._file.truncate(self._end)
                raise
        self._end += len(line)
        self._unsynced = True

    def sync(self) -> None:
        """Bring it to the disk. Raises LandingError."""
        if self._unsynced:
            with explained(self.path):
                os.fsync(self._file.fileno())
            self._unsynced = False

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _whole(content: bytes) -> tuple[list[Any], int]:
    """The JSON lines that are whole, and where they end."""
    lines: list[Any] = []
    end = 0
    while (newline := content.find(b"\n", end)) >= 0:
        try:
            lines.append(orjson.loads(content[end:newline]))
        except orjson.JSONDecodeError:
            break
        end = newline + 1
    return lines, end
