"""An append-only file of who asked what (G15): JSON lines, each bound to the one before.

No line holds a patient's data: it tells the route's template and counts, no id and no query. Its
`hash` is the SHA-256 of the line before's hash and its own members; so a changed, removed or added
line is found. That the last lines are missing tells only the copy of their hashes in the audit's
table (`verify` takes the newest).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

import orjson
from filelock import FileLock

from adapter.errors import GateFailed, StoreError

START = "0" * 64
_TAIL = 65_536
_POLL = 0.002


@dataclass(frozen=True, slots=True)
class Link:
    """A line's place in the chain."""

    number: int
    hash: str


class AuditLog:
    """The file, which several workers append to."""

    def __init__(self, file: Path) -> None:
        """Raises StoreError where it cannot be written."""
        self.file = file
        self._threads = Lock()
        self._processes = FileLock(file.with_name(f"{file.name}.lock"), mode=0o600)
        self._opened()

    def append(self, *lines: Mapping[str, Any]) -> list[Link]:
        """Add lines of these members. Raises StoreError."""
        with self._threads, self._processes.acquire(poll_interval=_POLL):
            opened = self._opened(keep=True)
            try:
                before, whole = _last(opened)
                text, links = _chained(before, lines)
                _write(opened, text if whole else b"\n" + text)
            except OSError as error:
                raise self._failed(error) from error
            finally:
                os.close(opened)
        return links

    def _opened(self, *, keep: bool = False) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        try:
            opened = os.open(self.file, flags, 0o600)
        except OSError as error:
            raise self._failed(error) from error
        if not keep:
            os.close(opened)
        return opened

    def _failed(self, error: OSError) -> StoreError:
        return StoreError(
            f"the audit cannot be written: {error.strerror}",
            where=str(self.file),
            hint="nothing is answered that is not in the audit; see server.audit_log",
        )


def _chained(before: Link, lines: Sequence[Mapping[str, Any]]) -> tuple[bytes, list[Link]]:
    """The lines that follow `before`, each bound to the one before it."""
    text, links = b"", [before]
    for members in lines:
        number = links[-1].number + 1
        line = {"number": number, **members, "previous": links[-1].hash}
        links.append(Link(number, _hash(line)))
        text += orjson.dumps({**line, "hash": links[-1].hash}) + b"\n"
    return text, links[1:]


def _write(opened: int, text: bytes) -> None:
    while text:
        text = text[os.write(opened, text) :]


def verify(file: Path, newest: Link | None = None) -> int:
    """The number of lines of a file whose chain holds.

    newest: the line that must be there, from the audit's table. Raises GateFailed naming the first
    line that was changed, or what is missing.
    """
    before, found = Link(0, START), newest is None
    for number, line in _lines(file):
        before = _checked(before, line, f"{file}:{number}")
        found = found or before == newest
    if not found and newest is not None:
        raise GateFailed(
            f"line {newest.number} is missing or was replaced",
            where=str(file),
            hint="the audit's table in the operational database has it",
        )
    return before.number


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    with file.open("rb") as opened:
        yield from enumerate(opened, start=1)


def _checked(before: Link, text: bytes, where: str) -> Link:
    try:
        line = orjson.loads(text)
        stated = line.pop("hash")
    except (ValueError, AttributeError, KeyError, TypeError):
        raise GateFailed("a line of the audit cannot be read", where=where) from None
    fits = line.get("previous") == before.hash and line.get("number") == before.number + 1
    # The text itself is compared too: two spellings of one object are two lines.
    same = orjson.dumps({**line, "hash": stated}) == text.rstrip(b"\n")
    if not fits or not same or _hash(line) != stated:
        raise GateFailed("the audit was changed at this line, or before it", where=where)
    return Link(line["number"], stated)


def _hash(line: Mapping[str, Any]) -> str:
    return sha256(orjson.dumps(line)).hexdigest()


def _last(opened: int) -> tuple[Link, bool]:
    """The last whole line, and whether nothing follows it: a power cut may leave half a line."""
    size = os.fstat(opened).st_size
    start = max(0, size - _TAIL)
    os.lseek(opened, start, os.SEEK_SET)
    tail = os.read(opened, size - start)
    whole = not tail or tail.endswith(b"\n")
    for text in reversed(tail.split(b"\n")):
        try:
            line = orjson.loads(text)
            return Link(line["number"], line["hash"]), whole
        except (ValueError, KeyError, TypeError):
            continue
    return Link(0, START), whole
