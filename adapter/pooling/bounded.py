"""`estimate`, where something is hidden: between what each figure lies, never a point.

The bounds hold what the exact tables of all sites would give on the same grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from adapter.pooling.pool import PooledTable
from adapter.report.disclosed_figures import DisclosedFigures
from analytics.aggregate import Header
from analytics.disclosure.bounds import Bound, curve_bounds, restricted_mean_bounds
from analytics.disclosure.cells import EVERYBODY, Cell, Group, Range
from analytics.errors import NotEstimable


@dataclass(frozen=True, slots=True)
class RangedTable:
    """The pooled cells as `analytics.disclosure.bounds` takes them."""

    header: Header
    cells: Mapping[Cell, Range]


def ranged(table: PooledTable) -> RangedTable:
    """The survival tables of all sites together."""
    head = table.header
    header = Header(
        head.study_sha256, head.horizon_days, head.grid_days, ("driver",), table.study.unit
    )
    return RangedTable(header, table.cells)


def bounded_figures(table: PooledTable, level: str = "") -> DisclosedFigures:
    """The counts of everybody or of a stratum, each a number or a range."""
    figures = DisclosedFigures()
    for stated, range_ in table.counts.items():
        if stated.stratum == level:
            figures.state(stated.figure, range_)
    return figures


def bounds(table: PooledTable, level: str = "") -> Iterator[tuple[str, Bound]]:
    """Kaplan-Meier at each edge of the grid, and the restricted mean, by figure name.

    None where nobody may have been followed, or there is no survival table.
    """
    group: Group = (level,) if level else EVERYBODY
    if not any(cell.group == group for cell in table.cells):
        return
    cells = ranged(table)
    try:
        curve = curve_bounds(cells, group)
        mean = restricted_mean_bounds(cells, group)
    except NotEstimable:
        return
    for day, bound in zip(curve.days[1:], curve.survival[1:], strict=True):
        yield f"km_{day}", bound
    yield f"rmst_{cells.header.horizon_days}_days", mean


def share_of(part: Range, whole: Range) -> Bound | None:
    """The share (0-1) that `part` is of `whole`; None where perhaps nobody is in it."""
    if whole.low == 0:
        return None
    return Bound(part.low / whole.high, min(1.0, part.high / whole.low))
