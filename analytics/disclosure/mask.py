"""What must be hidden for its own sake, before anything is hidden for another's."""

from __future__ import annotations

from collections.abc import Set

from analytics.aggregate import TIME_TO_PROGRESSION
from analytics.disclosure.cells import EVERYBODY, PATIENTS, UNBOUNDED, Cell, Group, Range, System
from analytics.disclosure.exits import ENDED, EVENT, NO_FOLLOW_UP, REASONS, entered_cell
from analytics.disclosure.policy import Policy
from analytics.disclosure.tables import TESTED, one_each


def below_threshold(cells: System, threshold: int) -> frozenset[Cell]:
    """Shown cells of at least one patient and fewer than `threshold`."""
    return frozenset(cell for cell in cells.shown if 0 < cells.counts[cell] < threshold)


def sensitive(cells: System, threshold: int) -> frozenset[Cell]:
    """All such cells, those that nobody shows but a sum may give away among them."""
    return frozenset(cell for cell, n in cells.counts.items() if 0 < n < threshold)


def whole_groups(cells: System) -> frozenset[Cell]:
    """Shown cells of a variable of which one category holds a whole group.

    The 100 % says something about each member, and so do the 0 % beside it. Of a finding, all who
    were tested for it are the group.
    """
    tables: dict[tuple[str, Group], list[Cell]] = {}
    for cell in sorted(cells.shown):
        if one_each(cell.variable) or (cell.variable == TIME_TO_PROGRESSION and cell.bins):
            tables.setdefault((cell.variable, cell.group), []).append(cell)
    hidden: set[Cell] = set()
    for (variable, group), table in tables.items():
        if _alike(cells, variable, group):
            hidden.update(table)
            hidden -= _apart(cells, group)
    for total, parts in cells.sums:
        if parts[0].variable in TESTED and cells.counts[total] == cells.counts[parts[0]] > 0:
            hidden.add(parts[0])
    return frozenset(hidden)


def _alike(cells: System, variable: str, group: Group) -> bool:
    """Whether one category holds all of a group, or how observation ended all the followed."""
    everyone = cells.counts[Cell(PATIENTS, group, "all")]
    entered = cells.counts[entered_cell(group)]
    if variable == TIME_TO_PROGRESSION:
        events = sum(
            n
            for cell, n in cells.counts.items()
            if cell.group == group and cell.category == EVENT and len(set(cell.bins)) == 1
        )
        return entered > 0 and events in {0, entered}
    held = {
        cell.category: n
        for cell, n in cells.counts.items()
        if (cell.variable, cell.group) == (variable, group)
    }
    if everyone and everyone in held.values():
        return True
    held.pop(NO_FOLLOW_UP, None)
    return variable == ENDED and entered > 0 and entered in held.values()


def _apart(cells: System, group: Group) -> set[Cell]:
    """The unfollowed, unless they are all: they say nothing about how the followed ended."""
    unfollowed, everyone = Cell(ENDED, group, NO_FOLLOW_UP), Cell(PATIENTS, group, "all")
    return set() if cells.counts[unfollowed] == cells.counts[everyone] else {unfollowed}


def without_whole(cells: System, hidden: Set[Cell]) -> frozenset[Cell]:
    """Those of a whole group who differ from it, though there are none: nobody may know that.

    The tested without the finding. Of a variable with categories, these are the zeros hidden.
    """
    return frozenset(
        parts[-1]
        for _, parts in cells.sums
        if parts[0].variable in TESTED and parts[0] in hidden and not cells.counts[parts[-1]]
    )


def rounded(n: int, width: int) -> Range:
    """The class of a count: 0 alone, then 1 to width, width + 1 to 2 width, and so on.

    Its midpoint is what midpoint rounding gives.
    """
    if width == 0 or n == 0:
        return Range(n, n)
    last = -(-n // width) * width
    return Range(last - width + 1, last)


def published(cells: System, hidden: Set[Cell], policy: Policy) -> dict[Cell, Range]:
    """What is known of every cell from each cell alone, before any sum is used.

    A mask does not tell a 0 from the rest where 0 % is hidden too.
    """
    known = {}
    for cell, n in cells.counts.items():
        if cell not in cells.shown:
            known[cell] = Range(0, UNBOUNDED)
        elif cell in hidden:
            known[cell] = Range(_least(cell, policy), UNBOUNDED)
        else:
            known[cell] = rounded(n, policy.rounding)
    return known


def _least(cell: Cell, policy: Policy) -> int:
    """What a reader of the policy knows of a hidden cell: that a category is named says that
    somebody has it, that a table is there says that it has enough patients."""
    if cell == Cell(PATIENTS, EVERYBODY, "all"):
        return max(1, policy.min_patients)
    always = cell.variable == TIME_TO_PROGRESSION or (
        cell.variable == ENDED and cell.category in REASONS
    )
    return int(not policy.hide_whole_groups or (cell.group == EVERYBODY and not always))
