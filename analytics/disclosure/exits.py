"""The cells of a time-to-event table, as a policy shows them."""

from __future__ import annotations

from analytics.aggregate import TIME_TO_PROGRESSION, Aggregate
from analytics.disclosure.cells import PATIENTS, Cell, Group, Sum, System
from analytics.disclosure.grid import last_shown
from analytics.disclosure.policy import Policy

ENDED = "observation_ended"
EVENT, CENSORED = "event", "censored"
PROGRESSION, DEATH, AT_HORIZON, NO_FOLLOW_UP = "progression", "death", "horizon", "no_follow_up"
# Always all shown: which of them nobody has would tell how the others ended. Death is not among
# them, as most studies do not count it.
REASONS = (PROGRESSION, "last_contact", AT_HORIZON, NO_FOLLOW_UP)


def exit_cell(group: Group, kind: str, first: int, last: int) -> Cell:
    """Patients of `group` who leave the endpoint by `kind` in these bins."""
    return Cell(TIME_TO_PROGRESSION, group, kind, (first, last))


def entered_cell(group: Group) -> Cell:
    """Patients of `group` who were followed at all."""
    return Cell(TIME_TO_PROGRESSION, group, "entered")


def exit_cells(cells: Aggregate, group: Group, policy: Policy) -> System:
    """The exits of `cells`, which are those of `group`, on the grid they are on.

    Shown: who entered; events and censorings by bin, or both cumulated where counts are rounded;
    and who was still followed where the curve ends early. Not shown but derivable: sums over
    bins, and who is at risk.
    """
    exits = cells.exit_counts(TIME_TO_PROGRESSION)
    bins = cells.header.horizon_days // cells.header.grid_days
    end = last_shown(exits, bins, policy.at_risk_min)
    table = _Table(group, {}, set(), [])
    for number in range(bins + 1):
        for kind in (EVENT, CENSORED):
            cell = exit_cell(group, kind, number, number)
            table.counts[cell] = exits.get(number, {}).get(kind, 0)
    table.counts[entered_cell(group)] = sum(kinds.get("entered", 0) for kinds in exits.values())
    table.shown.add(entered_cell(group))
    table.cumulate(bins)
    table.follow(end, bins)
    table.show(end, policy, cells.header.grid_days)
    return System(table.counts, frozenset(table.shown), tuple(table.sums))


def end_sums(counts: dict[Cell, int], group: Group, bins: int) -> tuple[Sum, ...]:
    """What the reasons why observation ended say about the exits of the same patients.

    counts: those of the group's exits and, where listed, its reasons; what follows is added.
    """
    events, entered = exit_cell(group, EVENT, 0, bins), entered_cell(group)
    progressed, died = Cell(ENDED, group, PROGRESSION), Cell(ENDED, group, DEATH)
    everyone, unfollowed = Cell(PATIENTS, group, "all"), Cell(ENDED, group, NO_FOLLOW_UP)
    counts.setdefault(progressed, counts[events] - counts.get(died, 0))
    counts.setdefault(unfollowed, counts[everyone] - counts[entered])
    causes = (progressed, died) if died in counts else (progressed,)
    found = [Sum(events, causes), Sum(everyone, (entered, unfollowed))]
    if (complete := Cell(ENDED, group, AT_HORIZON)) in counts:
        last = exit_cell(group, CENSORED, bins, bins)
        early = exit_cell(group, "censored_before_horizon", bins, bins)
        counts[early] = counts[last] - counts[complete]
        found.append(Sum(last, (complete, early)))
    return tuple(found)


class _Table:
    """One group's exit cells while they are put together."""

    def __init__(
        self, group: Group, counts: dict[Cell, int], shown: set[Cell], sums: list[Sum]
    ) -> None:
        self.group, self.counts, self.shown, self.sums = group, counts, shown, sums

    def total(self, total: Cell, *parts: Cell) -> None:
        self.counts[total] = sum(self.counts[part] for part in parts)
        if parts != (total,):
            self.sums.append(Sum(total, parts))

    def cumulate(self, bins: int) -> None:
        """Events, and censorings, from the first bin to each."""
        for kind in (EVENT, CENSORED):
            for last in range(1, bins + 1):
                self.total(
                    exit_cell(self.group, kind, 0, last),
                    exit_cell(self.group, kind, 0, last - 1),
                    exit_cell(self.group, kind, last, last),
                )

    def follow(self, end: int, bins: int) -> None:
        """At risk on entering each bin, from the last one backwards, and beyond the curve's end."""
        after: tuple[Cell, ...] = ()
        for number in range(bins, 0, -1):
            at_risk = exit_cell(self.group, "at_risk", number, number)
            leaving = tuple(exit_cell(self.group, k, number, number) for k in (EVENT, CENSORED))
            self.total(at_risk, *leaving, *after)
            after = (at_risk,)
        if end < bins:
            beyond = exit_cell(self.group, "beyond", end + 1, bins)
            self.total(beyond, *(exit_cell(self.group, "at_risk", end + 1, end + 1),))
            self.shown.add(beyond)
        at_once = tuple(exit_cell(self.group, kind, 0, 0) for kind in (EVENT, CENSORED))
        self.sums.append(Sum(entered_cell(self.group), (*at_once, *after)))

    def show(self, end: int, policy: Policy, width: int) -> None:
        every = policy.at_risk_every_days
        for number in range(end + 1):
            edge = not every or number in {0, end} or number * width % every == 0
            first = 0 if policy.rounding else number
            self.shown.add(exit_cell(self.group, EVENT, first, number))
            if edge:
                self.shown.add(exit_cell(self.group, CENSORED, first, number))
