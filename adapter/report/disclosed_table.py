"""The survival table of a disclosed group, and the rounded cells of one that was rounded.

A hidden cell is `E`. What is known of those of a table stands once, on its samples, and is as wide
as the widest of them (pooling.md section 6).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from adapter.elements import Json, concept, extension, number
from adapter.measures.definition import MeasureDefinition
from adapter.report.disclosed_cells import NOTHING_KNOWN, DisclosedCells
from adapter.report.disclosed_figures import hidden
from adapter.report.hidden_count import range_of
from adapter.report.printed_table import HIDDEN
from adapter.report.table import FIGURE, Observed, bins
from analytics.disclosure.bounds import Ranged, curve_bounds
from analytics.disclosure.cells import Cell, Group, Range
from analytics.disclosure.exits import CENSORED, EVENT, entered_cell, exit_cell
from analytics.disclosure.gate import Disclosed
from analytics.errors import NotEstimable

NOBODY = Range(0, 0)


def disclosed_table(
    measure: MeasureDefinition,
    cells: DisclosedCells,
    disclosed: Disclosed,
    group: Group,
    stratum: tuple[str, Json] | None,
) -> Observed:
    """The table of `group`.

    cells: as they are printed. stratum: id of the table and the component that names the group;
    None for everybody.
    """
    name, component = (stratum[0], [stratum[1]]) if stratum else ("survival-all", [])
    components = [*component, *_patients(cells, group)]
    if disclosed.policy.rounding:
        components += _bounds(disclosed, group)
    return printed_cells(measure, name, cells, group, components)


def printed_cells(
    measure: MeasureDefinition,
    name: str,
    table: Ranged,
    group: Group,
    components: Iterable[Json],
) -> Observed:
    """The group's cells: a count where one is exact, else `E`, and the range of all those."""
    row = list(_cells(table, group))
    masked = [range_ for range_ in row if not range_.exact]
    stated: tuple[Json, ...] = ()
    if masked:
        widest = Range(min(each.low for each in masked), max(each.high for each in masked))
        url = measure.extension_url("suppressed-range")
        stated = (extension(url, "Range", range_of(hidden(widest))),)
    shown = tuple(str(range_.low) if range_.exact else HIDDEN for range_ in row)
    return Observed(name, table.header, shown, tuple(components), stated)


def _cells(table: Ranged, group: Group) -> Iterator[Range]:
    """Entered, event and censored of each bin; all enter on day 0."""
    for place in range(bins(table.header)):
        yield NOBODY if place else table.cells.get(entered_cell(group), NOTHING_KNOWN)
        for kind in (EVENT, CENSORED):
            yield table.cells.get(exit_cell(group, kind, place, place), NOTHING_KNOWN)


def _patients(cells: DisclosedCells, group: Group) -> Iterator[Json]:
    n = cells.patients(group)
    if n.exact:
        yield {"code": concept(FIGURE, "n_patients"), "valueInteger": n.low}


def _bounds(disclosed: Disclosed, group: Group) -> Iterator[Json]:
    """Between what the curve lies at each edge of the grid; none where nobody may be in it."""
    try:
        curve = curve_bounds(disclosed, group)
    except NotEstimable:
        return
    for day, bound in zip(curve.days[1:], curve.survival[1:], strict=True):
        ends = {"low": bound.low, "high": bound.high}
        yield {
            "code": concept(FIGURE, f"km_{day}"),
            "valueRange": {end: {"value": number(value)} for end, value in ends.items()},
        }


def rounded_cells(disclosed: Disclosed) -> dict[Cell, Range]:
    """Every class of counts as its middle number, for a policy that rounds.

    The middle of 1 to 6 is 3, of 7 to 12 is 9 (midpoint rounding). Exits, which are classes of
    cumulated counts, become differences of the middles; a cell that is masked keeps its range.
    """
    shift = disclosed.policy.rounding // 2
    middles = {
        cell: range_
        if cell in disclosed.masked or range_.exact
        else Range(range_.high - shift, range_.high - shift)
        for cell, range_ in disclosed.cells.items()
    }
    for group in {cell.group for cell in middles if cell == entered_cell(cell.group)}:
        _fit(middles, group)
        middles |= dict(_differences(middles, group))
    return middles


def _fit(middles: dict[Cell, Range], group: Group) -> None:
    """Censorings rounded up may not be more than the events, so rounded, leave."""
    entered = middles[entered_cell(group)]
    for cell in [cell for cell in middles if cell.group == group and cell.category == CENSORED]:
        events, censored = middles.get(cell._replace(category=EVENT)), middles[cell]
        if events and events.exact and entered.exact and censored.exact:
            most = min(censored.low, entered.low - events.low)
            middles[cell] = Range(most, most)


def _differences(middles: dict[Cell, Range], group: Group) -> Iterator[tuple[Cell, Range]]:
    for kind in (EVENT, CENSORED):
        lasts = sorted(_lasts(middles, group, kind))
        for last in lasts:
            now, before = exit_cell(group, kind, 0, last), exit_cell(group, kind, 0, last - 1)
            if not last or before not in middles:
                continue
            if middles[now].exact and middles[before].exact:
                step = max(0, middles[now].low - middles[before].low)
                yield exit_cell(group, kind, last, last), Range(step, step)


def _lasts(cells: Iterable[Cell], group: Group, kind: str) -> Iterator[int]:
    """The last bins of the group's cumulated cells."""
    for cell in cells:
        if cell.group == group and cell.category == kind and cell.bins and cell.bins[0] == 0:
            yield cell.bins[1]
