"""Whose resources are held, by id: what is no more among a patient's has been deleted (pull.md D3).

    landing/SITE/.state/ids.ndjson            of the last run that was whole
    landing/SITE/.state/INSTANT/ids.ndjson    of this run; takes its place at the end

A line is a patient's: `{"patient": id, "held": {type: [ids]}}`. The first one says how each type
was asked for: only ids that were found in the same way are compared.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set

import orjson

from adapter.pull.crawl.queries import Queries
from adapter.pull.landing import folder
from adapter.pull.landing.run_folder import Landing

FILE = "ids.ndjson"
FEW, SHARE = 10, 0.5
"""More ids gone than so many, and than this share of a type's: access was lost, rather."""

Held = Mapping[str, Sequence[str]]
"""Resource type -> ids, of one patient."""


class Holdings:
    """The ids held of each patient before this run, and in it.

    types: those that are compared. gone: type -> ids that are there no more, of `before` many.
    """

    def __init__(self, landing: Landing, ways: Mapping[str, str], types: Set[str]) -> None:
        """Go on where the run stands. ways: see `ways`. Raises UsageError, LandingError."""
        self.types = types
        self.gone: dict[str, set[str]] = defaultdict(set)
        self.before: dict[str, int] = defaultdict(int)
        self._held = landing.site.path / FILE
        self._places: dict[str, tuple[int, int]] = {}
        self._same = self._read(ways)
        self._file = folder.Appended(landing.private / FILE)
        if not self._file.lines:
            self._file.append({"ways": ways})
        for line in self._file.lines[1:]:
            self._compare(line["patient"], line["held"])

    def keep(self, patient: str, held: Held) -> None:
        """Keep what is held of a patient now, of the types of which that is known for certain.

        Raises LandingError.
        """
        self._file.append({"patient": patient, "held": held})
        self._compare(patient, held)

    def deleted(self) -> Iterator[tuple[str, Set[str]]]:
        """Type -> ids that were deleted; a type of which too many are gone is left out."""
        for name, ids in sorted(self.gone.items()):
            if not self.too_many(name):
                yield name, ids

    def too_many(self, name: str) -> bool:
        """Whether so many of a type are gone that they will not have been deleted."""
        return len(self.gone[name]) > max(FEW, SHARE * self.before[name])

    def settle(self) -> None:
        """What this run found, once closed, is what the next one compares with; unless too much
        was gone, so that this is said again. Raises LandingError."""
        if any(self.too_many(name) for name in self.gone):
            return
        with folder.explained(self._held):
            self._file.path.replace(self._held)
            folder.sync_folder(self._held.parent)

    def close(self) -> None:
        """Bring the file to the disk, and close it. Raises LandingError."""
        self._file.sync()
        self._file.close()

    def _read(self, ways: Mapping[str, str]) -> Set[str]:
        """The types that are searched as before; and where each patient's line stands, so that they
        need not all be held in memory."""
        if not self._held.exists():
            return frozenset()
        with folder.explained(self._held), self._held.open("rb") as file:
            stated = orjson.loads(file.readline())["ways"]
            start = file.tell()
            for line in file:
                self._places[orjson.loads(line)["patient"]] = start, len(line)
                start += len(line)
        return frozenset(name for name, way in ways.items() if stated.get(name) == way)

    def _compare(self, patient: str, held: Held) -> None:
        before = self._before(patient)
        for name in self._same & before.keys() & held.keys():
            self.before[name] += len(before[name])
            self.gone[name].update(set(before[name]).difference(held[name]))

    def _before(self, patient: str) -> Held:
        if patient not in self._places:
            return {}
        start, size = self._places[patient]
        with folder.explained(self._held), self._held.open("rb") as file:
            file.seek(start)
            found: Held = orjson.loads(file.read(size))["held"]
        return found


def ways(queries: Queries, *, everything: bool) -> dict[str, str]:
    """Type -> a digest of how it is asked for: other filters find other ids."""
    return {
        name: hashlib.sha256(repr((everything, each)).encode()).hexdigest()[:16]
        for name, each in queries.by_patient.items()
    }
