"""The counts and survival tables that a report states, with a range for each that it hides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from adapter.elements import DATA_ABSENT_REASON, Json, code_of, extension_value
from adapter.measures.definition import CATEGORY, Group, MeasureDefinition, Population
from adapter.pooling.refusal import PoolingRefused
from adapter.report.check import link_id
from adapter.report.disclosed_figures import OTHER_CODE
from adapter.report.printed_table import COLUMNS, HIDDEN
from analytics.disclosure.cells import EVERYBODY, UNBOUNDED, Cell, Range, Sum, propagate
from analytics.disclosure.cells import Group as Patients
from analytics.disclosure.exits import CENSORED, EVENT, entered_cell, exit_cell
from analytics.disclosure.policy import OTHER

ANYTHING = Range(0, UNBOUNDED)
KINDS = (EVENT, CENSORED)


class Stated(NamedTuple):
    """Where a count stands: the stratum's level, '' for everybody, and the figure it is."""

    stratum: str
    figure: str


Counts = dict[Stated, Range | None]
Grid = tuple[int, int, str]


def stated_counts(
    report: Mapping[str, Any], measure: MeasureDefinition, where: str
) -> tuple[Counts, dict[str, float], tuple[str, ...]]:
    """Counts, the means among the scores by figure, and the levels of the strata.

    Raises PoolingRefused where one figure has two values.
    """
    counts: Counts = {}
    means: dict[str, float] = {}
    levels: dict[str, None] = {}
    groups = {link_id(group, "group"): group for group in report["group"]}
    for group in measure.groups:
        stated = groups[group.link_id]
        if group.score_figure.endswith("_mean") and "measureScore" in stated:
            means[group.score_figure] = float(stated["measureScore"]["value"])
        found = chain(_of("", group.populations, stated, measure), _strata(group, stated, measure))
        for at, range_ in found:
            _put(counts, at, range_, where)
            levels |= dict.fromkeys([at.stratum] if at.stratum else [])
    return counts, means, tuple(levels)


def _put(counts: Counts, at: Stated, range_: Range | None, where: str) -> None:
    before = counts.get(at)
    if before is None or range_ is None:
        counts[at] = range_ if before is None else before
        return
    both = Range(max(before.low, range_.low), min(before.high, range_.high))
    if both.low > both.high:
        raise PoolingRefused("form", f"{at.figure} has two values", where=where)
    counts[at] = both


def _of(
    stratum: str, populations: Iterable[Population], stated: Json, measure: MeasureDefinition
) -> Iterator[tuple[Stated, Range | None]]:
    """The counts of a group or stratum, whose populations stand as in the Measure."""
    for population, found in zip(populations, stated["population"], strict=True):
        yield Stated(stratum, population.figure), range_of(found, measure)


def range_of(population: Json, measure: MeasureDefinition) -> Range | None:
    """The count, or between what it lies; None where it is not held."""
    if "count" in population:
        return Range(population["count"], population["count"])
    absent = population.get("_count", {})
    if extension_value(absent, DATA_ABSENT_REASON) != "masked":
        return None
    return _ends(extension_value(absent, measure.extension_url("suppressed-range")))


def _ends(stated: Json | None) -> Range:
    """The Range; its high end, if left out, is not known."""
    ends = stated or {}
    low, high = ends.get("low", {}).get("value", 0), ends.get("high", {}).get("value", UNBOUNDED)
    return Range(int(low), int(high))


def _strata(
    group: Group, stated: Json, measure: MeasureDefinition
) -> Iterator[tuple[Stated, Range | None]]:
    known = {stratifier.link_id: stratifier for stratifier in group.stratifiers}
    for stratifier in stated.get("stratifier", ()):
        defined = known[link_id(stratifier, "group.stratifier")]
        for stratum in stratifier["stratum"]:
            level = level_of(stratum["component"][0].get("value", {}))
            if not defined.by_category:
                yield from _of(level, group.populations, stratum, measure)
                continue
            figure = defined.criteria.replace(CATEGORY, level)
            yield Stated("", figure), range_of(stratum["population"][0], measure)


