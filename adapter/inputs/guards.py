"""Bounds on what is unpacked and fetched (pull.md G3, G5): how much, how densely packed, and under
which names."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from adapter.errors import UsageError
from adapter.inputs.kinds import member, printable
from adapter.sources import DOCUMENT

_PARTS = re.compile(r"[/\\]")
_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:[/\\]")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes, but for `ratio`: unpacked to packed, of what is larger than `ratio_after`.

    total: all that is unpacked and fetched in a run; document: of a JSON document, which is read
    as a whole; free: what must stay free where it is kept.
    """

    ratio: int = 200
    ratio_after: int = 10 << 20
    total: int = 200 << 30
    document: int = DOCUMENT
    free: int = 512 << 20


class Readable(Protocol):
    """What bytes can be read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to so many bytes; none at the end."""


@dataclass(slots=True)
class Meter:
    """Counts what comes out of one archive or compressed stream, against what went in.

    packed: gives the compressed bytes so far, or of all of it.
    """

    where: str
    packed: Callable[[], int]
    limits: Limits
    unpacked: int = 0

    def count(self, size: int) -> None:
        """Raises UsageError where too much came out of too little."""
        self.unpacked += size
        bound = max(self.limits.ratio_after, self.limits.ratio * self.packed())
        if self.unpacked > bound:
            raise UsageError(
                f"unpacks to more than {self.limits.ratio} times its size, as no export does",
                where=self.where,
                hint="if it is what it should be, unpack it yourself and give the files",
            )


class Counted(io.RawIOBase):
    """A stream that counts what is read from it, and tells `told` of it."""

    def __init__(self, stream: Readable, told: Callable[[int], None] = lambda size: None) -> None:
        super().__init__()
        self._stream, self._told = stream, told
        self.size = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any buffer would do
        """How many bytes were read."""
        got = self._stream.read(len(buffer))
        buffer[: len(got)] = got
        self.size += len(got)
        self._told(len(got))
        return len(got)


def checked_name(name: str, container: str) -> str:
    """A member's name without empty parts. Raises UsageError where it leads out of its archive.

    Nothing is ever written under this name; an archive that holds such a one is no export.
    """
    if _ABSOLUTE.match(name) or ".." in _PARTS.split(name):
        raise UsageError(
            "an archive with an entry that leads out of it",
            where=member(container, printable(name)),
            hint="nothing was read; ask where the archive comes from",
        )
    return "/".join(part for part in name.split("/") if part not in ("", "."))
