"""Ingest on one machine: read -> map -> load, in batches, with what could not be mapped kept.

Memory is bounded by the batch. A batch is loaded in one transaction; what was loaded before an
interruption stays, and ingesting again changes nothing that is already there.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from adapter import sources
from adapter.errors import ResourceError
from adapter.mapping.mapped import MappedResource, Rejected
from adapter.mapping.resource import Mapper

if TYPE_CHECKING:
    from adapter.store import Store

BATCH = 2_000

Progress = Callable[[str, int], None]


@dataclass(slots=True)
class Summary:
    """What an ingest did; counts of resources or lines.

    `relevant` state at least one fact. `mapped` are new or replace an older version; `unchanged`
    were there already; `older` lost against a newer version in the store; `retracted` were
    entered in error.
    """

    read: int = 0
    relevant: int = 0
    mapped: int = 0
    unchanged: int = 0
    older: int = 0
    retracted: int = 0
    quarantined: int = 0
    unmapped: int = 0
    offsets: int = 0
    facts: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """The numbers alone, by name."""
        return {name: value for name, value in asdict(self).items() if isinstance(value, int)}

    @property
    def partial(self) -> bool:
        return self.quarantined > 0


def ingest(
    paths: Iterable[Path],
    mapper: Mapper,
    store: Store,
    run_id: str,
    progress: Progress = lambda name, n: None,
) -> Summary:
    """Load all resources of the files into the store.

    Raises UsageError for a path that cannot be read (before anything of it is loaded) and
    StoreError when the store fails; single resources never stop the rest.
    """
    summary = Summary()
    for path in sources.expand(paths):
        for batch in _batches(sources.read(path), BATCH):
            _load(batch, mapper, store, run_id, summary)
            progress(path.name, len(batch))
    return summary


def _batches(
    items: Iterable[sources.Found | sources.Broken], size: int
) -> Iterator[list[sources.Found | sources.Broken]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def _load(
    batch: list[sources.Found | sources.Broken],
    mapper: Mapper,
    store: Store,
    run_id: str,
    summary: Summary,
) -> None:
    outcomes = [map_one(item, mapper) for item in batch]
    load(outcomes, store, run_id, summary)


def load(
    outcomes: Sequence[MappedResource | Rejected], store: Store, run_id: str, summary: Summary
) -> None:
    """Bring what was mapped into the store and the rest into quarantine, and count both."""
    rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    all_mapped = [outcome for outcome in outcomes if isinstance(outcome, MappedResource)]
    mapped = [item for item in all_mapped if item.says_something]
    silent = [item for item in all_mapped if not item.says_something]
    counts = store.load(mapped, run_id, silent)
    store.quarantine(rejected, run_id)
    summary.read += len(outcomes)
    summary.relevant += sum(1 for resource in mapped if resource.rows)
    summary.mapped += counts.new + counts.replaced
    summary.unchanged += counts.unchanged
    summary.older += counts.older
    summary.retracted += counts.retracted
    summary.quarantined += len(rejected)
    summary.unmapped += sum(len(resource.unmapped) for resource in mapped)
    summary.rejected += [replace(item, raw="") for item in rejected]
    for resource in mapped:
        summary.facts.update(row.table for row in resource.rows)
        summary.offsets += any("offset" in row.flags for row in resource.rows)


def map_one(item: sources.Found | sources.Broken, mapper: Mapper) -> MappedResource | Rejected:
    """The facts of one resource, or why it is quarantined."""
    if isinstance(item, sources.Broken):
        return Rejected(
            site=mapper.site,
            source=item.source,
            reason=item.reason,
            issue_code="structure",
            raw=item.raw,
        )
    try:
        return mapper.map(item.resource, item.source)
    except ResourceError as error:
        resource_id = item.resource.get("id")
        resource_type = item.resource.get("resourceType")
        return Rejected(
            site=mapper.site,
            source=item.source,
            reason=error.what,
            issue_code=error.issue_code,
            path=error.where,
            resource_type=resource_type if isinstance(resource_type, str) else "",
            resource_id=resource_id if isinstance(resource_id, str) else "",
            raw=item.raw,
        )
