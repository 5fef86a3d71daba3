"""What earlier ingests of a site left aside: asked for again when new facts make it matter.

The files are read where they lay, be it in an archive or behind an address. One that is gone, or no
longer the same, is named where something in it is wanted, so that the user can ingest it again.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from adapter.aside import KEY, Aside, Keys, Wanted
from adapter.inputs.origins import Origins
from adapter.mapping import digest
from adapter.mapping.digest import Digests
from adapter.splits import Split

if TYPE_CHECKING:
    from adapter.models import SetAsideRow
    from adapter.store import Store

PAIR = np.dtype([("digest", "<u8"), ("place", "<u8")])


@dataclass(slots=True)
class Earlier:
    """The splits that earlier ingests of a site left something in, but for files read now."""

    store: Store
    site: str
    origins: Origins
    now: frozenset[str]
    """The files that this ingest reads, by the keys of their origins."""
    changed: list[SetAsideRow] = field(default_factory=list)
    """Those whose file is no longer what it was."""
    _known: set[str] = field(default_factory=set)
    _lost: set[Path] = field(default_factory=set)

    def recall(self, into: Aside) -> dict[tuple[Path, int], int]:
        """Add them to what may be asked for; gives the lines of their files before each split."""
        before: dict[tuple[Path, int], int] = {}
        for row in self.store.set_aside(self.site):
            if row.path in self.now:
                continue
            path = self.origins.recalled(row.path, (row.bytes, row.modified))
            if path is None:
                self.changed.append(row)
                continue
            self._known.add(row.path)
            split = Split(path, row.start, row.end, called=self.origins.name(path))
            into.add(split, [_keys(row)], earlier=True)
            before[split.place] = row.lines_before
        return before

    def at_hand(self, wanted: list[Wanted]) -> list[Wanted]:
        """What of this can be read; the files of the rest count as changed."""
        lost = self.origins.provide({each.split.path for each in wanted})
        if lost:
            keys = {self.origins.key(file) for file in lost}
            self.changed += (row for row in self.store.set_aside(self.site) if row.path in keys)
            self._known -= keys
            self._lost |= lost
        return [each for each in wanted if each.split.path not in lost]

    def remember(self, aside: Aside, lines_before: Mapping[tuple[Path, int], int]) -> None:
        """Note for later ingests what nothing asked for."""
        rows = list(self._rows(aside, lines_before))
        self.store.replace_set_aside(self.site, sorted(self._known | self.now), rows)

    def lost(self, asked: Digests) -> dict[str, int]:
        """File -> how many of its resources are wanted, of files that cannot be read again."""
        lost: dict[str, int] = {}
        for row in self.changed:
            known = _keys(row)
            wanted = np.unique(known["place"][digest.among(known["digest"], asked)]).size
            if wanted:
                lost[row.path] = lost.get(row.path, 0) + int(wanted)
        return lost

    def _rows(
        self, aside: Aside, lines_before: Mapping[tuple[Path, int], int]
    ) -> Iterator[SetAsideRow]:
        from adapter.models import SetAsideRow

        for split, left in aside.lasting():
            if left.size and split.path not in self._lost:
                size, modified = self.origins.state(split.path)
                yield SetAsideRow(
                    site=self.site,
                    path=self.origins.key(split.path),
                    start=split.start,
                    end=split.end,
                    lines_before=lines_before[split.place],
                    bytes=size,
                    modified=modified,
                    keys=_text(left),
                )


def _text(left: Keys) -> str:
    pairs = np.empty(left.size, PAIR)
    pairs["digest"], pairs["place"] = left["digest"], left["place"]
    return base64.b64encode(pairs.tobytes()).decode()


def _keys(row: SetAsideRow) -> Keys:
    pairs = np.frombuffer(base64.b64decode(row.keys), PAIR)
    made = np.empty(pairs.size, KEY)
    made["digest"], made["place"] = pairs["digest"], pairs["place"]
    made["parsed"], made["lasting"] = False, True
    return made
