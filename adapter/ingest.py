"""Ingest on one machine: scan -> map -> load, in batches, with what could not be mapped kept.

Memory is bounded by the batch and the splits under way. A batch is loaded in one transaction; what
was loaded before an interruption stays, and ingesting again changes nothing that is already there.

What is left aside, by the scan or since it states nothing, is not lost to what comes later: once
all is loaded, that which the store asks for (visits of people with facts, dates of specimens, a
newer version that takes back what an older one stated) is read in another pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from adapter import sources, splits
from adapter.aside import Aside
from adapter.earlier import Earlier
from adapter.first_pass import FirstPass, begin
from adapter.inputs.origins import PLAIN, Origins
from adapter.mapping import digest
from adapter.mapping.digest import Digests
from adapter.mapping.mapped import Rejected
from adapter.mapping.resource import Mapper
from adapter.packed import Packed, PackedPart, joined
from adapter.splits import Split
from adapter.start_up import rarely_collecting
from adapter.workers import Workers

if TYPE_CHECKING:
    from adapter.store import Store

BATCH = 4_000
"""Resources that are loaded at once, at least: what comes of a split is not divided."""
LISTED = 1_000

BECAME = ("mapped", "unchanged", "older", "retracted", "quarantined", "irrelevant")
"""What may become of a resource that was read."""

Progress = Callable[[str, int, int], None]
"""Told of a file's name, how many of its resources were just read, and the bytes on disk."""


@dataclass(slots=True)
class Summary:
    """What an ingest did; counts of resources or lines.

    Each that was `read` is counted once more: `mapped` are new or replace an older version;
    `unchanged` were there already; `older` lost against a newer version in the store; `retracted`
    were entered in error or deleted; `quarantined` could not be mapped; `irrelevant` state nothing
    that is looked for. Of these, `unparsed` were told by their bytes, `deleted` are tombstones of
    what the server deleted, and `relevant` are those that state a fact. `undecided` are versions of
    which nothing says whether they are newer than another, so that only their content decided.
    """

    read: int = 0
    relevant: int = 0
    mapped: int = 0
    unchanged: int = 0
    older: int = 0
    retracted: int = 0
    quarantined: int = 0
    irrelevant: int = 0
    deleted: int = 0
    unparsed: int = 0
    unmapped: int = 0
    offsets: int = 0
    undecided: int = 0
    facts: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)
    """The first LISTED, without their content."""
    undecided_at: list[str] = field(default_factory=list)
    """The places of the first LISTED."""
    lost: dict[str, int] = field(default_factory=dict)
    """File of an earlier ingest -> how many of its resources matter now and cannot be read."""

    @property
    def accounted(self) -> int:
        """What is counted as one thing or another: as many as were read, or there is a bug."""
        return sum(getattr(self, name) for name in BECAME)

    @property
    def account(self) -> str:
        """That sum, written out."""
        parts = " + ".join(f"{getattr(self, name):,} {name}" for name in BECAME)
        return f"{self.read:,} read = {parts}"

    def counts(self) -> dict[str, int]:
        """The numbers alone, by name."""
        return {name: value for name, value in asdict(self).items() if isinstance(value, int)}

    @property
    def partial(self) -> bool:
        """Whether something was left out, or was decided by nothing that the data says."""
        return self.quarantined > 0 or self.undecided > 0 or bool(self.lost)


@dataclass(frozen=True, slots=True)
class How:
    """How an ingest reads. strict: every line is parsed. workers: processes; None: one a core.

    origins: where the files came from, if they do not lie where they are read. begun: the files'
    first reading, where it is under way. privacy: how they were de-identified (`landed.privacy`).
    """

    strict: bool = False
    workers: int | None = None
    progress: Progress = lambda name, n, size: None
    origins: Origins = PLAIN
    begun: FirstPass | None = None
    privacy: str = "identified"


PLAINLY = How()


