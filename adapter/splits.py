"""Files in pieces that can be read apart: the unit of work of a process pool, or of Spark.

A split of an NDJSON file is a range of bytes and owns the lines that begin in it. A gzip file
cannot be entered in the middle: it is inflated once, and its splits carry their bytes along. A JSON
document is one split.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import RawIOBase
from pathlib import Path

from adapter import sources
from adapter.mapping.lines import ROOM

SPLIT = 16 << 20
"""Bytes of a split: some thousand resources, so that what comes of it fits in memory. Of these many
are mapped at once, which is faster than a few now and then."""
INFLATED = 4 << 20
"""Bytes of a split of a compressed file, which travel to the process that reads them."""
BLOCK = 2 << 20
"""Bytes that are looked at at once: few enough to stay in a processor's cache."""
LONGEST_LINE = 64 << 20
"""Bytes of a line that is read; no resource is longer."""


@dataclass(frozen=True, slots=True)
class Split:
    """The lines of a file that begin in [start, end); a whole document where `end` is None.

    content: the bytes themselves, where the file is compressed. on_disk: its share of the file.
    called: the file's name in places, where it is not that of the path.
    """

    path: Path
    start: int = 0
    end: int | None = None
    content: bytes | None = None
    on_disk: int = 0
    called: str = ""

    @property
    def name(self) -> str:
        """What places call the file."""
        return self.called or self.path.name

    @property
    def place(self) -> tuple[Path, int]:
        """What tells the split from others."""
        return self.path, self.start


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines: the first `size` bytes of a buffer that is used again for the next block.

    overlong: instead, one line that is too long to be read; nothing of it is kept.
    """

    buffer: bytearray
    size: int
    overlong: bool = False


def of_file(path: Path, called: str = "") -> Iterator[Split]:
    """The splits of a file, in order. Raises UsageError where it cannot be read."""
    with sources.explained(path):
        size = path.stat().st_size
        if not sources.is_ndjson(path):
            yield Split(path, on_disk=size, called=called)
        elif sources.is_compressed(path):
            yield from _inflated(path, called)
        else:
            for start in range(0, size, SPLIT):
                end = min(start + SPLIT, size)
                yield Split(path, start, end, on_disk=end - start, called=called)


def again(wanted: Sequence[Split]) -> Iterator[Split]:
    """Splits to be read once more, with their bytes where they need them (see `light`)."""
    packed: dict[tuple[Path, str], set[int]] = {}
    for split in wanted:
        if sources.is_compressed(split.path) and split.end is not None:
            packed.setdefault((split.path, split.called), set()).add(split.start)
        else:
            yield split
    for (path, called), starts in packed.items():
        yield from (split for split in of_file(path, called) if split.start in starts)


def light(split: Split) -> Split:
    """The split without its bytes, to be remembered."""
    return replace(split, content=None)


def blocks(split: Split) -> Iterator[Block]:
    """The lines that the split owns, block by block. Raises OSError."""
    if split.content is not None:
        yield from _blocks(io.BytesIO(split.content), 0, len(split.content))
    elif split.end is not None:
        with split.path.open("rb", buffering=0) as file:
            start, end = _line_start(file, split.start), _line_start(file, split.end)
            yield from _blocks(file, start, end)


def _inflated(path: Path, called: str) -> Iterator[Split]:
    start, told = 0, 0
    with path.open("rb") as packed, sources.inflated(packed) as file:
        rest = b""
        while True:
            read = file.read(min(SPLIT, INFLATED))
            cut = read.rfind(b"\n") + 1
            if read and not cut:
                # Of a line that is too long only so much is kept as shows it (see `_blocks`).
                rest += read[: max(0, 2 * LONGEST_LINE - len(rest))]
                continue
            content, rest = (rest + read[:cut], read[cut:]) if read else (rest, b"")
            if content:
                now = packed.tell()
                end = start + len(content)
                yield Split(path, start, end, content, now - told, called)
                start, told = end, now
            if not read:
                return


def _line_start(file: RawIOBase, at: int) -> int:
    """Where the first line begins that does not begin before `at`."""
    if at == 0:
        return 0
    at = file.seek(at - 1)
    while piece := file.read(BLOCK // 16):
        newline = piece.find(b"\n")
        if newline >= 0:
            return at + newline + 1
        at += len(piece)
    return at


def _blocks(file: RawIOBase | io.BytesIO, at: int, end: int) -> Iterator[Block]:
    file.seek(at)
    buffer, held = bytearray(BLOCK + ROOM), 0
    while at < end:
        if held >= LONGEST_LINE:
            yield Block(buffer, 0, overlong=True)
            at, held = file.seek(_line_start(file, at)), 0  # type: ignore[arg-type]
            continue
        if held == len(buffer) - ROOM:
            # A new one, since the old one cannot grow while somebody still looks at it.
            buffer = buffer[:held] + bytearray(held + ROOM)
        wanted = min(len(buffer) - ROOM - held, end - at)
        got = file.readinto(memoryview(buffer)[held : held + wanted]) or 0
        at = at + got if got else end
        filled = held + got
        size = filled if at >= end else buffer.rfind(b"\n", 0, filled) + 1
        rest = bytes(buffer[size:filled])
        if size:
            yield Block(buffer, size)
        buffer[: len(rest)] = rest
        held = len(rest)
