"""What a reader can work out: ranges that published cells and sums leave, by integer programming.

Two whole-number tables, both in keeping with all that is published and with every sum, bound a
cell from below. They are looked for with scipy's HiGHS, starting from the true one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from analytics.disclosure.cells import UNBOUNDED, Cell, Range, Sum, System

FloatArray = NDArray[np.float64]
NODES = 200
"""Branches that one search may take; a range not found within them counts as not there."""
NEARLY = 1e-5


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
        for whole in (0, 1):  # the quick search, among fractions too, most often ends at whole ones
            answer = milp(
                goal,
                integrality=np.full(len(self.cells), whole),
                bounds=Bounds(low, high),
                constraints=LinearConstraint(self.matrix, self.constants, self.constants),
                options={"node_limit": NODES},
            )
            if answer.x is None:
                return
            table = np.round(answer.x)
            if np.abs(answer.x - table).max() < NEARLY:
                np.minimum(least, table, out=least)
                np.maximum(most, table, out=most)
                return


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
