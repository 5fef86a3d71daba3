"""`add`: courses -> Aggregate, and Aggregate + Aggregate -> Aggregate.

A commutative monoid of integer cells. Every cell stands for one *pattern*, the patient's values of
the header's stratifiers, so that a stratum is a sum over patterns and the whole is the sum over
all. Aggregates of disjoint patients add up to the aggregate of all; unequal headers do not add.
What needs a single patient (a minimum, a median of rows) is not here: `analytics.patient_level`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from analytics.episode import Course
from analytics.patient_cells import COUNT, EXIT, Cell, cells
from analytics.patient_cells import FIRST_OUTCOME as FIRST_OUTCOME  # where aggregates are read
from analytics.patient_cells import TIME_TO_PROGRESSION as TIME_TO_PROGRESSION
from analytics.patient_cells import Pattern as Pattern
from analytics.stratifiers import STRATIFIERS as STRATIFIERS
from analytics.stratifiers import arm as arm
from analytics.study import Study


class CountKey(NamedTuple):
    """Patients of `pattern` whose `variable` has `category`."""

    variable: str
    pattern: Pattern
    category: str


class ExitKey(NamedTuple):
    """Patients of `pattern` in time bin `bin`: kind is entered, event or censored, or the cause
    (`FIRST_OUTCOME`)."""

    endpoint: str
    pattern: Pattern
    bin: int
    kind: str


class ValueKey(NamedTuple):
    """Occurrences of a number among patients of `pattern`: a value:count table."""

    variable: str
    pattern: Pattern
    value: Decimal


@dataclass(frozen=True, slots=True)
class Header:
    """What two aggregates must share to be added. Bin 0 is day 0; bin i covers the days
    (width * (i - 1), width * i]; at a tie events come before censorings. `unit` is what is
    counted: patients or their treatment episodes."""

    study_hash: str
    horizon_days: int
    grid_days: int
    stratifiers: tuple[str, ...]
    unit: str = "patient"
    ties: str = "events-before-censored"
    schema: int = 1


Key = TypeVar("Key", bound=tuple[Any, ...])


class HeadersDiffer(ValueError):
    """Two aggregates of different studies, grids or stratifiers cannot be added."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Sparse integer cells; an absent cell is zero."""

    header: Header
    counts: Mapping[CountKey, int] = field(default_factory=dict)
    exits: Mapping[ExitKey, int] = field(default_factory=dict)
    values: Mapping[ValueKey, int] = field(default_factory=dict)

    def __add__(self, other: Aggregate) -> Aggregate:
        if self.header != other.header:
            raise HeadersDiffer(f"cannot add: {self.header} is not {other.header}")
        return Aggregate(
            self.header,
            _sum(self.counts, other.counts),
            _sum(self.exits, other.exits),
            _sum(self.values, other.values),
        )

    def stratum(self, stratifier: str, value: str) -> Aggregate:
        """The cells of the patients whose `stratifier` is `value`."""
        place = self.header.stratifiers.index(stratifier)

        def keep(pattern: Pattern) -> bool:
            return bool(pattern) and pattern[place] == value

        return replace(
            self,
            counts={key: n for key, n in self.counts.items() if keep(key.pattern)},
            exits={key: n for key, n in self.exits.items() if keep(key.pattern)},
            values={key: n for key, n in self.values.items() if keep(key.pattern)},
        )

    def strata(self, stratifier: str) -> list[str]:
        """The values of `stratifier` that occur, sorted."""
        place = self.header.stratifiers.index(stratifier)
        return sorted({key.pattern[place] for key in self.counts if key.pattern})

    def categories(self, variable: str) -> dict[str, int]:
        """Counts by category, over all patterns."""
        totals: Counter[str] = Counter()
        for key, n in self.counts.items():
            if key.variable == variable:
                totals[key.category] += n
        return dict(sorted(totals.items()))

    def count(self, variable: str, *categories: str) -> int:
        found = self.categories(variable)
        return sum(found.get(category, 0) for category in categories)

    def value_counts(self, variable: str) -> dict[Decimal, int]:
        """The value:count table, over all patterns, ascending."""
        totals: Counter[Decimal] = Counter()
        for key, n in self.values.items():
            if key.variable == variable:
                totals[key.value] += n
        return dict(sorted(totals.items()))

    def exit_counts(self, endpoint: str) -> dict[int, dict[str, int]]:
        """bin -> kind -> count, over all patterns, bins ascending."""
        totals: dict[int, Counter[str]] = {}
        for key, n in self.exits.items():
            if key.endpoint == endpoint:
                totals.setdefault(key.bin, Counter())[key.kind] += n
        return {number: dict(kinds) for number, kinds in sorted(totals.items())}


def _sum(left: Mapping[Key, int], right: Mapping[Key, int]) -> Mapping[Key, int]:
    return dict(sorted((Counter(left) + Counter(right)).items()))


def header(study: Study, stratifiers: Iterable[str] = ()) -> Header:
    """The header of the study's aggregates; `driver` is always a stratifier, so are the study's
    `strata`, and `rai_treated` where percentages are of the treated.

    Raises KeyError for a stratifier that is not in `STRATIFIERS`.
    """
    treated = ("rai_treated",) if study.percent_denominator == "treated" else ()
    names = tuple(dict.fromkeys(("driver", *treated, *study.strata, *stratifiers)))
    for name in names:
        STRATIFIERS[name]
    return Header(study.fingerprint, study.horizon_days, study.grid_days, names, study.unit)


def aggregate(courses: Iterable[Course], study: Study, head: Header) -> Aggregate:
    """The aggregate of these courses; the unit of counting is the study's (`unit`)."""
    return of_cells(
        Counter(cell for course in courses for cell in cells(course, study, head)), head
    )


def of_cells(counted: Mapping[Cell, int], head: Header) -> Aggregate:
    """The aggregate of cells, each with how often it was met."""
    counts: dict[CountKey, int] = {}
    exits: dict[ExitKey, int] = {}
    values: dict[ValueKey, int] = {}
    for (table, pattern, variable, *rest), n in counted.items():
        if table == COUNT:
            counts[CountKey(variable, pattern, rest[0])] = n
        elif table == EXIT:
            exits[ExitKey(variable, pattern, rest[0], rest[1])] = n
        else:
            values[ValueKey(variable, pattern, rest[0])] = n
    return Aggregate(
        head,
        dict(sorted(counts.items())),
        dict(sorted(exits.items())),
        dict(sorted(values.items())),
    )
