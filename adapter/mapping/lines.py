"""A block of NDJSON as lines: where each begins and ends, its resource type and its id.

All by arrays over the whole block: no line is copied or looked at by itself unless its bytes are
out of the ordinary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapter.mapping import digest
from adapter.mapping.digest import Digests

UNSEEN, NO_VIEW = -1, -2
"""Instead of a type's number: the line does not begin as lines do; no view is of its type."""
HEADS = 16
"""Ways to begin a line that are told apart in a block; a line of yet another one is UNSEEN."""

ROOM = 256
"""Bytes after a block: an id that begins at its very end is read beyond it."""

BOM = b"\xef\xbb\xbf"
"""The byte order mark that some systems put before UTF-8."""

_HEAD = re.compile(rb'\{ ?"resourceType" ?: ?"([A-Za-z]{1,40})" ?, ?"id" ?: ?"')
_NEWLINE, _RETURN, _OPEN, _CLOSE, _ASCII = b"\n\r{}\x7f"

Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Lines:
    """content: the lines and ROOM. odd: what cannot be a JSON object in UTF-8.

    Valid as long as the block is not written to again.
    """

    block: bytearray
    content: NDArray[np.uint8]
    starts: Places
    ends: Places
    odd: NDArray[np.bool_]
    blank: NDArray[np.bool_]

    @classmethod
    def of(cls, block: bytearray, size: int) -> Lines:
        """The lines of the first `size` bytes; the last one needs no newline.

        At least ROOM bytes follow them; they are written to.
        """
        block[size : size + 1] = b"\n"
        content = np.frombuffer(block, np.uint8, size + ROOM)
        ends = np.array(_newlines(block, size), np.intp)
        starts = np.empty_like(ends)
        starts[:1], starts[1:] = 0, ends[:-1] + 1
        odd = (content[starts] != _OPEN) | (content[ends - 1] != _CLOSE)
        blank = np.zeros(len(ends), np.bool_)
        if odd.any():
            ends -= (content[ends - 1] == _RETURN) & (ends > starts)
            odd = (content[starts] != _OPEN) | (content[ends - 1] != _CLOSE) | (ends == starts)
        for at in np.flatnonzero(odd):
            blank[at] = not block[starts[at] : ends[at]].removeprefix(BOM).strip()
        lines = cls(block, content, starts, ends, odd & ~blank, blank)
        if size and content[:size].max() > _ASCII:
            lines.odd[list(lines._not_utf8())] = True
        return lines

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, number: int) -> bytes:
        return bytes(self.block[self.starts[number] : self.ends[number]])

    def numbers(self, places: Sequence[int]) -> Places:
        """The line in which each place of the block lies."""
        found = np.searchsorted(self.starts, np.array(places, np.intp), side="right") - 1
        return np.asarray(found, np.intp)

    def _not_utf8(self) -> Iterator[int]:
        try:
            self.block[: self.ends[-1]].decode()
        except UnicodeDecodeError:
            for number in range(len(self)):
                try:
                    self[number].decode()
                except UnicodeDecodeError:
                    yield number


@dataclass(frozen=True, slots=True)
class Heads:
    """kinds: of each line the number of its type in `types`, UNSEEN or NO_VIEW. ids: of the lines
    that are neither, in their order, the digest of the resource's id."""

    kinds: NDArray[np.int16]
    ids: Digests


def _newlines(block: bytearray, size: int) -> list[int]:
    """Where the lines of the first `size` bytes end; a newline stands after them."""
    # Twice as fast as numpy: lines are long, and `find` looks at many bytes at once.
    found: list[int] = []
    at, note, find = -1, found.append, block.find
    while at < size - 1:
        at = find(_NEWLINE, at + 1)
        note(at)
    return found


def read_heads(lines: Lines, types: Sequence[str], known: Set[str]) -> Heads:
    """What each line begins with. types: those that views are of; known: all there are."""
    numbers = {name: at for at, name in enumerate(types)}
    kinds = np.full(len(lines), UNSEEN, np.int16)
    ids = np.zeros(len(lines), np.uint64)
    left = np.flatnonzero(~(lines.odd | lines.blank))
    for _ in range(HEADS):
        head = _HEAD.match(lines.block, lines.starts[left[0]]) if left.size else None
        name = head[1].decode() if head else ""
        if head is None or name not in known:
            left = left[1:]
            continue
        same = _begin_with(lines, left, head[0])
        kinds[left[same]] = numbers.get(name, NO_VIEW)
        if name in numbers:
            ids[left[same]] = digest.at(lines.content, lines.starts[left[same]] + len(head[0]))
        left = left[~same]
    return Heads(kinds, ids[kinds >= 0])


def _begin_with(lines: Lines, numbers: Places, head: bytes) -> NDArray[np.bool_]:
    """Eight bytes at a time; the last ones overlap with those before."""
    words, starts = digest.words(lines.content), lines.starts[numbers]
    same = np.ones(len(starts), np.bool_)
    for at in (*range(0, len(head) - 8, 8), len(head) - 8):
        same &= words[starts + at] == np.frombuffer(head, "<u8", 1, at)[0]
    return same
