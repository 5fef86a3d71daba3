"""What must be hidden for its own sake, before anything is hidden for another's."""

from __future__ import annotations

from collections import Counter

from analytics.aggregate import TIME_TO_PROGRESSION
from analytics.disclosure.cells import PATIENTS, UNBOUNDED, Cell, Range, System
from analytics.disclosure.exits import ENDED, NO_FOLLOW_UP, entered_cell
from analytics.disclosure.policy import Policy
from analytics.disclosure.tables import one_each


def below_threshold(cells: System, threshold: int) -> frozenset[Cell]:
    """Shown cells of at least one patient and fewer than `threshold`."""
    return frozenset(cell for cell in cells.shown if 0 < cells.counts[cell] < threshold)


def sensitive(cells: System, threshold: int) -> frozenset[Cell]:
    """All such cells, those that nobody shows but a sum may give away among them."""
    return frozenset(cell for cell, n in cells.counts.items() if 0 < n < threshold)


def whole_groups(cells: System) -> frozenset[Cell]:
    """Shown cells of a variable of which one category holds a whole group.

    The 100 % says something about each member, and so do the 0 % beside it.
    """
    tables: dict[tuple[str, tuple[str, ...]], list[Cell]] = {}
    for cell in sorted(cells.shown):
        if one_each(cell.variable) or (cell.variable == TIME_TO_PROGRESSION and cell.bins):
            tables.setdefault((cell.variable, cell.group), []).append(cell)
    hidden: set[Cell] = set()
    for (variable, group), table in tables.items():
        everyone, entered = cells.counts[Cell(PATIENTS, group, "all")], entered_cell(group)
        held: Counter[str] = Counter()
        for cell in table:
            held[cell.category] += cells.counts[cell]
        if variable != TIME_TO_PROGRESSION and everyone and everyone in held.values():
            hidden.update(table)
        # How observation ended says it of the followed, beside those who were not.
        held.pop(NO_FOLLOW_UP, None)
        if variable in {TIME_TO_PROGRESSION, ENDED} and cells.counts[entered] in held.values():
            hidden.update(table if cells.counts[entered] else ())
    return frozenset(hidden)


def rounded(n: int, width: int) -> Range:
    """The class of a count: 0 alone, then 1 to width, width + 1 to 2 width, and so on.

    Its midpoint is what midpoint rounding gives.
    """
    if width == 0 or n == 0:
        return Range(n, n)
    last = -(-n // width) * width
    return Range(last - width + 1, last)


def published(cells: System, hidden: frozenset[Cell], policy: Policy) -> dict[Cell, Range]:
    """What is known of every cell from each cell alone, before any sum is used."""
    least = 0 if policy.hide_whole_groups else 1
    known = {}
    for cell, n in cells.counts.items():
        if cell not in cells.shown:
            known[cell] = Range(0, UNBOUNDED)
        elif cell in hidden:
            known[cell] = Range(least, UNBOUNDED)
        else:
            known[cell] = rounded(n, policy.rounding)
    return known
