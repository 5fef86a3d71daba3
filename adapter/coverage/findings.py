"""What coverage is counted from: records that are mapped, and what others leave unmapped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from adapter.mapping.mapped import Unmapped


@dataclass(frozen=True, slots=True)
class Finding:
    """A code, unit or value of one record that nothing maps.

    A record is one resource, `resource_type` and `resource_id` at its site; `patient` is the
    store's key, or '' of a record that names no patient. The display of a unit is the name of the
    unit table that does not know it.
    """

    what: Unmapped
    site: str
    resource_type: str
    resource_id: str
    patient: str = ""


@dataclass(frozen=True, slots=True)
class Dangling:
    """Links of one kind whose target was never sent, or states nothing: how many, of how many."""

    target_type: str
    role: str
    links: int
    patients: int


@dataclass(frozen=True, slots=True)
class Unused:
    """A code that no view uses and that is called like nothing we look for."""

    resource_type: str
    system: str
    code: str
    display: str
    records: int
    patients: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was found in files or in a store.

    `mapped`: outcome -> records of which nothing is left unmapped; '' counts them over all
    outcomes, each record once. `relevant_patients` have a record that an outcome needs.
    """

    findings: Iterable[Finding]
    mapped: Mapping[str, int]
    relevant_patients: frozenset[str]
    quarantine: Counter[str] = field(default_factory=Counter)
    dangling: Sequence[Dangling] = ()
    unused: Sequence[Unused] = ()


def usual(displays: Counter[str]) -> str:
    """What a code is called most often; '' where it has no name."""
    return min(displays, key=lambda text: (not text, -displays[text], text))
