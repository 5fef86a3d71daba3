"""The table of exits by time, all that the survival estimators see of the patients.

Integer counts of events and censorings at each distinct time. Tables of disjoint patients add up
to the table of all, so a sum over sites gives what the rows would (statistics.md section 6). At a
tie events come before censorings: who is censored at t is at risk at t.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ExitTable:
    """Exits at K distinct times, ascending; times may be 0, no row is empty.

    `times`: float (K,), any unit; `events`, `censored`: int (K,), patients. The arrays are
    read-only. Build one with `from_counts` or `from_exits`; the constructor takes canonical rows
    only and raises ValueError for others.
    """

    times: FloatArray
    events: IntArray
    censored: IntArray

    def __post_init__(self) -> None:
        if not self.times.shape == self.events.shape == self.censored.shape == (self.times.size,):
            raise ValueError("times, events and censored must be three columns of one length")
        if not np.all(np.isfinite(self.times)) or np.any(self.times < 0):
            raise ValueError("times must be finite and not negative")
        if np.any(np.diff(self.times) <= 0):
            raise ValueError("times must be distinct and ascending")
        if np.any(self.events < 0) or np.any(self.censored < 0):
            raise ValueError("counts cannot be negative")
        if np.any(self.events + self.censored == 0):
            raise ValueError("a row without exits")
        for column in (self.times, self.events, self.censored):
            column.flags.writeable = False

    @classmethod
    def empty(cls) -> ExitTable:
        """The table of no patients, the zero of `+`."""
        return cls.from_counts([], [], [])

    @classmethod
    def from_counts(cls, times: ArrayLike, events: ArrayLike, censored: ArrayLike) -> ExitTable:
        """Rows in any order; rows of one time are added, rows of zeros are left out.

        Raises ValueError for unequal lengths, counts that are not whole numbers >= 0, or times
        that are not finite numbers >= 0.
        """
        column = np.asarray(times, dtype=np.float64)
        n_events, n_censored = _counts(events), _counts(censored)
        if not column.shape == n_events.shape == n_censored.shape == (column.size,):
            raise ValueError("times, events and censored must be three columns of one length")
        # before they are added, where a negative count could hide
        if np.any(n_events < 0) or np.any(n_censored < 0):
            raise ValueError("counts cannot be negative")
        distinct, row = np.unique(column, return_inverse=True)
        total_events = np.zeros(distinct.size, dtype=np.int64)
        total_censored = np.zeros(distinct.size, dtype=np.int64)
        np.add.at(total_events, row, n_events)
        np.add.at(total_censored, row, n_censored)
        held = total_events + total_censored > 0
        return cls(distinct[held], total_events[held], total_censored[held])

    @classmethod
    def from_exits(cls, times: ArrayLike, events: ArrayLike) -> ExitTable:
        """One entry per patient: the exit time, and 1 or True for an event, 0 for censored.

        Raises ValueError as `from_counts` does, and for a flag other than 0 and 1.
        """
        flags = _counts(events)
        return cls.from_counts(times, flags, 1 - flags)

    @property
    def n_patients(self) -> int:
        return int(self.events.sum() + self.censored.sum())

    @property
    def n_risk(self) -> IntArray:
        """At risk just before each time: those who exit then or later, int (K,)."""
        return np.cumsum((self.events + self.censored)[::-1])[::-1]

    def at_risk(self, times: ArrayLike) -> IntArray:
        """At risk just before each of `times`, which need not be in the table."""
        return np.append(self.n_risk, 0)[np.searchsorted(self.times, times, side="left")]

    def events_at(self, times: FloatArray) -> IntArray:
        """Events at each of `times`, 0 where the table has no such time."""
        row = np.searchsorted(self.times, times, side="left")
        found = np.append(self.times, np.nan)[row] == times
        return np.where(found, np.append(self.events, 0)[row], 0)

    def __add__(self, other: ExitTable) -> ExitTable:
        """The table of both groups of patients, on the union of times."""
        return ExitTable.from_counts(
            np.concatenate([self.times, other.times]),
            np.concatenate([self.events, other.events]),
            np.concatenate([self.censored, other.censored]),
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ExitTable)
            and np.array_equal(self.times, other.times)
            and np.array_equal(self.events, other.events)
            and np.array_equal(self.censored, other.censored)
        )


def _counts(values: ArrayLike) -> IntArray:
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "biu":
        raise ValueError(f"counts must be whole numbers, not {array.dtype}")
    return array.astype(np.int64)