def level_of(value: Json) -> str:
    """The level that a coded value or a text is."""
    code = code_of(value)
    return OTHER if code == OTHER_CODE else code or str(value.get("text", ""))


def stated_tables(
    report: Mapping[str, Any], measure: MeasureDefinition, where: str
) -> tuple[Grid, dict[Cell, Range]]:
    """The grid of the survival tables (width and horizon in days, ties) and all their cells.

    A hidden cell has the range that the report states, made no wider than its sums allow. Raises
    PoolingRefused for tables on two grids or without strata that add up.
    """
    cells: dict[Cell, Range] = {}
    grids: dict[Grid, None] = {}
    for observation in report.get("contained", ()):
        if "valueSampledData" in observation:
            grid, rows = _table(observation, measure, where)
            grids[grid] = None
            cells |= dict(_cells(_patients(observation), rows))
    if len(grids) > 1:
        raise PoolingRefused("grid", "its tables are on more than one grid", where=where)
    grid = next(iter(grids), (0, 0, ""))
    if not cells:
        return grid, cells
    sums = list(_sums(cells))
    exact = all(range_.exact for range_ in cells.values())
    narrowed = cells if exact else propagate(cells, sums)
    if not _hold(narrowed, sums):
        raise PoolingRefused("form", "the tables of its strata do not add up", where=where)
    return grid, narrowed


def _hold(cells: Mapping[Cell, Range], sums: Iterable[Sum]) -> bool:
    """Whether some table of numbers in the ranges could obey each sum."""
    for total, parts in sums:
        low, high = sum(cells[part].low for part in parts), sum(cells[part].high for part in parts)
        if max(low, cells[total].low) > min(high, cells[total].high):
            return False
    return all(range_.low <= range_.high for range_ in cells.values())


def _table(
    observation: Json, measure: MeasureDefinition, where: str
) -> tuple[Grid, list[list[Range]]]:
    """The grid and the rows, each (entered, event, censored)."""
    url = measure.extension_url("time-grid")
    grid: Json = next((e for e in observation.get("extension", ()) if e["url"] == url), {})
    sampled = observation["valueSampledData"]
    hidden = _ends(extension_value(sampled, measure.extension_url("suppressed-range")))
    printed = str(sampled.get("data", "")).split()
    if not all(each == HIDDEN or each.isdecimal() for each in printed):
        raise PoolingRefused("form", "a cell of a table is no count", where=where)
    cells = [hidden if each == HIDDEN else Range(int(each), int(each)) for each in printed]
    rows = [cells[at : at + COLUMNS] for at in range(0, len(cells), COLUMNS)]
    width = int((extension_value(grid, "width") or {}).get("value", 0))
    return (width, width * (len(rows) - 1), str(extension_value(grid, "ties") or "")), rows


def _patients(observation: Json) -> Patients:
    for component in observation.get("component", ()):
        if "valueCodeableConcept" in component:
            return (level_of(component["valueCodeableConcept"]),)
    return EVERYBODY


def _cells(group: Patients, rows: list[list[Range]]) -> Iterator[tuple[Cell, Range]]:
    entered = [row[0] for row in rows]
    low, high = sum(each.low for each in entered), sum(each.high for each in entered)
    yield entered_cell(group), Range(low, min(high, UNBOUNDED))
    for place, row in enumerate(rows):
        for kind, range_ in zip(KINDS, row[1:], strict=True):
            yield exit_cell(group, kind, place, place), range_


def _sums(cells: Mapping[Cell, Range]) -> Iterator[Sum]:
    """Who enters leaves, and everybody is of one of the groups."""
    groups = sorted({cell.group for cell in cells})
    parts = [group for group in groups if group != EVERYBODY]
    for group in groups:
        leaving = tuple(cell for cell in cells if cell.group == group and cell.bins)
        yield Sum(entered_cell(group), leaving)
    for cell in cells if parts else ():
        if cell.group == EVERYBODY:
            yield Sum(cell, tuple(cell._replace(group=group) for group in parts))
