"""Which cells of a disclosed table a report's count figure is the sum of, and what they say of it.

A count that is a sum of hidden cells has the sum of their ranges. So it tells a reader no more than
the cells do, from which anybody could work it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from analytics.aggregate import Header
from analytics.disclosure.cells import EVERYBODY, PATIENTS, UNBOUNDED, Cell, Group, Range
from analytics.disclosure.exits import CENSORED, EVENT, entered_cell, exit_cell
from analytics.disclosure.policy import Policy
from analytics.disclosure.tables import one_each
from analytics.study import Study

NOTHING_KNOWN = Range(0, UNBOUNDED)
_NAMES = {
    "race": "race_{}_n",
    "ethnicity": "ethnicity_{}_n",
    "sex": "sex_n:{}",
    "histology": "histology_n:{}",
    "pdl1": "pdl1_{}_n",
    "regimen": "regimen_n:{}",
    "mutation": "mutation_patients_n:{}",
    "gene_tested": "gene_tested_n:{}",
}
"""Variable -> the name of the figure that counts one of its categories."""
_SUMS = {
    "n_patients": (PATIENTS, ("all",)),
    "rai_uptake_n": ("uptake", ("faint", "present", "increased")),
    "redifferentiation_rai_treated_n": ("rai_treated", ("yes",)),
}
_CHANGE = re.compile(r"((?:tg|ct)_[a-z0-9]+_to_[a-z0-9]+)_([a-z_]+)_n")
_NUMBERS = re.compile(r"(prior_rai_mci|redifferentiation_rai_mci|cumulative_rai_mci)_n")
_BY_DAY = re.compile(r"(at_risk|progressed_by|censored_by)_(\d+)_n")


@dataclass(frozen=True, slots=True)
class DisclosedCells:
    """The cells of a `Disclosed`, or sums of several sites', with the policy they left under.

    cells: shown cells only; what is neither here nor possible under the policy is not known.
    """

    cells: Mapping[Cell, Range]
    policy: Policy
    header: Header

    def named(self, study: Study) -> Iterator[str]:
        """The figures of all categories that are shown of anybody."""
        for cell in self.cells:
            if cell.group == EVERYBODY and cell.variable in _NAMES:
                yield _NAMES[cell.variable].format(cell.category)
            elif cell.group == EVERYBODY and cell.variable.startswith(("tg_", "ct_")):
                yield f"{cell.variable}_{cell.category}_n"

    def range_of(self, name: str, group: Group, study: Study) -> Range | None:
        """Where the count figure `name` of `group` lies; None where it is not to be had, because
        its day is no edge of the grid."""
        if name == "followed_n":
            return self.cells.get(entered_cell(group), NOTHING_KNOWN)
        if by_day := _BY_DAY.fullmatch(name):
            return self._exits(by_day[1], int(by_day[2]), group)
        if number := _NUMBERS.fullmatch(name):
            return self._whole(number[1], group)
        found = _cells_of(name, study)
        return NOTHING_KNOWN if found is None else self._sum(*found, group)

    def patients(self, group: Group) -> Range:
        """How many the group has."""
        return self.cells.get(Cell(PATIENTS, group, "all"), NOTHING_KNOWN)

    def _sum(self, variable: str, categories: Iterable[str], group: Group) -> Range:
        """Of an allowed variable, a category that is not named is had by nobody."""
        left = {cell.variable for cell in self.cells}
        if not self.policy.allows(variable) or (one_each(variable) and variable not in left):
            return NOTHING_KNOWN
        none = Range(0, 0)
        return added(self.cells.get(Cell(variable, group, name), none) for name in categories)

    def _whole(self, variable: str, group: Group) -> Range:
        """All those of whom a number is known: its classes together."""
        if variable not in self.policy.histograms:
            return NOTHING_KNOWN
        return added(
            range_
            for cell, range_ in self.cells.items()
            if (cell.variable, cell.group) == (variable, group)
        )

    def _exits(self, what: str, day: int, group: Group) -> Range | None:
        number, rest = divmod(day, self.header.grid_days)
        if rest or day > self.header.horizon_days:
            return None
        if what != "at_risk":
            return self.left(EVENT if what == "progressed_by" else CENSORED, number, group)
        entered = self.cells.get(entered_cell(group), NOTHING_KNOWN)
        before = [self.left(kind, number - 1, group) for kind in (EVENT, CENSORED)]
        return less(entered, added(before)) if number else entered

    def left(self, kind: str, last: int, group: Group) -> Range:
        """Who left by `kind` up to and with the bin `last`."""
        if found := self.cells.get(exit_cell(group, kind, 0, last)):
            return found
        each = [self.cells.get(exit_cell(group, kind, at, at)) for at in range(last + 1)]
        known = [range_ for range_ in each if range_ is not None]
        return added(known) if len(known) == len(each) else NOTHING_KNOWN


def _cells_of(name: str, study: Study) -> tuple[str, tuple[str, ...]] | None:
    if name in _SUMS:
        return _SUMS[name]
    if change := _CHANGE.fullmatch(name):
        # Of a part of the patients only, of whom the gate has no table.
        treated = study.percent_denominator == "treated"
        return None if treated else (change[1], (change[2],))
    for variable, form in _NAMES.items():
        before, after = form.split("{}")
        if name.startswith(before) and name.endswith(after):
            return variable, (name.removeprefix(before).removesuffix(after),)
    return None


def added(ranges: Iterable[Range]) -> Range:
    """The range of a sum."""
    found = list(ranges)
    low, high = sum(range_.low for range_ in found), sum(range_.high for range_ in found)
    return Range(low, min(high, UNBOUNDED))


def less(whole: Range, part: Range) -> Range:
    """The range of what is left of `whole` without `part`, which lies in it."""
    return Range(max(0, whole.low - part.high), max(0, whole.high - part.low))
