"""A site's exact table <-> a vector of counts, in the order that a Measure and its study declare.

Exact both ways. Columns are fixed before anyone looks at data: declared levels and categories that
nobody has are zeros, and a count that has no column is refused, never dropped. Of a mean the vector
carries the sum of the values, in millionths as the mean is printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from adapter.measures.definition import CATEGORY, MeasureDefinition, Stratifier
from adapter.pooling.pool import PooledTable
from adapter.pooling.secure.messages import canonical, digest
from adapter.pooling.secure.refusal import SecureSumRefused
from adapter.pooling.site_report import PoolHeader, SiteReport
from adapter.pooling.stated_counts import Stated
from analytics.aggregate import Aggregate, header
from analytics.disclosure.cells import EVERYBODY, Cell, Range
from analytics.disclosure.exits import CENSORED, EVENT, entered_cell, exit_cell
from analytics.figures import Figures
from analytics.populations import population_figures
from analytics.secure_sum import Vector
from analytics.study import Study

PATIENTS = Stated("", "n_patients")
MILLIONTHS = 10**6


class Total(NamedTuple):
    """The sum of the values of which `figure` is the mean and `numbers` the count."""

    figure: str
    numbers: str


Column = Stated | Total | Cell


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a vector, in order. categories: values of each figure the Measure leaves open.

    open: the figures of those categories; one that nobody has is not reported. unheld: counts that
    no report holds, as their day is no edge of the grid. values: figures of values, of which
    a patient may have several.
    """

    head: PoolHeader
    levels: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]
    columns: tuple[Column, ...]
    open: frozenset[str]
    unheld: frozenset[Stated]
    values: frozenset[str]

    @property
    def sha256(self) -> str:
        """The hash of header and columns."""
        named = [[type(column).__name__, *column] for column in self.columns]
        return digest(canonical([asdict(self.head), named]))


def open_categories(measure: MeasureDefinition) -> tuple[str, ...]:
    """The families of figures whose categories the Measure leaves open: a round declares them."""
    return tuple(
        dict.fromkeys(each.criteria for each in _by_category(measure) if not each.categories)
    )


def _by_category(measure: MeasureDefinition) -> Iterator[Stratifier]:
    for group in measure.groups:
        yield from (each for each in group.stratifiers if each.by_category)


