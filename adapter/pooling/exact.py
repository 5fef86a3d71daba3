"""`estimate`, where nothing is hidden: the figures of all sites together, as from all rows.

Survival, its errors and its comparisons come from the summed tables, shares from the summed counts,
a mean from the sites' means by their numbers, at the precision at which they are printed. A median
of all needs the values, which reports do not hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from adapter.measures.definition import Group
from adapter.pooling.pool import PooledTable
from adapter.pooling.site_report import SiteReport
from adapter.pooling.stated_counts import Stated
from analytics.aggregate import TIME_TO_PROGRESSION, Aggregate, CountKey, ExitKey, Header
from analytics.disclosure.cells import Cell, Range
from analytics.estimate import Estimates
from analytics.figures import Figures
from analytics.time_to_event import comparison_figures, time_figures

NO_VALUES = "the sites' reports do not hold the values"


def pooled_aggregate(table: PooledTable) -> Aggregate:
    """The summed patients and exits by driver, as `estimate` takes them.

    Of a measure without survival tables: patients alone.
    """
    return _aggregate(table, table.counts, table.cells)


def site_aggregate(table: PooledTable, site: SiteReport) -> Aggregate:
    """The same of one site."""
    return _aggregate(table, site.counts, site.cells)


def _aggregate(
    table: PooledTable, counts: Mapping[Stated, Range | None], cells: Mapping[Cell, Range]
) -> Aggregate:
    head = table.header
    width = head.grid_days or table.study.grid_days
    header = Header(
        head.study_sha256, table.study.horizon_days, width, ("driver",), table.study.unit
    )
    return Aggregate(header, dict(_patients(counts, table)), dict(_exits(cells)))


def _patients(
    counts: Mapping[Stated, Range | None], table: PooledTable
) -> Iterator[tuple[CountKey, int]]:
    """By level where the reports tell levels apart; else all, of no pattern."""
    for level in table.levels or ("",):
        n = counts.get(Stated(level, "n_patients"))
        if n is not None:
            yield CountKey("patients", (level,) if level else (), "all"), n.low


def _exits(cells: Mapping[Cell, Range]) -> Iterator[tuple[ExitKey, int]]:
    for cell, range_ in cells.items():
        if cell.group and range_.low:
            place = cell.bins[0] if cell.bins else 0
            yield ExitKey(TIME_TO_PROGRESSION, cell.group, place, cell.category), range_.low


def pooled_estimates(table: PooledTable) -> Estimates:
    """All figures that the Measure asks for, overall and by driver."""
    whole = pooled_aggregate(table)
    overall = _figures(table, whole, "")
    if table.cells:
        comparison_figures(whole, table.study, overall)
    by_driver = {
        level: _figures(table, whole.stratum("driver", level), level) for level in table.levels
    }
    return Estimates(overall, {"driver": by_driver})


def _figures(table: PooledTable, cells: Aggregate, level: str) -> Figures:
    figures = Figures()
    if table.cells:
        time_figures(cells, table.study, figures)
    for stated, range_ in table.counts.items():
        if stated.stratum != level:
            continue
        if range_ is None:
            figures.missing(stated.figure, "a site does not hold it")
        else:
            figures[stated.figure] = range_.low
    # Sites state such scores of everybody only.
    for group in table.measure.groups if not level else ():
        if group.score_figure and group.score_figure not in figures.values:
            _score(table, group, figures)
    return figures


def _score(table: PooledTable, group: Group, figures: Figures) -> None:
    """The mean of all, or why the score is none."""
    (numbers,) = (
        population.figure
        for population in group.populations
        if population.role == "measure-observation"
    )
    stated = Stated("", numbers)
    weighted = [
        (range_.low, site.means.get(group.score_figure))
        for site in table.sites
        if (range_ := site.count(stated)) is not None and range_.low
    ]
    means = [(n, mean) for n, mean in weighted if mean is not None]
    total = sum(n for n, _ in means)
    if not total or len(means) < len(weighted):
        figures.missing(group.score_figure, NO_VALUES)
    else:
        figures[group.score_figure] = sum(n * mean for n, mean in means) / total
