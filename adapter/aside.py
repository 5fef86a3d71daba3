"""What the resources that an ingest left aside may be asked for by: some bytes each, on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from adapter.mapping import digest
from adapter.mapping.digest import Digests
from adapter.splits import Split

KEY = np.dtype([("digest", "<u8"), ("place", "<u8"), ("parsed", "?")])
"""By what a resource may be asked for, its place in the split (see `places`), and whether it was
left aside only after it was parsed."""
Keys = NDArray[np.void]
Places = NDArray[np.uint64]

ENTRY_BITS = np.uint64(32)


def keys(digests: Digests, at: Places, *, parsed: bool) -> Keys:
    """The digests with their places."""
    made = np.empty(digests.size, KEY)
    made["digest"], made["place"], made["parsed"] = digests, at, parsed
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
    """Resources of a split that are to be read again. unparsed: how many never were parsed."""

    split: Split
    places: Places
    unparsed: int


class Aside:
    """The keys of each split, in a temporary file. A context manager."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by __exit__
        self._splits: list[tuple[Split, int, int]] = []

    def __enter__(self) -> Aside:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, split: Split, of_split: Sequence[Keys]) -> None:
        """Remember a split by what its resources may be asked for by."""
        count = sum(each.size for each in of_split)
        if count:
            for each in of_split:
                self._file.write(each.tobytes())
            self._splits.append((split, self._file.tell() - KEY.itemsize * count, count))

    def wanted(self, asked: Digests, answered: Digests) -> list[Wanted]:
        """What the digests `asked` ask for, and `answered` did not; both are sorted."""
        if not asked.size:
            return []
        found = (self._wanted(*each, asked, answered) for each in self._splits)
        return [each for each in found if each.places.size]

    def _wanted(
        self, split: Split, at: int, count: int, asked: Digests, answered: Digests
    ) -> Wanted:
        self._file.seek(at)
        known = np.frombuffer(self._file.read(KEY.itemsize * count), KEY)
        digests = known["digest"]
        hit = known[digest.among(digests, asked)]
        chosen = hit[~np.isin(hit["place"], known["place"][digest.among(digests, answered)])]
        at_once, first = np.unique(chosen["place"], return_index=True)
        return Wanted(split, at_once, int((~chosen["parsed"][first]).sum()))