def layout(
    measure: MeasureDefinition, study: Study, categories: Mapping[str, Iterable[str]]
) -> Layout:
    """The columns of a measure under a study, on the study's grid, by all its driver classes.

    Raises SecureSumRefused where an open family has no declared categories.
    """
    declared = {name: tuple(values) for name, values in categories.items()}
    if lost := [name for name in open_categories(measure) if name not in declared]:
        raise SecureSumRefused("layout", f"no categories are declared of {', '.join(lost)}")
    levels = tuple(driver.code for driver in study.driver_classes)
    off_grid = _off_grid(study)
    counts = dict.fromkeys(_counts(measure, levels, declared))
    unheld = frozenset(each for each in counts if each.figure in off_grid)
    columns: dict[Column, None] = {PATIENTS: None}
    columns.update((each, None) for each in counts if each not in unheld)
    columns.update(dict.fromkeys(_totals(measure)))
    of = header(study)
    grid = (of.grid_days, of.horizon_days, of.ties) if measure.tables else (0, 0, "")
    if grid[0]:
        columns.update(dict.fromkeys(_cells(levels, of.horizon_days // of.grid_days)))
    return Layout(
        PoolHeader(measure.canonical, study.fingerprint, *grid),
        levels,
        declared,
        tuple(columns),
        frozenset(
            name.replace(CATEGORY, value) for name, values in declared.items() for value in values
        ),
        unheld,
        frozenset(_value_counts(measure)),
    )


def _off_grid(study: Study) -> frozenset[str]:
    figures = Figures()
    population_figures(Aggregate(header(study)), study, figures)
    return frozenset(name for name, value in figures.values.items() if value is None)


def _counts(
    measure: MeasureDefinition, levels: tuple[str, ...], declared: Mapping[str, tuple[str, ...]]
) -> Iterator[Stated]:
    for group in measure.groups:
        split = any(not each.by_category for each in group.stratifiers)
        for level in ("", *levels) if split else ("",):
            yield from (Stated(level, each.figure) for each in group.populations)
    for each in _by_category(measure):
        values = [str(found["code"]) for found in each.categories] or declared[each.criteria]
        yield from (Stated("", each.criteria.replace(CATEGORY, value)) for value in values)


def _value_counts(measure: MeasureDefinition) -> Iterator[str]:
    for group in measure.groups:
        for population in group.populations:
            if population.role == "measure-observation":
                yield population.figure


def _totals(measure: MeasureDefinition) -> Iterator[Total]:
    for group in measure.groups:
        for population in group.populations:
            if population.role == "measure-observation" and group.score_figure.endswith("_mean"):
                yield Total(group.score_figure, population.figure)


def _cells(levels: tuple[str, ...], bins: int) -> Iterator[Cell]:
    for group in (EVERYBODY, *((level,) for level in levels)):
        yield entered_cell(group)
        for place in range(bins + 1):
            yield from (exit_cell(group, kind, place, place) for kind in (EVENT, CENSORED))


def vector(site: SiteReport, of: Layout) -> Vector:
    """The site's table. Raises SecureSumRefused, naming no count, for one that does not fit."""
    if site.header != of.head:
        raise SecureSumRefused("layout", "its measure, endpoint or grid is not the announced one")
    if not site.exact:
        raise SecureSumRefused("layout", "it hides counts: what is hidden cannot be added exactly")
    held: dict[Column, Range | None] = {
        **{column: n for column, n in site.counts.items() if column not in of.unheld},
        **dict(site.cells.items()),
    }
    strange = {place for place, n in held.items() if n is None or n.low} - set(of.columns)
    if strange:
        names = sorted({_name(place) for place in strange})
        raise SecureSumRefused("layout", f"no column is announced for {', '.join(names)}")
    return np.array([_number(site, held, column) for column in of.columns], dtype=np.uint64)


def _name(place: Column) -> str:
    return place.figure if isinstance(place, Stated | Total) else " ".join(place.group)


def _number(site: SiteReport, held: Mapping[Column, Range | None], column: Column) -> int:
    if not isinstance(column, Total):
        found = held.get(column, Range(0, 0))
        if found is None:
            raise SecureSumRefused("layout", f"it does not hold {_name(column)}")
        return found.low
    n, mean = site.count(Stated("", column.numbers)), site.means.get(column.figure)
    if not n or not n.low:
        return 0
    # A report prints a mean with six decimals: the product is a whole number of millionths.
    total = None if mean is None else n.low * Decimal(str(mean)) * MILLIONTHS
    if total is None or total < 0 or total != int(total):
        raise SecureSumRefused("layout", f"it does not state {column.figure}")
    return int(total)


def patients(found: Vector, of: Layout) -> int:
    """How many patients a vector counts."""
    return int(found[of.columns.index(PATIENTS)])


@dataclass(frozen=True, slots=True)
class Opened:
    """Of what a vector is the sum: the round, who takes part, and the period as ISO dates."""

    round: str
    reporters: tuple[str, ...]
    period: tuple[str, str]


def opened_table(
    found: Vector, of: Layout, measure: MeasureDefinition, study: Study, opened: Opened
) -> PooledTable:
    """The sum as a table that can be estimated and reported, as from one site's exact report.

    Raises SecureSumRefused for a measure or study that is not the layout's.
    """
    if (measure.canonical, study.fingerprint) != (of.head.measure, of.head.study_sha256):
        raise SecureSumRefused("layout", "the sum is of another measure or endpoint")
    numbers = dict(zip(of.columns, map(int, found), strict=True))
    levels = tuple(level for level in of.levels if numbers.get(Stated(level, "n_patients")))
    counts: dict[Stated, Range | None] = {
        column: Range(n, n)
        for column, n in numbers.items()
        if isinstance(column, Stated)
        and (not column.stratum or column.stratum in levels)
        and (n or column.figure not in of.open)
    }
    counts |= {
        column: None for column in of.unheld if not column.stratum or column.stratum in levels
    }
    groups = {EVERYBODY, *((level,) for level in levels)}
    cells = {
        column: Range(n, n)
        for column, n in numbers.items()
        if isinstance(column, Cell) and column.group in groups
    }
    means = {
        column.figure: n / (numbers[Stated("", column.numbers)] * MILLIONTHS)
        for column, n in numbers.items()
        if isinstance(column, Total) and numbers[Stated("", column.numbers)]
    }
    site = SiteReport(
        of.head, opened.round, opened.reporters, "secure-share", "exact", opened.period,
        counts=counts, means=means, cells=cells, levels=levels,
    )  # fmt: skip
    return PooledTable(measure, study, of.head, (site,), counts, cells, levels)


def implausible(found: Vector, of: Layout) -> str:
    """Why a sum cannot be one of tables, '' if it can: a share that was wrong shows as noise."""
    everyone = patients(found, of)
    numbers = dict(zip(of.columns, map(int, found), strict=True))
    counted = [
        n
        for column, n in numbers.items()
        if not isinstance(column, Total)
        and not (isinstance(column, Stated) and column.figure in of.values)
    ]
    if max(counted) > everyone:
        return "a count exceeds the number of patients"
    by_group: dict[tuple[str, ...], list[int]] = {}
    for column, n in numbers.items():
        if isinstance(column, Cell):
            by_group.setdefault(column.group, []).append(n)
    if any(each[0] != sum(each[1:]) for each in by_group.values()):
        return "who entered did not all leave"
    strata = [each for group, each in by_group.items() if group != EVERYBODY]
    if by_group and [sum(each) for each in zip(*strata, strict=True)] != by_group[EVERYBODY]:
        return "the strata do not add up to everybody"
    return ""
