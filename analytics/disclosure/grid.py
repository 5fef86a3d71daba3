"""Exits on a coarser time grid, and the bin with which a curve ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from analytics.aggregate import Aggregate, ExitKey, Header


def width_of(head: Header, at_least: int) -> int:
    """The narrowest bin, in days, of at least `at_least` that both the horizon and the grid allow.

    It divides the horizon and is a multiple of the present width, so that no bin is cut.
    """
    return next(
        width
        for width in range(head.grid_days, head.horizon_days + 1, head.grid_days)
        if head.horizon_days % width == 0 and (width >= at_least or width == head.horizon_days)
    )


def coarsen(cells: Aggregate, at_least: int) -> Aggregate:
    """The aggregate with exits in bins of `width_of` days; bin 0 stays day 0."""
    width = width_of(cells.header, at_least)
    step = width // cells.header.grid_days
    exits: Counter[ExitKey] = Counter()
    for key, n in sorted(cells.exits.items()):
        exits[key._replace(bin=-(-key.bin // step))] += n
    return replace(
        cells, header=replace(cells.header, grid_days=width), exits=dict(sorted(exits.items()))
    )


def last_shown(exits: Mapping[int, Mapping[str, int]], bins: int, at_risk_min: int) -> int:
    """The last bin that at least `at_risk_min` patients enter; 0 where none is.

    exits: bin -> kind -> patients; bins: number of the last bin.
    """
    at_risk = sum(kinds.get("entered", 0) for kinds in exits.values())
    for number in range(bins + 1):
        if number and at_risk < at_risk_min:
            return number - 1
        kinds = exits.get(number, {})
        at_risk -= kinds.get("event", 0) + kinds.get("censored", 0)
    return bins
