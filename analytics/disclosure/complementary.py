"""Complementary masking: hide further cells until no hidden one can be had from the others.

A cell is safe when two whole-number tables, both in keeping with all that is published and with
every sum, differ in it by at least the width asked for. Such tables are looked for by integer
programming (scipy's HiGHS), starting from the true one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from analytics.disclosure.cells import EVERYBODY, PATIENTS, UNBOUNDED, Cell, Range, Sum, System
from analytics.disclosure.exits import entered_cell
from analytics.disclosure.mask import below_threshold, published, sensitive, whole_groups
from analytics.disclosure.policy import Policy

FloatArray = NDArray[np.float64]


class CannotProtect(Exception):
    """Whatever else is hidden, some cell can still be had from a sum."""


def hidden_cells(cells: System, policy: Policy) -> frozenset[Cell]:
    """The cells to hide under `policy`. Raises CannotProtect.

    Worked out for every threshold that a site may set, from the lowest up, each starting from the
    one before. So a release with a higher threshold hides all that one with a lower does, and two
    recipients who compare theirs learn nothing beyond the more open one.
    """
    if not policy.threshold:
        return frozenset()
    hidden = whole_groups(cells) if policy.hide_whole_groups else frozenset()
    for threshold in range(policy.threshold_range[0], policy.threshold + 1):
        hidden = _protected(cells, hidden | below_threshold(cells, threshold), threshold, policy)
    return hidden


def _protected(
    cells: System, hidden: frozenset[Cell], threshold: int, policy: Policy
) -> frozenset[Cell]:
    while True:
        ranges = published(cells, hidden, policy)
        weak = exposed(cells, ranges, watched(cells, hidden, threshold), threshold - 2)
        if not weak:
            return hidden
        hidden |= _cover(cells, hidden, weak)


def watched(cells: System, hidden: frozenset[Cell], threshold: int) -> frozenset[Cell]:
    """The cells that nobody may pin down: the small ones, shown or not, and all that are hidden.

    A hidden 0 is there for the 100 % beside it and may itself be known.
    """
    return sensitive(cells, threshold) | {cell for cell in hidden if cells.counts[cell]}


def _cover(cells: System, hidden: frozenset[Cell], weak: Iterable[Cell]) -> frozenset[Cell]:
    """One more cell to hide beside each weak one: the smallest in a sum with it."""
    chosen: set[Cell] = set()
    for cell in weak:
        near = _candidates(cells, hidden, cell)
        if not near:
            raise CannotProtect(f"{cell.variable} has no cell left to hide")
        if chosen.isdisjoint(near):
            chosen.add(min(near, key=lambda found: _loss(cells, found)))
    return frozenset(chosen)


def _candidates(cells: System, hidden: frozenset[Cell], cell: Cell) -> set[Cell]:
    """Shown cells with patients that share a sum with `cell`, or else with a cell that does."""
    reached, before = {cell}, set[Cell]()
    while reached != before:
        before = set(reached)
        for total, parts in cells.sums:
            if not before.isdisjoint({total, *parts}):
                reached |= {total, *parts}
        open_ = {at for at in (reached & cells.shown) - hidden if cells.counts[at]}
        if open_:
            return open_
    return set()


def _loss(cells: System, cell: Cell) -> tuple[int, int, Cell]:
    """Strata go before everybody's counts, and how many there are is kept to the last."""
    total = cell in {Cell(PATIENTS, cell.group, "all"), entered_cell(cell.group)}
    rank = 2 if total else int(cell.group == EVERYBODY)
    return rank, cells.counts[cell], cell


def exposed(
    cells: System, ranges: Mapping[Cell, Range], watched: Iterable[Cell], width: int
) -> list[Cell]:
    """The watched cells that `ranges` and the sums pin down to less than `width`."""
    wanted = set(watched)
    weak = [cell for cell in wanted if ranges[cell].exact] if width > 0 else []
    for block in blocks(cells, ranges):
        weak.extend(block.narrow(wanted, width))
    return sorted(weak)


