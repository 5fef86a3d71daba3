"""From a stream of any kind to files of the spool that the reader can open.

Every resource file ends as NDJSON or JSON in gzip, whatever it came in: so it takes about the room
that it took before, and the reader needs to know no more kinds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

import orjson

from adapter.errors import UsageError
from adapter.inputs import kinds, streams
from adapter.inputs.archives import Member, members
from adapter.inputs.guards import Counted, Limits, Meter, Readable
from adapter.inputs.kinds import Archive
from adapter.inputs.origins import State
from adapter.inputs.spool import Spool
from adapter.mapping.lines import BOM
from adapter.splits import LONGEST_LINE

DEEPEST = 1
"""How deep archives may lie in archives."""
SUFFIX = ".gz"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file came from: its name for people, its key for later ingests ('' where it cannot
    be read again), and the state of the file or object that holds it."""

    name: str
    key: str
    state: State

    def member(self, name: str) -> Origin:
        """The origin of what it holds under this name."""
        key = kinds.member(self.key, name) if self.key else ""
        return Origin(kinds.member(self.name, kinds.printable(name)), key, self.state)


Told = Callable[[str, int], None]
"""Told of a name, and how many bytes of it were just read."""


@dataclass(slots=True)
class Unpacker:
    """Unpacks into a spool.

    place: gives the path for the file of an origin with an ending, or None where it is not wanted.
    """

    spool: Spool
    limits: Limits
    place: Callable[[Origin, str], Path | None]
    told: Told
    passed_over: int = 0
    """Files in archives whose ending is not read."""

    def take(self, stream: Readable, origin: Origin, called: str) -> None:
        """A file from outside. Where what it is called says nothing, its first bytes do.

        Raises UsageError for what cannot be unpacked, is no JSON, or is too much.
        """
        with streams.explained(origin.name):
            counted = Counted(stream, lambda size: self.told(origin.name, size))
            raw = streams.buffered(cast(Readable, counted))
            kind, ending = kinds.archive(called), kinds.resource_ending(called)
            if kind or (not ending and streams.is_zip(raw)):
                self._keep_archive(raw, kind or Archive("zip", ""), origin)
                return
            meter = Meter(origin.name, lambda: counted.size, self.limits)
            content = streams.buffered(streams.unpacked(raw, streams.packing(raw), meter))
            if not ending and streams.is_tar(content):
                self._keep_archive(content, Archive("tar", ""), origin)
                return
            streams.check_text(content)
            self._pack(content, origin, ending)

    def open_archive(self, path: Path, kind: Archive, origin: Origin, depth: int = 0) -> None:
        """An archive that lies in a file. Raises UsageError as `take` does."""
        names: Counter[str] = Counter()
        with streams.explained(origin.name):
            for each in members(path, kind, origin.name, self.limits):
                if not kinds.is_no_data(each.name):
                    names[each.name] += 1
                    called = kinds.numbered(each.name, names[each.name])
                    self._take_member(each, origin.member(called), depth)

    def _take_member(self, found: Member, own: Origin, depth: int) -> None:
        kind, ending = kinds.archive(found.name), kinds.resource_ending(found.name)
        if ending:
            with streams.explained(own.name):
                self._unpack_member(found, own, ending)
        elif kind and depth < DEEPEST:
            with streams.explained(own.name):
                self._keep_archive(found.open(), kind, own, depth + 1)
        else:
            self.passed_over += 1

    def _unpack_member(self, found: Member, origin: Origin, ending: str) -> None:
        path = self.place(origin, ending + SUFFIX)
        if path is None:
            return
        counted = Counted(found.open(), lambda size: self.told(origin.name, size))
        raw = streams.buffered(cast(Readable, counted))
        meter = Meter(origin.name, lambda: counted.size, self.limits)
        content = streams.buffered(streams.unpacked(raw, streams.packing(raw), meter))
        streams.check_text(content)
        self.spool.pack(content, path, self._most(ending))

    def _keep_archive(
        self, stream: Readable, kind: Archive, origin: Origin, depth: int = 0
    ) -> None:
        path = self.spool.new(".archive")
        self.spool.keep(stream, path)
        try:
            self.open_archive(path, kind, origin, depth)
        finally:
            path.unlink()

    def _pack(self, content: BufferedReader, origin: Origin, ending: str) -> None:
        head = b""
        if not ending:
            head, ending = _ending_by_content(content)
        path = self.place(origin, ending + SUFFIX)
        if path is not None:
            self.spool.pack(_Joined(head, content), path, self._most(ending))

    def _most(self, ending: str) -> int:
        return self.limits.document if ending == ".json" else self.limits.total


def _ending_by_content(content: BinaryIO | BufferedReader) -> tuple[bytes, str]:
    """What was read of it, and its kind: each line is a resource where the first one is.

    Raises UsageError where it is empty.
    """
    head = content.readline(LONGEST_LINE)
    if not head:
        raise UsageError("empty", hint="did what should write it fail?")
    try:
        first = isinstance(orjson.loads(head.removeprefix(BOM)), dict)
    except ValueError:
        first = False
    return head, ".ndjson" if first and head.endswith(b"\n") else ".json"


class _Joined:
    """A stream that begins with what was read of it already."""

    def __init__(self, head: bytes, rest: Readable) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int = -1, /) -> bytes:
        """Up to so many bytes."""
        head, self._head = self._head, b""
        return head or self._rest.read(size)
