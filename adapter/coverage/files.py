"""Coverage evidence from files: every line parsed and mapped, no store written.

Of the versions of a resource the greatest rank holds, as in a store. Memory holds what is relevant:
one small record for each resource that states a fact, is unmapped or was rejected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapter import sources
from adapter.coverage.findings import Dangling, Evidence, Finding, Unused, usual
from adapter.coverage.near import NearMisses, codings
from adapter.coverage.quarantine import patient_of, reason_of, unit_of
from adapter.coverage.suggest import Suggester
from adapter.coverage.watch import Watch
from adapter.mapping.mapped import MappedResource, Rejected, TypedRow
from adapter.mapping.resource import Mapper
from adapter.quarantine import map_one

CHUNK = 2_000

# A link of this role leads from a report to results, of which most are none of ours.
_REPORT = "report"

LINKED = frozenset({"Medication", "Specimen", "Procedure"})
"""The types to which links lead, but for results of a report."""

_Key = tuple[str, str]
"""resource type and id"""


@dataclass(slots=True)
class _Record:
    """The version of a resource that holds."""

    rank: str
    patient: str
    tables: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    links: tuple[tuple[str, str, str], ...] = ()
    """target type, role, target id"""
    unused: tuple[tuple[str, str, str], ...] = ()


@dataclass(slots=True)
class _Reading:
    records: dict[_Key, _Record] = field(default_factory=dict)
    targets: set[_Key] = field(default_factory=set)
    quarantine: Counter[str] = field(default_factory=Counter)


class FileEvidence:
    """Reads files with a site's mapper. every: also count the codes that nothing uses."""

    def __init__(
        self, mapper: Mapper, watch: Watch, suggester: Suggester, *, every: bool = False
    ) -> None:
        self._mapper, self._watch, self._every = mapper, watch, every
        self._near = NearMisses(watch, suggester)
        self._tables = frozenset(watch.tables)

    def read(
        self,
        paths: Iterable[Path],
        progress: Callable[[str, int, int], None] = lambda name, n, size: None,
        name: Callable[[Path], str] = lambda path: path.name,
    ) -> Evidence:
        """The evidence in the files. Raises UsageError for a path that cannot be read.

        progress: told of a file's name, how many resources were just read, and the bytes of a file
        that is done. name: what the file is called.
        """
        reading = _Reading()
        for path in sources.expand(paths):
            since, called = 0, name(path)
            for item in sources.read(path, called):
                self._take(item, reading)
                since += 1
                if since == CHUNK:
                    progress(called, since, 0)
                    since = 0
            progress(called, since, path.stat().st_size)
        return self._evidence(reading)

    def _take(self, item: sources.Found | sources.Broken, reading: _Reading) -> None:
        outcome = map_one(item, self._mapper)
        if isinstance(outcome, Rejected):
            self._reject(item, outcome, reading)
            return
        stamp = outcome.stamp
        key = (stamp.resource_type, stamp.resource_id)
        if stamp.resource_type in LINKED:
            reading.targets.add(key)
        record = self._record(item.resource if isinstance(item, sources.Found) else {}, outcome)
        held = reading.records.get(key)
        # A version that says nothing still takes back what an older one said.
        if (held and held.rank >= record.rank) or not (held or _says_something(record)):
            return
        reading.records[key] = record

    def _reject(
        self, item: sources.Found | sources.Broken, rejected: Rejected, reading: _Reading
    ) -> None:
        reading.quarantine[reason_of(rejected.reason)] += 1
        unit = unit_of(rejected.reason, rejected.path)
        if unit is None:
            return
        site, key = self._mapper.site, (rejected.resource_type, rejected.resource_id)
        patient = patient_of(item.resource, site) if isinstance(item, sources.Found) else ""
        found = Finding(unit, site, *key, patient)
        reading.records.setdefault(key, _Record("", patient, findings=(found,)))

    def _record(self, resource: Mapping[str, Any], mapped: MappedResource) -> _Record:
        stamp = mapped.stamp
        record = _Record(stamp.rank, stamp.patient_key)
        if stamp.retracted:
            return record
        record.tables = frozenset(row.table for row in mapped.rows if self._states(row))
        unmapped = mapped.unmapped
        if not record.tables and not unmapped:
            unmapped = tuple(self._near.of(resource))
            if self._every and not unmapped and not mapped.rows:
                record.unused = tuple(codings(resource))
        owner = (stamp.site, stamp.resource_type, stamp.resource_id, stamp.patient_key)
        record.findings = tuple(Finding(each, *owner) for each in unmapped)
        record.links = tuple(_links(mapped.rows))
        return record

    def _states(self, row: TypedRow) -> bool:
        """Whether the row states a fact that an outcome needs."""
        needed = self._watch.stated.get(row.table)
        return row.table in self._tables and (needed is None or bool(row.columns.get(needed)))

    def _evidence(self, reading: _Reading) -> Evidence:
        mapped: Counter[str] = Counter()
        patients = set()
        for record in reading.records.values():
            lacking = {each.what.table for each in record.findings}
            if record.tables:
                patients.add(record.patient)
                mapped[""] += not lacking
            for name, outcome in self._watch.outcomes.items():
                stated = not record.tables.isdisjoint(outcome.tables)
                mapped[name] += stated and lacking.isdisjoint(outcome.tables)
        return Evidence(
            findings=[each for record in reading.records.values() for each in record.findings],
            mapped=mapped,
            relevant_patients=frozenset(patients),
            quarantine=reading.quarantine,
            dangling=tuple(_dangling(reading)),
            unused=tuple(_unused(reading)),
        )


def _says_something(record: _Record) -> bool:
    return bool(record.tables or record.findings or record.links or record.unused)


def _links(rows: Iterable[TypedRow]) -> Iterator[tuple[str, str, str]]:
    for row in rows:
        if row.table == "link" and row.columns["role"] != _REPORT:
            yield row.columns["target_type"], row.columns["role"], row.columns["target_id"]


def _dangling(reading: _Reading) -> Iterator[Dangling]:
    lost: dict[tuple[str, str], list[str]] = {}
    for record in reading.records.values():
        for target_type, role, target_id in record.links:
            if (target_type, target_id) not in reading.targets:
                lost.setdefault((target_type, role), []).append(record.patient)
    for (target_type, role), patients in sorted(lost.items()):
        yield Dangling(target_type, role, len(patients), len(set(patients) - {""}))


def _unused(reading: _Reading) -> Iterator[Unused]:
    """Each code with its records and patients, those of most patients first."""
    met: dict[tuple[str, str, str], tuple[Counter[str], set[str]]] = {}
    for (resource_type, _), record in reading.records.items():
        for system, code, display in record.unused:
            named = (resource_type, system, code or display)
            displays, patients = met.setdefault(named, (Counter(), set()))
            displays[display] += 1
            patients.add(record.patient)
    found = [
        Unused(
            resource_type,
            system,
            code,
            usual(displays),
            displays.total(),
            len(patients - {""}),
        )
        for (resource_type, system, code), (displays, patients) in met.items()
    ]
    yield from sorted(found, key=lambda each: (-each.patients, -each.records, each.code))
