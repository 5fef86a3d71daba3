"""The lines of one file of an export, and whether it came whole (pull.md B17, B19)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

import orjson

from adapter.errors import Unreachable
from adapter.pull.checks import Refused
from adapter.pull.export.ndjson import Splitter

Take = Callable[[bytes | Refused, int], None]
"""Given each line that is not blank, and its number in the file."""
TakeAll = Callable[[Sequence[bytes]], bool]
"""Given the lines that end in a chunk; False: none was taken, and each is to be given."""


class Suspect(Unreachable):
    """A file that may come as it should when it is asked for again."""

    issue_code = "incomplete"


class Unusable(Unreachable):
    """A file that is something else than it was announced as."""

    issue_code = "structure"


@dataclass(slots=True)
class LineReader:
    """Hands the lines on as they come. cap: bytes of the longest; count: lines so far.

    take_all: the short way, after the first line that says what comes.
    """

    cap: int
    take: Take
    take_all: TakeAll | None = None
    count: int = 0
    _number: int = 0
    _splitter: Splitter = field(init=False)

    def __post_init__(self) -> None:
        self._splitter = Splitter(self.cap)

    def feed(self, chunk: bytes) -> None:
        """Take the lines that end in the chunk. Raises Suspect for a page for people."""
        lines = self._splitter.feed(chunk)
        if self.take_all and self.count and _are_lines(lines) and self.take_all(lines):
            self._number += len(lines)
            self.count += len(lines)
            return
        for line in lines:
            self._next(line)

    def end(self) -> None:
        """Take a last line that has no line break. Raises Suspect where it is not whole: HTTP
        cannot show that a reply without a length was cut."""
        last = self._splitter.end()
        if isinstance(last, bytes) and last.strip() and not _parses(last):
            self._sniff(last)
            raise Suspect("the file ends within a line")
        self._next(last)

    def _next(self, line: bytes | Refused) -> None:
        self._number += 1
        if isinstance(line, bytes):
            if not line or line.isspace():
                return
            if not self.count:
                self._sniff(line)
        self.count += 1
        self.take(line, self._number)

    def _sniff(self, line: bytes) -> None:
        if not self.count and line.lstrip().startswith(b"<"):
            raise Suspect("an HTML or XML page came instead of the file")


def _are_lines(found: list[bytes | Refused]) -> TypeGuard[list[bytes]]:
    """Are there any, and none too long? Only one that began in an earlier chunk may be."""
    return bool(found) and isinstance(found[0], bytes)


def _parses(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError as error:
        # Too deep is whole all the same.
        return "depth limit" in str(error)
    return True
