"""What the resources that an ingest left aside may be asked for by: some bytes each, on disk."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from adapter.mapping import digest
from adapter.mapping.digest import Digests
from adapter.splits import Split

KEY = np.dtype([("digest", "<u8"), ("place", "<u8"), ("parsed", "?"), ("lasting", "?")])
"""By what a resource may be asked for, its place in the split (see `places`), whether it was left
aside only after it was parsed, and whether another ingest may ask for it too."""
Keys = NDArray[np.void]
Places = NDArray[np.uint64]

ENTRY_BITS = np.uint64(32)


def keys(digests: Digests, at: Places, *, parsed: bool, lasting: NDArray[np.bool_] | bool) -> Keys:
    """The digests with their places."""
    made = np.empty(digests.size, KEY)
    made["digest"], made["place"] = digests, at
    made["parsed"], made["lasting"] = parsed, lasting
    return made


def places(line: NDArray[np.intp] | int, entry: NDArray[np.intp] | int) -> Places:
    """Line of the split and number among the resources that stand in that line, in one."""
    lines, entries = np.atleast_1d(line).astype(np.uint64), np.atleast_1d(entry).astype(np.uint64)
    return np.asarray((lines << ENTRY_BITS) | entries, np.uint64)


def by_line(at: Places) -> dict[int, list[int]]:
    """Line -> the numbers of its resources, of places that are sorted."""
    found: dict[int, list[int]] = {}
    for place in at.tolist():
        found.setdefault(place >> 32, []).append(place & 0xFFFFFFFF)
    return found


@dataclass(frozen=True, slots=True)
class Wanted:
    """Resources of a split that are to be read again. unparsed: how many never were parsed.

    earlier: an ingest before this one left them aside.
    """

    split: Split
    places: Places
    unparsed: int
    earlier: bool


class Aside:
    """The keys of each split, in a temporary file. A context manager."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by __exit__
        self._splits: list[_Held] = []

    def __enter__(self) -> Aside:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, split: Split, of_split: Sequence[Keys], *, earlier: bool = False) -> None:
        """Remember a split by what its resources may be asked for by."""
        count = sum(each.size for each in of_split)
        if count:
            at = self._file.seek(0, io.SEEK_END)
            for each in of_split:
                self._file.write(each.tobytes())
            self._splits.append(_Held(split, at, count, earlier))

    def wanted(self, asked: Digests) -> list[Wanted]:
        """What the digests (sorted) ask for, but for what was wanted before."""
        if not asked.size:
            return []
        among = digest.finder(asked)
        found = (self._wanted(each, among) for each in self._splits)
        return [each for each in found if each.places.size]

    def lasting(self) -> Iterator[tuple[Split, Keys]]:
        """What another ingest may still ask for, of each split: what was not wanted yet."""
        for held in self._splits:
            known = self._keys(held)
            left = known[known["lasting"]]
            yield held.split, left[~_are_at(left, held.given)] if held.given.size else left

    def _wanted(self, held: _Held, among: Callable[[Digests], NDArray[np.bool_]]) -> Wanted:
        known = self._keys(held)
        chosen = known[among(known["digest"])]
        if held.given.size:
            chosen = chosen[~_are_at(chosen, held.given)]
        at_once, first = np.unique(chosen["place"], return_index=True)
        held.given = np.union1d(held.given, at_once)
        unparsed = int((~chosen["parsed"][first]).sum())
        return Wanted(held.split, at_once, unparsed, held.earlier)

    def _keys(self, held: _Held) -> Keys:
        self._file.seek(held.at)
        return np.frombuffer(self._file.read(KEY.itemsize * held.count), KEY)


@dataclass(slots=True)
class _Held:
    """Where in the file the keys of a split are. given: the places that were wanted."""

    split: Split
    at: int
    count: int
    earlier: bool
    given: Places = field(default_factory=lambda: np.empty(0, np.uint64))


def _are_at(known: Keys, given: Places) -> NDArray[np.bool_]:
    """Whether each key is of a resource at one of the places."""
    return np.asarray(np.isin(known["place"], given), np.bool_)
