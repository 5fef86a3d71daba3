"""An attacker who has a disclosed table and integer programming, and no code of the gate.

Everything that a reader of the documentation knows goes in: shares add up to the patients, groups
to everybody, exits to who entered, progressions and deaths to events; no finding exceeds who was
tested, no classes of a number the patients, and who reached the horizon left in the last bin.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from scipy.optimize import linprog

from analytics.disclosure.cells import Cell
from analytics.disclosure.gate import Disclosed

SHARED_OUT = {"sex", "uptake", "observation_ended", "driver"}
CLASSED = "prior_rai_mci"
Terms = dict[Cell, int]


class Attacker:
    """Solves for any sum of cells, given what was published."""

    def __init__(self, disclosed: Disclosed) -> None:
        self.published = disclosed.cells
        self.place: dict[Cell, int] = {}
        self.equal: list[Terms] = []
        self.at_most: list[Terms] = []
        groups = sorted({cell.group for cell in self.published})
        self.bins = disclosed.header.horizon_days // disclosed.header.grid_days
        for group in groups:
            self._shares(group)
            self._findings(group)
            self._exits(group)
        self._strata(groups)

    def interval(self, *cells: Cell, less: Iterable[Cell] = ()) -> tuple[float, float]:
        """The least and greatest that the sum of `cells`, less others, can be."""
        goal = np.zeros(len(self.place))
        for cell in cells:
            goal[self.place[cell]] += 1
        for cell in less:
            goal[self.place[cell]] -= 1
        ends = []
        for sign in (1, -1):
            found = linprog(
                sign * goal,
                A_eq=self._matrix(self.equal), b_eq=np.zeros(len(self.equal)),
                A_ub=self._matrix(self.at_most), b_ub=np.zeros(len(self.at_most)),
                bounds=[self._bounds(cell) for cell in self.place],
                integrality=1,
            )  # fmt: skip
            if found.status == 3:
                ends.append(sign * -np.inf)
                continue
            assert found.status == 0, found.message
            ends.append(sign * round(found.fun))
        return ends[0], ends[1]

    def _bounds(self, cell: Cell) -> tuple[float, float]:
        low, high = self.published.get(cell, (0, np.inf))
        return low, high

    def _matrix(self, rows: list[Terms]) -> np.ndarray:
        matrix = np.zeros((len(rows), len(self.place)))
        for number, terms in enumerate(rows):
            for cell, factor in terms.items():
                matrix[number, self.place[cell]] += factor
        return matrix

    def _state(self, rows: list[Terms], whole: Iterable[Cell], parts: Iterable[Cell]) -> None:
        terms: Terms = defaultdict(int)
        for cells, factor in ((whole, -1), (parts, 1)):
            for cell in cells:
                self.place.setdefault(cell, len(self.place))
                terms[cell] += factor
        rows.append(terms)

    def _shares(self, group: tuple[str, ...]) -> None:
        for variable in SHARED_OUT:
            parts = [c for c in self.published if (c.variable, c.group) == (variable, group)]
            if parts:
                self._state(self.equal, [Cell("patients", group, "all")], parts)

    def _findings(self, group: tuple[str, ...]) -> None:
        for cell in self.published:
            if cell.group == group and cell.variable in {"mutation", "gene_tested"}:
                self._state(self.at_most, [Cell("patients", group, "all")], [cell])
                tested = cell._replace(variable="gene_tested")
                if cell.variable == "mutation" and tested in self.published:
                    self._state(self.at_most, [tested], [cell])
        classes = [c for c in self.published if (c.variable, c.group) == (CLASSED, group)]
        if classes:
            self._state(self.at_most, [Cell("patients", group, "all")], classes)

    def _exits(self, group: tuple[str, ...]) -> None:
        def at(kind: str, number: int) -> Cell:
            return Cell("ttp", group, kind, (number, number))

        everyone = [Cell("patients", group, "all")]
        entered = Cell("ttp", group, "entered")
        every = [at(kind, n) for kind in ("event", "censored") for n in range(self.bins + 1)]
        self._state(self.equal, [entered], every)
        self._state(self.at_most, everyone, [entered])
        for cell in list(self.published):
            if cell.group == group and cell.bins and cell.bins[0] != cell.bins[1]:
                kinds = ("event", "censored") if cell.category == "beyond" else (cell.category,)
                span = range(cell.bins[0], cell.bins[1] + 1)
                self._state(self.equal, [cell], [at(kind, n) for kind in kinds for n in span])
            elif cell.group == group and cell.category == "beyond":
                parts = [at(kind, cell.bins[0]) for kind in ("event", "censored")]
                self._state(self.equal, [cell], parts)
        ended = {
            cell.category: cell
            for cell in self.published
            if (cell.variable, cell.group) == ("observation_ended", group)
        }
        if ended:
            events = [at("event", n) for n in range(self.bins + 1)]
            caused = [ended[k] for k in ended if k in {"progression", "death"}]
            self._state(self.equal, caused, events)
            if "horizon" in ended:
                self._state(self.at_most, [at("censored", self.bins)], [ended["horizon"]])
            out = [ended[k] for k in ended if k == "no_follow_up"]
            self._state(self.equal, everyone, [entered, *out])

    def _strata(self, groups: list[tuple[str, ...]]) -> None:
        inner = [group for group in groups if group]
        for cell in [cell for cell in self.place if not cell.group and inner]:
            parts = [cell._replace(group=group) for group in inner]
            if all(part in self.place for part in parts):
                self._state(self.equal, [cell], parts)
