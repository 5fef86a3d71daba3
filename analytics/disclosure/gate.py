"""`disclose`: an aggregate and a policy -> what may leave, or that nothing may.

What leaves is `Disclosed`, a type of its own: what wants one takes no `Aggregate`, so nothing
unguarded can be passed in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from analytics.aggregate import TIME_TO_PROGRESSION, Aggregate, Header
from analytics.disclosure.blocks import blocks
from analytics.disclosure.cells import UNBOUNDED, Cell, Range, System, propagate
from analytics.disclosure.complementary import (
    CannotProtect,
    hidden_cells,
    watched,
    width_of_masks,
)
from analytics.disclosure.exits import ENDED
from analytics.disclosure.grid import coarsen
from analytics.disclosure.mask import below_threshold, published, whole_groups
from analytics.disclosure.participation import too_small
from analytics.disclosure.policy import Policy
from analytics.disclosure.tables import Split, one_each, split, system


class NotProtected(ValueError):
    """A table that a policy does not let out cannot be made a `Disclosed`."""


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What may leave under `policy`: each cell's count, or the range in which it lies.

    header: on the disclosed grid; `by`: the stratifiers of the groups. `masked`: cells that are
    hidden, primary and complementary alike; their ranges follow from the rest and say no more.
    Raises NotProtected where a cell below the threshold is not hidden, or a mask is too narrow.
    """

    header: Header
    policy: Policy
    by: tuple[str, ...]
    cells: Mapping[Cell, Range]
    masked: frozenset[Cell]

    def __post_init__(self) -> None:
        width = width_of_masks(self.policy.threshold)
        for cell, range_ in self.cells.items():
            shown = cell not in self.masked and 0 < range_.high < self.policy.threshold
            if shown or (cell in self.masked and range_.high - range_.low < width):
                raise NotProtected(f"{cell.variable} of {'/'.join(cell.group) or 'everybody'}")


