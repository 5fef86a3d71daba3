"""Estimates from a disclosed table: intervals that hold what the unmasked table would give.

By monotonicity. With N who entered and E, C the events and censorings up to each bin, the
product-limit estimate after bin m is the product over j <= m of
(N - E[j] - C[j-1]) / (N - E[j-1] - C[j-1]). It grows with N and with E[j], j < m, and falls with
E[m] and each C[j]; and, written in the events of single bins, it falls with each of them. So its
bounds lie in corners of the ranges. Nothing hidden is ever taken as 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Protocol

from analytics.aggregate import Header
from analytics.disclosure.cells import Cell, Group, Range
from analytics.disclosure.exits import CENSORED, EVENT, entered_cell, exit_cell
from analytics.errors import NotEstimable


class Ranged(Protocol):
    """A table of ranges: a `Disclosed`, or the sum of several sites'."""

    @property
    def header(self) -> Header:
        """Of the grid that the cells are on."""

    @property
    def cells(self) -> Mapping[Cell, Range]:
        """What is known of each cell that is shown."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The estimate lies from `low` to `high`, both counted."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class BoundedCurve:
    """Kaplan-Meier on the disclosed grid: `survival[i]` is S just after day `days[i]`.

    `days` are the grid's edges from day 0 to where the disclosed curve ends.
    """

    days: tuple[int, ...]
    survival: tuple[Bound, ...]

    def at(self, day: int) -> Bound:
        """S at an edge of the grid. Raises NotEstimable for another day."""
        if day not in self.days:
            raise NotEstimable(f"day {day} is no edge of the disclosed curve")
        return self.survival[self.days.index(day)]


def curve_bounds(disclosed: Ranged, group: Group = ()) -> BoundedCurve:
    """Bounds of the curve of `group`.

    They hold the value that the exact counts on the same grid give. Raises NotEstimable where
    the group has no table or perhaps nobody in it.
    """
    table = _table(disclosed, group)
    width = disclosed.header.grid_days
    return BoundedCurve(
        tuple(number * width for number in range(len(table.events))),
        tuple(table.survival(last) for last in range(len(table.events))),
    )


def restricted_mean_bounds(disclosed: Ranged, group: Group = ()) -> Bound:
    """Bounds in days of the area under the curve up to the horizon, events at bin midpoints.

    Raises NotEstimable as `curve_bounds` does, and where the curve ends before the horizon.
    """
    curve, head = curve_bounds(disclosed, group), disclosed.header
    if curve.days[-1] < head.horizon_days:
        raise NotEstimable(f"the disclosed curve ends on day {curve.days[-1]}")
    middles = [0.0, *(day - head.grid_days / 2 for day in curve.days[1:]), head.horizon_days]
    spans = [after - before for before, after in pairwise(middles)]
    weighted = list(zip(spans, curve.survival, strict=True))
    return Bound(
        sum(days * bound.low for days, bound in weighted),
        sum(days * bound.high for days, bound in weighted),
    )


def share_bounds(disclosed: Ranged, cell: Cell, whole: Cell) -> Bound:
    """The percentage that `cell` is of `whole`, 0-100. Raises NotEstimable unless both left."""
    if lost := [asked.variable for asked in (cell, whole) if asked not in disclosed.cells]:
        raise NotEstimable(f"{', '.join(lost)} did not leave the site")
    part, total = disclosed.cells[cell], disclosed.cells[whole]
    if total.low == 0:
        raise NotEstimable("perhaps no patient in the denominator")
    return Bound(100 * part.low / total.high, min(100.0, 100 * part.high / total.low))


@dataclass(frozen=True, slots=True)
class _ExitRanges:
    """Who entered; of each bin the events, and up to each bin events and censorings."""

    entered: Range
    events: tuple[Range, ...]
    by_event: tuple[Range, ...]
    by_censoring: tuple[Range, ...]

    def survival(self, last: int) -> Bound:
        low_events = [at.low for at in self.by_event[: last + 1]]
        high_events = [at.high for at in self.by_event[: last + 1]]
        most_censored = [0, *(at.high for at in self.by_censoring[:last])]
        least_censored = [0, *(at.low for at in self.by_censoring[:last])]
        each = self.events[: last + 1]
        fewest, most = self.entered
        lows = (
            _product_limit(fewest, [*low_events[:-1], high_events[-1]], most_censored),
            _product_limit(fewest, list(accumulate(at.high for at in each)), most_censored),
        )
        late = [min(high, low_events[-1]) for high in high_events]
        highs = (
            _product_limit(most, late, least_censored),
            _product_limit(most, list(accumulate(at.low for at in each)), least_censored),
        )
        return Bound(max(lows), min(highs))


def _product_limit(entered: int, events: Sequence[int], censored_before: Sequence[int]) -> float:
    """S after the last bin from cumulated events and the censorings before each bin.

    0 where the counts leave nobody, which no table of patients can beat downwards.
    """
    survival, before = 1.0, 0
    for now, gone in zip(events, censored_before, strict=True):
        at_risk, left = entered - before - gone, entered - now - gone
        if now > before:
            if left <= 0:
                return 0.0
            survival *= left / at_risk
        elif at_risk < 0:
            return 0.0
        before = now
    return survival


def _table(disclosed: Ranged, group: Group) -> _ExitRanges:
    found, entered = disclosed.cells, entered_cell(group)
    if entered not in found:
        raise NotEstimable("the group has no time-to-event table")
    if found[entered].low == 0:
        raise NotEstimable("perhaps nobody of the group was followed")
    bins = [
        cell.bins[1]
        for cell in found
        if cell.group == group and cell.category == EVENT and cell.bins
    ]
    end, most = max(bins), found[entered].high
    events = _cumulated(_found_of(disclosed, group, EVENT), end, most)
    censored = _cumulated(_found_of(disclosed, group, CENSORED), end, most)
    each = tuple(
        found.get(exit_cell(group, EVENT, number, number), _step(events, number))
        for number in range(end + 1)
    )
    return _ExitRanges(found[entered], each, events, censored)


def _found_of(disclosed: Ranged, group: Group, kind: str) -> dict[tuple[int, ...], Range]:
    """The disclosed exits of one kind: first and last bin -> range."""
    return {
        cell.bins: range_
        for cell, range_ in disclosed.cells.items()
        if cell.group == group and cell.category == kind and cell.bins
    }


def _cumulated(found: dict[tuple[int, ...], Range], end: int, most: int) -> tuple[Range, ...]:
    """Exits up to each bin: as disclosed, else summed, else between the neighbours disclosed."""
    known: list[Range | None] = []
    for number in range(end + 1):
        if (0, number) in found:
            known.append(found[0, number])
        elif (number, number) in found and (before := known[-1]) is not None:
            at = found[number, number]
            known.append(Range(before.low + at.low, min(most, before.high + at.high)))
        else:
            known.append(None)
    lows = list(accumulate((at.low if at else 0 for at in known), max))
    highs = list(accumulate((at.high if at else most for at in reversed(known)), min))[::-1]
    return tuple(Range(low, high) for low, high in zip(lows, highs, strict=True))


def _step(cumulated: Sequence[Range], number: int) -> Range:
    now, before = cumulated[number], cumulated[number - 1] if number else Range(0, 0)
    return Range(max(0, now.low - before.high), now.high - before.low)
