"""NDJSON from chunks of any size: whole lines, in memory bounded by the longest line allowed."""

from __future__ import annotations

from dataclasses import dataclass, field

from adapter.pull.checks import BOM, Refused

KEPT = 4096
"""Bytes kept of a line that is longer than allowed."""


@dataclass(slots=True)
class Splitter:
    r"""Cuts a stream at `\n`. cap: bytes of the longest line.

    A line too long comes as Refused with its beginning; its rest is read past, never held.
    """

    cap: int
    _held: list[bytes] = field(default_factory=list)
    _held_bytes: int = 0
    _too_long: Refused | None = None
    _first: bool = True

    def feed(self, chunk: bytes) -> list[bytes | Refused]:
        """The lines that end in the chunk, without their breaks; blank ones too, as b''."""
        first, *whole = chunk.split(b"\n")
        self._hold(first)
        if not whole:
            return []
        rest = whole.pop()
        lines = [self._released(), *whole]
        self._hold(rest)
        return lines

    def end(self) -> bytes | Refused:
        """What followed the last line break: b'', or a last line that has none."""
        return self._released()

    def _hold(self, part: bytes) -> None:
        if self._too_long is not None:
            return
        self._held.append(part)
        self._held_bytes += len(part)
        if self._held_bytes > self.cap:
            head = b"".join(part[:KEPT] for part in self._held[:KEPT])[:KEPT]
            self._too_long = Refused(f"a line longer than {self.cap:,} bytes", head)
            self._held.clear()

    def _released(self) -> bytes | Refused:
        line: bytes | Refused
        if self._too_long is not None:
            line = self._too_long
        else:
            line = b"".join(self._held) if len(self._held) != 1 else self._held[0]
            if self._first:
                line = line.removeprefix(BOM)
        self._held.clear()
        self._held_bytes, self._too_long, self._first = 0, None, False
        return line