def ingest(
    paths: Iterable[Path],
    mapper: Mapper,
    store: Store,
    run_id: str,
    how: How = PLAINLY,
) -> Summary:
    """Load all resources of the files into the store.

    Raises UsageError for a path that cannot be read (before anything is loaded) and StoreError when
    the store fails; single resources never stop the rest.
    """
    files = sources.expand(paths)
    with rarely_collecting(), first_pass(files, mapper, how) as first, Aside() as aside:
        work = _Work(first.workers, aside, store, run_id, how)
        work.read_all(first.parts)
        earlier = Earlier(store, mapper.site, how.origins, frozenset(map(how.origins.key, files)))
        work.lines_before |= earlier.recall(aside)
        asked = work.read_what_is_asked_for(earlier)
        earlier.remember(aside, work.lines_before)
        work.summary.lost = earlier.lost(asked)
    return work.summary


def first_pass(
    files: Sequence[Path], mapper: Mapper, how: How
) -> AbstractContextManager[FirstPass]:
    """The first reading of the files: the one that is under way, if it is by this mapper."""
    if how.begun and how.begun.mapper is mapper:
        return nullcontext(how.begun)
    return begin(files, mapper, how.strict, how.workers, how.origins)


@dataclass(slots=True)
class _Work:
    """One ingest under way."""

    workers: Workers[PackedPart]
    aside: Aside
    store: Store
    run_id: str
    how: How
    summary: Summary = field(default_factory=Summary)
    lines_before: dict[tuple[Path, int], int] = field(default_factory=dict)
    """Split -> the lines of its file before it, once that is known."""
    waiting: list[Packed] = field(default_factory=list)

    def read_all(self, parts: Iterable[tuple[Split, PackedPart]]) -> None:
        """Load what the splits state, in order."""
        file, lines = None, 0
        for split, part in parts:
            if split.path != file:
                file, lines = split.path, 0
            self.lines_before[split.place] = lines
            self._take(part.packed.after(lines))
            lines += part.lines
            self.aside.add(split, part.keys)
            self._count_aside(part.aside, part.unparsed)
            self.how.progress(split.name, len(part.packed) + part.aside, split.on_disk)
        self._load()

    def read_what_is_asked_for(self, earlier: Earlier) -> Digests:
        """Read what was left aside, now and earlier, as long as the store asks for more of it.

        Gives all that it asked for, sorted.
        """
        answered, new = digest.NONE, self.store.interest(earlier.site)
        while wanted := self.aside.wanted(new):
            for each in wanted:
                # They are counted by what they turn out to be; earlier ones were not counted here.
                if not each.earlier:
                    self._count_aside(-each.places.size, -each.unparsed)
            places = {each.split.place: each.places for each in wanted}
            again = splits.again([each.split for each in earlier.at_hand(wanted)])
            tasks = ((split, places[split.place]) for split in again)
            for split, part in self.workers.read_again(tasks):
                self._take(part.packed.after(self.lines_before[split.place]))
            self._load()
            answered = np.union1d(answered, new)
            new = np.setdiff1d(self.store.interest(earlier.site), answered)
        return np.union1d(answered, new)

    def _count_aside(self, count: int, unparsed: int) -> None:
        self.summary.read += count
        self.summary.irrelevant += count
        self.summary.unparsed += unparsed

    def _take(self, packed: Packed) -> None:
        if len(packed):
            self.waiting.append(packed)
        if sum(map(len, self.waiting)) >= BATCH:
            self._load()

    def _load(self) -> None:
        if self.waiting:
            load(joined(self.waiting), self.store, self.run_id, self.summary)
            self.waiting = []


def load(packed: Packed, store: Store, run_id: str, summary: Summary) -> None:
    """Bring what was mapped into the store and the rest into quarantine, and count both."""
    counts = store.load_prepared(packed.mapped, run_id, packed.rejected)
    summary.read += len(packed)
    found = counts.new + counts.replaced + counts.unchanged + counts.older + counts.retracted
    summary.irrelevant += len(packed.mapped) - found
    summary.relevant += packed.said.relevant
    summary.deleted += packed.said.deleted
    summary.mapped += counts.new + counts.replaced
    summary.unchanged += counts.unchanged
    summary.older += counts.older
    summary.retracted += counts.retracted
    summary.quarantined += len(packed.rejected)
    summary.unmapped += packed.said.unmapped
    summary.offsets += packed.said.offsets
    summary.facts.update(packed.said.facts)
    summary.undecided += len(counts.undecided)
    summary.undecided_at += counts.undecided[: LISTED - len(summary.undecided_at)]
    listed = packed.rejected[: LISTED - len(summary.rejected)]
    summary.rejected += [replace(item, raw="") for item in listed]
