"""Coverage: how much of what an outcome needs is mapped, and what is not, by patients affected."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from adapter.coverage.findings import Dangling, Evidence, Finding, Unused, usual
from adapter.coverage.suggest import Suggester, Suggestion
from adapter.coverage.watch import Watch
from adapter.mapping.mapped import Unmapped

# Values may be typed by hand; these words are ours.
_OURS = frozenset({
    "a bound where a value is needed", "words that name no response", "an attachment",
    "no value that can be read",
})  # fmt: skip
_CODE = re.compile(r"\S{1,40}")
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Score:
    """Records that are mapped, and relevant records that are not."""

    mapped: int
    unmapped: int

    @property
    def percent(self) -> float | None:
        """100 · mapped / (mapped + unmapped); None where no record is relevant."""
        relevant = self.mapped + self.unmapped
        return 100 * self.mapped / relevant if relevant else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A code, unit or value that nothing maps, and what it costs."""

    site: str
    kind: str
    system: str
    code: str
    display: str
    table: str
    resource_types: tuple[str, ...]
    records: int
    patients: int
    blocks: tuple[str, ...]
    """Ids of outcomes."""
    suggestion: Suggestion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The report; `entries` by patients affected, then by records."""

    entries: tuple[Entry, ...]
    overall: Score
    outcomes: Mapping[str, Score]
    patients_touched: int
    patients: int
    quarantine: Mapping[str, int]
    dangling: Sequence[Dangling]
    unused: Sequence[Unused]


@dataclass(slots=True)
class _Tally:
    """The records and patients of one entry, and what its code was called."""

    displays: Counter[str] = field(default_factory=Counter)
    types: set[str] = field(default_factory=set)
    records: set[tuple[str, str]] = field(default_factory=set)
    patients: set[str] = field(default_factory=set)


_Key = tuple[str, str, str, str, str, str]
"""site, kind, system, code, table, and the display where that is all there is."""


def coverage(evidence: Evidence, watch: Watch, suggester: Suggester) -> Coverage:
    """The report of what was found. Codes that a map declares `unmatched` are left out."""
    tallies: dict[_Key, _Tally] = {}
    unmapped: dict[str, set[tuple[str, str, str]]] = {name: set() for name in watch.outcomes}
    anywhere: set[tuple[str, str, str]] = set()
    patients: set[str] = set()
    for found in evidence.findings:
        what = found.what
        if what.kind != "unit" and suggester.reviewed(what.code_system, what.code):
            continue
        record = (found.site, found.resource_type, found.resource_id)
        _count(found, tallies)
        anywhere.add(record)
        patients.add(found.patient)
        for name in watch.blocked(what.table):
            unmapped[name].add(record)
    entries = (_entry(key, tally, watch, suggester) for key, tally in tallies.items())
    return Coverage(
        entries=tuple(sorted(entries, key=_order)),
        overall=Score(evidence.mapped.get("", 0), len(anywhere)),
        outcomes={
            name: Score(evidence.mapped.get(name, 0), len(records))
            for name, records in unmapped.items()
        },
        patients_touched=len(patients - {""}),
        patients=len((evidence.relevant_patients | patients) - {""}),
        quarantine=dict(sorted(evidence.quarantine.items(), key=lambda each: (-each[1], each[0]))),
        dangling=evidence.dangling,
        unused=evidence.unused,
    )


def _count(found: Finding, tallies: dict[_Key, _Tally]) -> None:
    what = found.what
    code, display = _shown(what)
    alone = "" if code and what.kind != "unit" else display
    key = (found.site, what.kind, what.code_system, code, what.table, alone)
    tally = tallies.setdefault(key, _Tally())
    tally.displays[display] += 1
    tally.types.add(found.resource_type)
    tally.records.add((found.resource_type, found.resource_id))
    tally.patients.add(found.patient)


def _shown(what: Unmapped) -> tuple[str, str]:
    """Code and display, without what was typed by hand in the place of a value."""
    if what.kind != "value":
        return what.code, what.display[:_SHOWN]
    code = what.code if _CODE.fullmatch(what.code) else "…"
    if what.display in _OURS:
        return code, what.display
    return code, "" if what.code_system else "words"


def _entry(key: _Key, tally: _Tally, watch: Watch, suggester: Suggester) -> Entry:
    site, kind, system, code, table, _ = key
    display = usual(tally.displays)
    if kind == "unit":
        suggestion = suggester.unit(display, code)
    else:
        suggestion = suggester.code(table, system, code, display)
    return Entry(
        site=site,
        kind=kind,
        system=system,
        code=code,
        display=display,
        table=table,
        resource_types=tuple(sorted(tally.types)),
        records=len(tally.records),
        patients=len(tally.patients - {""}),
        blocks=watch.blocked(table),
        suggestion=suggestion,
    )


def _order(entry: Entry) -> tuple[int, int, str, str, str, str, str]:
    return (
        -entry.patients,
        -entry.records,
        entry.site,
        entry.kind,
        entry.system,
        entry.code,
        entry.table + entry.display,
    )


def below(score: Score, least: float) -> bool:
    """Whether a score misses the percentage asked for; nothing relevant misses every one."""
    return score.percent is None or score.percent < least


def worst_first(outcomes: Mapping[str, Score]) -> Iterable[tuple[str, Score]]:
    """The outcomes that have relevant records, the least covered first."""
    met = [(name, score) for name, score in outcomes.items() if score.percent is not None]
    return sorted(met, key=lambda each: (each[1].percent or 0.0, each[0]))
