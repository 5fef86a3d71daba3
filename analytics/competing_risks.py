"""Competing risks: cumulative incidence by Aalen-Johansen, from counts by time and cause.

Formulas: statistics.md 3.6 (Aalen and Johansen 1978, Scand J Stat 5:141). The variance is the
multinomial delta form, the infinitesimal jackknife of R's multi-state `survfit`; ties between
causes need no order. `cmprsk::cuminc` has another, which differs by up to 1.7 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.counts import FloatArray, IntArray, whole_numbers
from analytics.delayed_entry import Entries
from analytics.life_table import ExitTable
from analytics.survival import ConfidenceType, Limits, kaplan_meier, survival_limits


@dataclass(frozen=True, slots=True, eq=False)
class CompetingTable:
    """Exits at K distinct times by cause: `any_cause` holds all events, censorings and entries,
    `events` (K, C) splits its events among `causes` (C,), ascending.

    Build one with `from_counts` or `from_exits`. Raises ValueError where the causes do not add up.
    """

    any_cause: ExitTable
    causes: tuple[str, ...]
    events: IntArray

    def __post_init__(self) -> None:
        if self.events.shape != (self.any_cause.times.size, len(self.causes)):
            raise ValueError("events need one row per time and one column per cause")
        if self.causes != tuple(sorted(set(self.causes))):
            raise ValueError("causes must be distinct and ascending")
        if np.any(self.events < 0):
            raise ValueError("counts cannot be negative")
        if not np.array_equal(self.events.sum(axis=1), self.any_cause.events):
            raise ValueError("the events of the causes do not add up to those of any cause")
        self.events.flags.writeable = False

    @classmethod
    def from_counts(
        cls,
        times: ArrayLike,
        events: Mapping[str, ArrayLike],
        censored: ArrayLike,
        entries: Entries | None = None,
    ) -> CompetingTable:
        """`events`: cause -> counts at `times`. Rows in any order; rows of one time are added.

        Raises ValueError as `ExitTable.from_counts` does.
        """
        causes = tuple(sorted(events))
        column, shape = np.asarray(times, dtype=np.float64), (np.size(times),)
        counts = [whole_numbers(events[cause]) for cause in causes]
        if any(count.shape != shape for count in counts):
            raise ValueError("times, events and censored must be columns of one length")
        split = np.stack(counts, axis=1) if counts else np.zeros((*shape, 0), dtype=np.int64)
        table = ExitTable.from_counts(column, split.sum(axis=1), censored, entries)
        held = np.isin(column, table.times)
        total = np.zeros((table.times.size, len(causes)), dtype=np.int64)
        np.add.at(total, np.searchsorted(table.times, column[held]), split[held])
        return cls(table, causes, total)

    @classmethod
    def from_exits(
        cls, times: ArrayLike, causes: Sequence[str | None], entered: ArrayLike | None = None
    ) -> CompetingTable:
        """One row per patient: the exit time, and the cause of the event or None for censored.

        `entered` as in `ExitTable.from_exits`, as are the errors.
        """
        table = ExitTable.from_exits(times, [cause is not None for cause in causes], entered)
        names = sorted({cause for cause in causes if cause is not None})
        events = {name: [int(cause == name) for cause in causes] for name in names}
        left = [int(cause is None) for cause in causes]
        return cls.from_counts(times, events, left, table.entries)

    def cause_specific(self, cause: str) -> ExitTable:
        """The table of `cause` alone, events of other causes censored: for the cause-specific
        log-rank test and Cox. A cause that nobody had has no events."""
        events = self.events_of(cause)
        others = self.any_cause.events - events
        return ExitTable.from_counts(
            self.any_cause.times, events, self.any_cause.censored + others, self.any_cause.entries
        )

    def events_of(self, cause: str) -> IntArray:
        """Events of `cause` at each time, (K,)."""
        if cause not in self.causes:
            return np.zeros(self.any_cause.times.size, dtype=np.int64)
        return self.events[:, self.causes.index(cause)]

    def __add__(self, other: CompetingTable) -> CompetingTable:
        """The table of both groups of patients, on the union of times and causes."""
        return CompetingTable.from_counts(
            np.concatenate([self.any_cause.times, other.any_cause.times]),
            {
                cause: np.concatenate([self.events_of(cause), other.events_of(cause)])
                for cause in {*self.causes, *other.causes}
            },
            np.concatenate([self.any_cause.censored, other.any_cause.censored]),
            self.any_cause.entries + other.any_cause.entries,
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, CompetingTable)
            and self.any_cause == other.any_cause
            and self.causes == other.causes
            and np.array_equal(self.events, other.events)
        )


@dataclass(frozen=True, slots=True)
class IncidencePoint:
    """Cumulative incidence at one time. None: does not exist, which is so where it is 1."""

    time: float
    n_risk: int
    incidence: float
    se: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Incidence:
    """The cumulative incidence of one cause: at each time of `table`, (K,); 0 before the first.

    `se` is NaN where the incidence is 1.
    """

    table: ExitTable
    incidence: FloatArray
    se: FloatArray

    def at(
        self, time: float, ci: ConfidenceType = "log-log", level: float = 0.95
    ) -> IncidencePoint:
        """The incidence at `time`, an event at `time` included."""
        step = int(np.searchsorted(self.table.times, time, side="right"))
        value, se = np.append(0.0, self.incidence)[step], np.append(0.0, self.se)[step]
        low, high = incidence_limits(np.array([value]), np.array([se]), ci, level)
        none = bool(np.isnan(se))
        return IncidencePoint(
            time=time,
            n_risk=int(self.table.at_risk(time)),
            incidence=float(value),
            se=None if none else float(se),
            low=None if none else float(low[0]),
            high=None if none else float(high[0]),
        )

    def limits(self, ci: ConfidenceType = "log-log", level: float = 0.95) -> Limits:
        """Lower and upper limit at each time, (K,) each; NaN where the incidence is 1."""
        return incidence_limits(self.incidence, self.se, ci, level)


def cumulative_incidence(table: CompetingTable, cause: str) -> Incidence:
    """F(t) = sum of S(t_k-) d_ck / n_k over t_k <= t, S the Kaplan-Meier curve of any event.

    Raises NotEstimable for a table of no patients. A cause that nobody had has incidence 0.
    """
    surv = kaplan_meier(table.any_cause).surv
    before = np.append(1.0, surv[:-1])
    n = table.any_cause.n_risk.astype(np.float64)
    d = table.any_cause.events.astype(np.float64)
    d_cause = table.events_of(cause).astype(np.float64)
    step = before * d_cause / n
    incidence = np.minimum(np.cumsum(step), 1.0)
    variance = _variance(step, d, d_cause, n)
    se = np.sqrt(np.maximum(variance, 0.0))
    # no survivor and no other cause: incidence is 1 with no error, as survival is 0
    certain = (surv == 0) & (np.cumsum(d - d_cause) == 0)
    return Incidence(table.any_cause, incidence, np.where(certain, np.nan, se))


def _variance(step: FloatArray, d: FloatArray, d_cause: FloatArray, n: FloatArray) -> FloatArray:
    """Section 3.6 at every time, (K,): its sums over the past, each carried on by its increments,
    of which none is a difference. `step` is the rise of the incidence."""

    def past(terms: FloatArray) -> FloatArray:
        return np.append(0.0, np.cumsum(terms)[:-1])

    left = np.where(n > d, n - d, 1.0)
    of_all = past(np.where(n > d, d / (n * left), 0.0))
    rise = step * of_all
    squares = np.cumsum(step * (2 * past(rise) + rise))
    cross = np.cumsum(step * past(step / n))
    own = np.cumsum(
        step**2 * np.divide(n - d_cause, n * d_cause, where=d_cause > 0, out=np.zeros_like(n))
    )
    return squares + own - 2 * cross


def incidence_limits(
    incidence: FloatArray, se: FloatArray, ci: ConfidenceType, level: float
) -> Limits:
    """The limits of `survival_limits` with the incidence in the place of survival, as in R's
    multi-state `survfit`. Where nobody had the event yet both are 0; NaN where `se` is.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(incidence > 0, se / incidence, 0.0) ** 2
    low, high = survival_limits(incidence, relative, ci, level)
    none, unknown = incidence == 0, np.isnan(se)
    low, high = (np.where(unknown, np.nan, np.where(none, 0.0, limit)) for limit in (low, high))
    return low, high