@dataclass(frozen=True, slots=True)
class Withheld:
    """Nothing leaves but this. `reasons` name the rules that were not met, and no count."""

    header: Header
    policy: Policy
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """What one rule did, for whoever runs the gate inside the site.

    It tells primary from complementary masks, which no recipient may know.
    """

    rule: str
    what: str
    cell: Cell | None = None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The outcome, and why: for a dry run inside the site, never to be sent."""

    outcome: Disclosed | Withheld
    notes: tuple[Note, ...]


def disclose(
    cells: Aggregate,
    policy: Policy,
    by: tuple[str, ...] | None = None,
    sites: Mapping[str, int] | None = None,
) -> Disclosed | Withheld:
    """What may leave of `cells` under `policy`.

    by: stratifiers to show, the first that the policy allows unless given. sites: patients by
    site; without it they come from the stratifier `site`, else all are taken as one site's.
    Raises ValueError for a stratifier that the policy or the aggregate does not have.
    """
    return rehearse(cells, policy, by, sites).outcome


def rehearse(
    cells: Aggregate,
    policy: Policy,
    by: tuple[str, ...] | None = None,
    sites: Mapping[str, int] | None = None,
) -> Rehearsal:
    """As `disclose`, with what each rule did. Raises as it does."""
    coarse, notes = coarsen(cells, policy.grid_days), _left_out(cells, policy)
    if coarse.header.grid_days != cells.header.grid_days:
        days = f"{cells.header.grid_days} to {coarse.header.grid_days} days"
        notes.append(Note("grid", f"time bins widened from {days}"))
    if policy.hide_whole_groups:
        coarse = _without_single_categories(coarse, policy, notes)
    parts = split(coarse, _stratifiers(cells, policy, by), policy)
    reasons = too_small(coarse, policy, sites)
    if len(parts.groups) > policy.max_groups:
        reasons.append(f"more than {policy.max_groups} groups")
    if not reasons:
        table = system(coarse, parts, policy)
        try:
            hidden = hidden_cells(table, policy)
        except CannotProtect as error:
            reasons.append(str(error))
    if reasons:
        return Rehearsal(Withheld(coarse.header, policy, tuple(reasons)), tuple(notes))
    ranges = stated(table, hidden, policy)
    outcome = Disclosed(coarse.header, policy, parts.by, ranges, hidden)
    return Rehearsal(outcome, (*notes, *_notes(table, hidden, parts, policy)))


def _stratifiers(
    cells: Aggregate, policy: Policy, asked: tuple[str, ...] | None
) -> tuple[str, ...]:
    allowed = [name for name in cells.header.stratifiers if _may_split(policy, name)]
    if asked is None:
        return tuple(allowed[: policy.max_stratifiers])
    if lost := [name for name in asked if name not in allowed]:
        raise ValueError(f"policy {policy.id} cannot split these cells by {', '.join(lost)}")
    if len(asked) > policy.max_stratifiers:
        raise ValueError(f"policy {policy.id} splits by at most {policy.max_stratifiers}")
    return asked


def _may_split(policy: Policy, stratifier: str) -> bool:
    """By site never: a sum over sites would hold each of them."""
    return stratifier in policy.levels or (not policy.levels and stratifier != "site")


def _left_out(cells: Aggregate, policy: Policy) -> list[Note]:
    counted = {key.variable for key in cells.counts if not policy.allows(key.variable)}
    numbers = {key.variable for key in cells.values if key.variable not in policy.histograms}
    endpoints = {key.endpoint for key in cells.exits} - {TIME_TO_PROGRESSION}
    return [
        *(Note("not-listed", f"exits of {name} do not leave") for name in sorted(endpoints)),
        *(Note("not-listed", f"counts of {name} do not leave") for name in sorted(counted)),
        *(Note("not-listed", f"values of {name} do not leave") for name in sorted(numbers)),
        *(
            Note("classes", f"{name} leaves as counts by class, without its least and greatest")
            for name in policy.histograms
        ),
    ]


def _without_single_categories(cells: Aggregate, policy: Policy, notes: list[Note]) -> Aggregate:
    """Leave out variables of which one category holds everybody: no mask could hide which."""
    variables = {key.variable for key in cells.counts if policy.allows(key.variable)}
    single = [
        name
        for name in sorted(variables - {ENDED})  # its categories are all shown, had or not
        if one_each(name) and len(cells.categories(name)) == 1
    ]
    notes.extend(Note("whole-group", f"{name}: one category holds everybody") for name in single)
    kept = {key: n for key, n in cells.counts.items() if key.variable not in single}
    return replace(cells, counts=kept)


def stated(table: System, hidden: frozenset[Cell], policy: Policy) -> dict[Cell, Range]:
    """What is published of each shown cell.

    The range of a hidden cell is what the other cells and the sums leave open, so it tells nobody
    anything new. It ends at threshold - 1 only where no hidden cell that a sum links to it is
    larger, and where that knowledge pins none of them down.
    """
    known = published(table, hidden, policy)
    small, width = below_threshold(table, policy.threshold), width_of_masks(policy.threshold)
    for block in blocks(table, known) if hidden else ():
        masked = hidden & set(block.cells)
        asked = watched(table, masked, policy.threshold)
        capped = block.capped(masked, policy.threshold - 1)
        if masked and masked <= small and not capped.narrow(asked, width):
            known |= {cell: Range(known[cell].low, policy.threshold - 1) for cell in masked}
    narrowed = propagate(known, table.sums)
    return {
        cell: _open_ended(narrowed[cell]) if cell in hidden else known[cell]
        for cell in sorted(table.shown)
    }


def _open_ended(range_: Range) -> Range:
    """A range without a known upper end, which sums have made a little shorter, as such."""
    return Range(range_.low, UNBOUNDED) if range_.high > UNBOUNDED // 2 else range_


def _notes(table: System, hidden: frozenset[Cell], parts: Split, policy: Policy) -> list[Note]:
    small = below_threshold(table, policy.threshold)
    whole = whole_groups(table) if policy.hide_whole_groups else frozenset()
    notes = []
    for cell in sorted(hidden):
        if cell in small:
            notes.append(Note("below-threshold", f"fewer than {policy.threshold}", cell))
        elif cell in whole:
            notes.append(Note("whole-group", "0 % or 100 % of a group", cell))
        else:
            notes.append(Note("complementary", "would give a hidden cell away", cell))
    for cell in sorted(table.shown):
        if cell.category == "beyond":
            what = f"the curve ends where fewer than {policy.at_risk_min} are at risk"
            notes.append(Note("curve-end", what, cell))
    if parts.groups:
        notes.append(Note("groups", f"by {', '.join(parts.by)}: {len(parts.groups)} groups"))
    if policy.rounding:
        notes.append(Note("rounded", f"counts in classes of {policy.rounding}"))
    return notes