@dataclass(frozen=True, slots=True)
class Block:
    """Uncertain cells that sums link, `matrix @ cells == constants`; arrays are one per cell."""

    cells: tuple[Cell, ...]
    matrix: csr_array
    constants: FloatArray
    low: FloatArray
    high: FloatArray
    truth: FloatArray

    def capped(self, chosen: Set[Cell], high: int) -> Block:
        """The block as it would be if the chosen cells were known to be at most `high`."""
        capped = [
            min(limit, high) if cell in chosen else limit
            for cell, limit in zip(self.cells, self.high, strict=True)
        ]
        return replace(self, high=np.array(capped))

    def narrow(self, wanted: Set[Cell], width: int) -> list[Cell]:
        """The wanted cells between which no two tables differ by `width`."""
        asked = [place for place, cell in enumerate(self.cells) if cell in wanted]
        least, most = self.truth.copy(), self.truth.copy()
        for sign in (-1, 1):
            # One table that moves all cells at once often spares looking at each.
            self._stretch(asked, sign, width, (least, most))
        for place in asked:
            for sign in (-1, 1):
                if most[place] - least[place] < width:
                    self._stretch([place], sign, width, (least, most))
        return [self.cells[place] for place in asked if most[place] - least[place] < width]

    def _stretch(
        self, places: list[int], sign: int, width: int, seen: tuple[FloatArray, FloatArray]
    ) -> None:
        """Widen what was seen by a table in which some cells are as low or high as they can be."""
        least, most = seen
        low, high = self.low.copy(), self.high.copy()
        # No further than asked for, without which a cell can be unbounded.
        low[places] = np.maximum(low[places], most[places] - width)
        high[places] = np.minimum(high[places], least[places] + width)
        goal = np.zeros(len(self.cells))
        goal[places] = sign
        answer = milp(
            goal,
            integrality=np.ones(len(self.cells), dtype=np.int64),
            bounds=Bounds(low, high),
            constraints=LinearConstraint(self.matrix, self.constants, self.constants),
        )
        if answer.x is not None:
            table = np.round(answer.x)
            np.minimum(least, table, out=least)
            np.maximum(most, table, out=most)


def blocks(cells: System, ranges: Mapping[Cell, Range]) -> list[Block]:
    """The uncertain cells, split so that no sum links two blocks."""
    leader = {cell: cell for cell, range_ in ranges.items() if not range_.exact}

    def lead(cell: Cell) -> Cell:
        while leader[cell] != cell:
            leader[cell] = leader[leader[cell]]
            cell = leader[cell]
        return cell

    linked: list[tuple[Cell, Sum]] = []
    for equation in cells.sums:
        free = [cell for cell in (equation.total, *equation.parts) if cell in leader]
        for cell in free[1:]:
            leader[lead(cell)] = lead(free[0])
        if free:
            linked.append((free[0], equation))
    members: dict[Cell, list[Cell]] = {}
    for cell in sorted(leader):
        members.setdefault(lead(cell), []).append(cell)
    sums: dict[Cell, list[Sum]] = {}
    for cell, equation in linked:
        sums.setdefault(lead(cell), []).append(equation)
    return [
        _block(cells, ranges, tuple(inside), sums.get(head, [])) for head, inside in members.items()
    ]


def _block(
    cells: System, ranges: Mapping[Cell, Range], inside: tuple[Cell, ...], sums: list[Sum]
) -> Block:
    place = {cell: number for number, cell in enumerate(inside)}
    rows, columns, values = list[int](), list[int](), list[float]()
    constants = np.zeros(len(sums))
    for row, equation in enumerate(sums):
        for cell, sign in ((equation.total, 1.0), *((part, -1.0) for part in equation.parts)):
            if cell in place:
                rows.append(row)
                columns.append(place[cell])
                values.append(sign)
            else:
                constants[row] -= sign * ranges[cell].low
    high = np.array([float(ranges[cell].high) for cell in inside])
    return Block(
        inside,
        csr_array((values, (rows, columns)), shape=(len(sums), len(inside))),
        constants,
        np.array([float(ranges[cell].low) for cell in inside]),
        np.where(high == UNBOUNDED, np.inf, high),
        np.array([float(cells.counts[cell]) for cell in inside]),
    )
