"""Ingest on one machine: scan -> map -> load, in batches, with what could not be mapped kept.

Memory is bounded by the batch and the splits under way. A batch is loaded in one transaction; what
was loaded before an interruption stays, and ingesting again changes nothing that is already there.

What is left aside, by the scan or since it states nothing, is not lost to what comes later: once
all is loaded, that which the store asks for (visits of people with facts, dates of specimens, a
newer version that takes back what an older one stated) is read in another pass.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from adapter import sources, splits
from adapter.aside import Aside
from adapter.earlier import Earlier, absolute
from adapter.mapping import digest
from adapter.mapping.digest import Digests
from adapter.mapping.mapped import MappedResource, Rejected
from adapter.mapping.resource import Mapper
from adapter.mapping.scan import Scanner
from adapter.reading import Outcome, Reader
from adapter.splits import Split
from adapter.workers import Workers, default_count

if TYPE_CHECKING:
    from adapter.store import Store

BATCH = 4_000
ALLOCATIONS = 100_000
"""New objects after which cycles are looked for; that of Python, 700, is of a resource or two."""
LISTED = 1_000
FEW_BYTES = 32 << 20
"""Of less than this, one process makes more than several that must first begin."""

BECAME = ("mapped", "unchanged", "older", "retracted", "quarantined", "irrelevant")
"""What may become of a resource that was read."""

Progress = Callable[[str, int, int], None]
"""Told of a file's name, how many of its resources were just read, and the bytes on disk."""


@dataclass(slots=True)
class Summary:
    """What an ingest did; counts of resources or lines.

    Each that was `read` is counted once more: `mapped` are new or replace an older version;
    `unchanged` were there already; `older` lost against a newer version in the store; `retracted`
    were entered in error; `quarantined` could not be mapped; `irrelevant` state nothing that is
    looked for. Of these, `unparsed` were told by their bytes, and `relevant` are those that state
    a fact. `undecided` are versions of which nothing says whether they are newer than
    another, so that only their content decided.
    """

    read: int = 0
    relevant: int = 0
    mapped: int = 0
    unchanged: int = 0
    older: int = 0
    retracted: int = 0
    quarantined: int = 0
    irrelevant: int = 0
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
    """How an ingest reads. strict: every line is parsed. workers: processes; None: one a core."""

    strict: bool = False
    workers: int | None = None
    progress: Progress = lambda name, n, size: None


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
    reader = Reader(mapper, site_scanner(mapper), how.strict)
    with _rarely_collecting(), Workers(reader, _workers(files, how)) as workers, Aside() as aside:
        work = _Work(workers, aside, store, run_id, how)
        work.read_all(chain.from_iterable(splits.of_file(file) for file in files))
        earlier = Earlier(store, mapper.site, absolute(files))
        work.lines_before |= earlier.recall(aside)
        asked = work.read_what_is_asked_for(mapper.site)
        earlier.remember(aside, asked, work.lines_before)
        work.summary.lost = earlier.lost(asked)
    return work.summary


@contextmanager
def _rarely_collecting() -> Iterator[None]:
    """Let Python look for cycles of references less often, in the workers forked meanwhile too: a
    batch is of many objects, and none of them in a cycle."""
    usual = gc.get_threshold()
    gc.set_threshold(ALLOCATIONS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def site_scanner(mapper: Mapper) -> Scanner:
    """The scanner that keeps what the mapper maps."""
    known = mapper.definitions
    tokens = known.terminology.tokens(known.value_set("resource-types"))
    types = frozenset(token.partition("|")[2] for token in tokens)
    return Scanner(known.relevance, types, mapper.site)


def _workers(files: Sequence[Path], how: How) -> int:
    if how.workers is not None:
        return how.workers
    return default_count() if sum(file.stat().st_size for file in files) > FEW_BYTES else 1


@dataclass(slots=True)
class _Work:
    """One ingest under way."""

    workers: Workers
    aside: Aside
    store: Store
    run_id: str
    how: How
    summary: Summary = field(default_factory=Summary)
    lines_before: dict[tuple[Path, int], int] = field(default_factory=dict)
    """Split -> the lines of its file before it, once that is known."""
    waiting: list[Outcome] = field(default_factory=list)

    def read_all(self, found: Iterable[Split]) -> None:
        """Read the splits, in order, and load what they state."""
        file, lines = None, 0
        for split, part in self.workers.read(found):
            if split.path != file:
                file, lines = split.path, 0
            self.lines_before[split.place] = lines
            self._take(part.after(lines))
            lines += part.lines
            self.aside.add(split, part.keys)
            self._count_aside(part.aside, part.unparsed)
            self.how.progress(split.path.name, len(part.outcomes) + part.aside, split.on_disk)
        self._load()

    def read_what_is_asked_for(self, site: str) -> Digests:
        """Read what was left aside, as long as the store asks for more of it.

        Gives all that it asked for, sorted.
        """
        answered, new = digest.NONE, self.store.interest(site)
        while wanted := self.aside.wanted(new, answered):
            for each in wanted:
                # They are counted by what they turn out to be; earlier ones were not counted here.
                if not each.earlier:
                    self._count_aside(-each.places.size, -each.unparsed)
            places = {each.split.place: each.places for each in wanted}
            again = splits.again([each.split for each in wanted])
            tasks = ((split, places[split.place]) for split in again)
            for split, part in self.workers.read_again(tasks):
                self._take(part.after(self.lines_before[split.place]))
            self._load()
            answered = np.union1d(answered, new)
            new = np.setdiff1d(self.store.interest(site), answered)
        return np.union1d(answered, new)

    def _count_aside(self, count: int, unparsed: int) -> None:
        self.summary.read += count
        self.summary.irrelevant += count
        self.summary.unparsed += unparsed

    def _take(self, outcomes: list[Outcome]) -> None:
        self.waiting += outcomes
        while len(self.waiting) >= BATCH:
            batch, self.waiting = self.waiting[:BATCH], self.waiting[BATCH:]
            load(batch, self.store, self.run_id, self.summary)

    def _load(self) -> None:
        if self.waiting:
            load(self.waiting, self.store, self.run_id, self.summary)
            self.waiting = []


def load(
    outcomes: Sequence[MappedResource | Rejected], store: Store, run_id: str, summary: Summary
) -> None:
    """Bring what was mapped into the store and the rest into quarantine, and count both."""
    rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    all_mapped = [outcome for outcome in outcomes if isinstance(outcome, MappedResource)]
    mapped = [item for item in all_mapped if item.says_something]
    silent = [item for item in all_mapped if not item.says_something]
    counts = store.load(mapped, run_id, silent, rejected)
    summary.read += len(outcomes)
    counted = counts.new + counts.replaced + counts.unchanged + counts.older + counts.retracted
    summary.irrelevant += len(all_mapped) - counted
    summary.relevant += sum(1 for resource in mapped if resource.rows)
    summary.mapped += counts.new + counts.replaced
    summary.unchanged += counts.unchanged
    summary.older += counts.older
    summary.retracted += counts.retracted
    summary.quarantined += len(rejected)
    summary.unmapped += sum(len(resource.unmapped) for resource in mapped)
    summary.undecided += len(counts.undecided)
    summary.undecided_at += counts.undecided[: LISTED - len(summary.undecided_at)]
    listed = rejected[: LISTED - len(summary.rejected)]
    summary.rejected += [replace(item, raw="") for item in listed]
    for resource in mapped:
        summary.facts.update(row.table for row in resource.rows)
        summary.offsets += any("offset" in row.flags for row in resource.rows)
