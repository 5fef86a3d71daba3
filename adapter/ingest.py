"""Ingest on one machine: read -> map -> load, in batches, with what could not be mapped kept.

Memory is bounded by the batch. A batch is loaded in one transaction; what was loaded before an
interruption stays, and ingesting again changes nothing that is already there.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from adapter import sources
from adapter.errors import InvalidResource, InvalidValue, ResourceError
from adapter.mapping.mapped import MappedResource, Rejected
from adapter.mapping.resource import Mapper
from adapter.store import sound

if TYPE_CHECKING:
    from adapter.store import Store

BATCH = 2_000
LISTED = 1_000

Progress = Callable[[str, int], None]


@dataclass(slots=True)
class Summary:
    """What an ingest did; counts of resources or lines.

    `relevant` state at least one fact. `mapped` are new or replace an older version; `unchanged`
    were there already; `older` lost against a newer version in the store; `retracted` were
    entered in error. `undecided` are versions of which nothing says whether they are newer than
    another, so that only their content decided.
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
    undecided: int = 0
    facts: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)
    """The first LISTED, without their content."""
    undecided_at: list[str] = field(default_factory=list)
    """The places of the first LISTED."""

    def counts(self) -> dict[str, int]:
        """The numbers alone, by name."""
        return {name: value for name, value in asdict(self).items() if isinstance(value, int)}

    @property
    def partial(self) -> bool:
        """Whether something was left out, or was decided by nothing that the data says."""
        return self.quarantined > 0 or self.undecided > 0


def ingest(
    paths: Iterable[Path],
    mapper: Mapper,
    store: Store,
    run_id: str,
    progress: Progress = lambda name, n: None,
) -> Summary:
    """Load all resources of the files into the store.

    Raises UsageError for a path that cannot be read (before anything is loaded) and StoreError when
    the store fails; single resources never stop the rest.
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
    counts = store.load(mapped, run_id, silent, rejected)
    summary.read += len(outcomes)
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
        mapped = mapper.map(item.resource, item.source)
        sound.check(mapped)
    except ResourceError as error:
        return _rejected(item, mapper.site, error)
    except Exception as error:
        # A sender may write anything anywhere, and one resource must not stop a million others.
        # The error's message would hold the data, so that only its type is told.
        wrong = f"cannot be mapped: a value of the wrong type ({type(error).__name__})"
        return _rejected(item, mapper.site, InvalidResource(wrong))
    return mapped


def _rejected(item: sources.Found, site: str, error: ResourceError) -> Rejected:
    resource_id, resource_type = item.resource.get("id"), item.resource.get("resourceType")
    is_type = isinstance(resource_type, str) and _TYPE.fullmatch(resource_type)
    return Rejected(
        site=site,
        source=item.source,
        reason=_QUOTED.sub(_shown, error.what) if isinstance(error, InvalidValue) else error.what,
        issue_code=error.issue_code,
        path=error.where,
        resource_type=str(resource_type) if is_type else "",
        resource_id=resource_id if isinstance(resource_id, str) else "",
        raw=item.raw,
    )


_TYPE = re.compile(r"[A-Z][A-Za-z]{1,40}")

# Of a value the reason may quote a unit or a code. What is longer, or holds blanks, may be a name.
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
_CODE = re.compile(r"\S{1,20}")


def _shown(quoted: re.Match[str]) -> str:
    return quoted[0] if _CODE.fullmatch(quoted[0][1:-1]) else "…"
