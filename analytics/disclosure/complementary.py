"""Complementary masking: hide further cells until no hidden one can be had from the others.

A cell is safe when two tables that fit all that is published differ in it by at least the width
asked for (`blocks`). Where a cell is not, the cheapest further cells are hidden that let it move so
far: the least costly table, by integer programming, in which it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack, vstack

from analytics.disclosure.blocks import NODES, FloatArray, exposed
from analytics.disclosure.cells import EVERYBODY, PATIENTS, UNBOUNDED, Cell, Range, System
from analytics.disclosure.exits import entered_cell
from analytics.disclosure.mask import (
    below_threshold,
    published,
    sensitive,
    whole_groups,
    without_whole,
)
from analytics.disclosure.policy import Policy

Room = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
ROUNDS = 40
"""Passes over the exposed cells, after which a table is withheld."""
MOST_CELLS = 3_000
"""Cells, those not shown among them, beyond which a table is withheld: seconds become minutes."""


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
    if len(cells.counts) > MOST_CELLS:
        raise CannotProtect(f"more than {MOST_CELLS} cells")
    cover = Cover.of(cells, policy)
    hidden = whole_groups(cells) if policy.hide_whole_groups else frozenset()
    for threshold in range(policy.threshold_range[0], policy.threshold + 1):
        hidden = _protected(cover, hidden | below_threshold(cells, threshold), threshold)
    return hidden


def width_of_masks(threshold: int) -> int:
    """How far apart two possible counts of a hidden cell must lie: as 1 and threshold - 1."""
    return threshold - 2


def watched(cells: System, hidden: frozenset[Cell], threshold: int) -> frozenset[Cell]:
    """The cells that nobody may pin down: the small ones, shown or not, and all that are hidden.

    Where a mask hides that a whole group is alike, also the number of those who are not.
    """
    return sensitive(cells, threshold) | hidden | without_whole(cells, hidden)


def _protected(cover: Cover, hidden: frozenset[Cell], threshold: int) -> frozenset[Cell]:
    width = width_of_masks(threshold)
    weak: list[Cell] = []
    for _ in range(ROUNDS):
        ranges = published(cover.cells, hidden, cover.policy)
        weak = exposed(cover.cells, ranges, watched(cover.cells, hidden, threshold), width)
        if not weak:
            return hidden
        before = hidden
        for cell in weak:
            hidden |= cover.further(cell, hidden, width)
        if hidden == before:
            break
    raise CannotProtect(f"{weak[0].variable} cannot be hidden")


@dataclass(frozen=True, slots=True)
class Cover:
    """All cells and sums as a matrix: `matrix @ change == 0` for each change that sums allow."""

    cells: System
    policy: Policy
    order: tuple[Cell, ...]
    matrix: csr_array
    costs: FloatArray

    @classmethod
    def of(cls, cells: System, policy: Policy) -> Cover:
        order = tuple(sorted(cells.counts))
        place = {cell: number for number, cell in enumerate(order)}
        rows, columns, values = list[int](), list[int](), list[float]()
        for row, equation in enumerate(cells.sums):
            for cell, sign in ((equation.total, 1.0), *((part, -1.0) for part in equation.parts)):
                rows.append(row)
                columns.append(place[cell])
                values.append(sign)
        shape = (len(cells.sums), len(order))
        costs = np.array([_loss(cells, cell) for cell in order])
        return cls(cells, policy, order, csr_array((values, (rows, columns)), shape=shape), costs)

    def further(self, cell: Cell, hidden: frozenset[Cell], width: int) -> frozenset[Cell]:
        """The shown cells to hide so that `cell` may be `width` more or less than it is."""
        room = self._room(hidden)
        found = [self._moving(cell, sign * width, room) for sign in (1, -1)]
        possible = [answer for answer in found if answer]
        if not possible:
            raise CannotProtect(f"{cell.variable} has no cell left to hide")
        return frozenset(min(possible)[1])

    def _moving(self, cell: Cell, by: int, room: Room) -> tuple[float, list[Cell]] | None:
        """The least cost of moving `cell`, and the cells for it; None where nothing moves it.

        Three variables per cell: a change that what is published leaves open, which is free, and
        one beyond it upwards and downwards, which takes a mask.
        """
        low, high, up, down = room
        at = self.order.index(cell)
        size = len(self.order)
        moved = np.zeros((1, size))
        moved[0, at] = 1
        whole = vstack([self.matrix, csr_array(moved)])
        target = np.zeros(len(self.cells.sums) + 1)
        target[-1] = by
        answer = milp(
            np.concatenate([np.zeros(size), self.costs, self.costs]),
            integrality=np.ones(3 * size, dtype=np.int64),
            bounds=Bounds(
                np.concatenate([low, np.zeros(2 * size)]), np.concatenate([high, up, down])
            ),
            constraints=LinearConstraint(hstack([whole, whole, -whole]), target, target),
            options={"node_limit": NODES},
        )
        if answer.x is None:
            return None
        beyond = np.round(answer.x[size : 2 * size] + answer.x[2 * size :])
        places = np.flatnonzero(beyond)
        return float(self.costs[places].sum()), [self.order[place] for place in places]

    def _room(self, hidden: frozenset[Cell]) -> Room:
        """Of each cell: the free change down and up, and what a mask would add up and down."""
        ranges: Mapping[Cell, Range] = published(self.cells, hidden, self.policy)
        masked: Mapping[Cell, Range] = published(self.cells, self.cells.shown, self.policy)
        rows = []
        for cell in self.order:
            n, now, then = self.cells.counts[cell], ranges[cell], masked[cell]
            if cell in hidden or n not in then:  # masked already, or cannot be
                then = now
            rows.append((now.low - n, now.high - n, then.high - now.high, now.low - then.low))
        table = np.array(rows, dtype=np.float64)
        table[table > UNBOUNDED // 2] = np.inf
        return table[:, 0], table[:, 1], table[:, 2], table[:, 3]


def _loss(cells: System, cell: Cell) -> float:
    """Strata go before everybody's counts, and how many there are is kept to the last."""
    total = cell in {Cell(PATIENTS, cell.group, "all"), entered_cell(cell.group)}
    rank = 2 if total else int(cell.group == EVERYBODY)
    return float((1, 5, 25)[rank] * (10 + cells.counts[cell]))
