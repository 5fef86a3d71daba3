"""The lines of one file of an export, and whether it came whole (pull.md B17, B19)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from adapter.errors import Unreachable
from adapter.pull.checks import Refused
from adapter.pull.export.ndjson import Splitter

Take = Callable[[bytes | Refused, int], None]
"""Given each line that is not blank, and its number in the file."""


class Suspect(Unreachable):
    """A file that may come as it should when it is asked for again."""

    issue_code = "incomplete"


class Unusable(Unreachable):
    """A file that is something else than it was announced as."""

    issue_code = "structure"


@dataclass(slots=True)
class LineReader:
    """Hands the lines on as they come. cap: bytes of the longest; count: lines so far."""

    cap: int
    take: Take
    count: int = 0
    _number: int = 0
    _splitter: Splitter = field(init=False)

    def __post_init__(self) -> None:
        self._splitter = Splitter(self.cap)

    def feed(self, chunk: bytes) -> None:
        """Take the lines that end in the chunk. Raises Suspect for a page for people."""
        for line in self._splitter.feed(chunk):
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


def _parses(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError as error:
        # Too deep is whole all the same.
        return "depth limit" in str(error)
    return True
