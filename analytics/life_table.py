"""The table of exits by time, all that the survival estimators see of the patients.

Integer counts of events and censorings at each distinct time, and of late entries. Tables of
disjoint patients add up to the table of all, so a sum over sites gives what the rows would
(statistics.md section 6). At a tie events come before censorings, and both before entries: who is
censored at t is at risk at t, who enters at t is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from analytics.counts import FloatArray, IntArray, whole_numbers
from analytics.delayed_entry import Entries


@dataclass(frozen=True, slots=True, eq=False)
class ExitTable:
    """Exits at K distinct times, ascending; times may be 0, no row is empty.

    `times`: float (K,), any unit; `events`, `censored`: int (K,), patients; `entries`: who of
    them enters late. The arrays are read-only. Build one with `from_counts` or `from_exits`; the
    constructor takes canonical rows only and raises ValueError for others.
    """

    times: FloatArray
    events: IntArray
    censored: IntArray
    entries: Entries = field(default_factory=Entries.none)

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
        # whoever enters at t or later must leave after t
        leaving = self._leaving[np.searchsorted(self.times, self.entries.times, side="right")]
        if np.any(self.entries.at_or_after(self.entries.times) > leaving):
            raise ValueError("more patients enter than leave later: exit must follow entry")
        for column in (self.times, self.events, self.censored):
            column.flags.writeable = False

    @classmethod
    def empty(cls) -> ExitTable:
        """The table of no patients, the zero of `+`."""
        return cls.from_counts([], [], [])

    @classmethod
    def from_counts(
        cls,
        times: ArrayLike,
        events: ArrayLike,
        censored: ArrayLike,
        entries: Entries | None = None,
    ) -> ExitTable:
        """Rows in any order; rows of one time are added, rows of zeros are left out.

        Raises ValueError for unequal lengths, counts that are not whole numbers >= 0, times
        that are not finite numbers >= 0, or more late entries than later exits.
        """
        column = np.asarray(times, dtype=np.float64)
        # each is checked before they are added, where a negative count could hide
        n_events, n_censored = whole_numbers(events), whole_numbers(censored)
        if not column.shape == n_events.shape == n_censored.shape == (column.size,):
            raise ValueError("times, events and censored must be three columns of one length")
        distinct, row = np.unique(column, return_inverse=True)
        total_events = np.zeros(distinct.size, dtype=np.int64)
        total_censored = np.zeros(distinct.size, dtype=np.int64)
        np.add.at(total_events, row, n_events)
        np.add.at(total_censored, row, n_censored)
        held = total_events + total_censored > 0
        return cls(
            distinct[held], total_events[held], total_censored[held], entries or Entries.none()
        )

    @classmethod
    def from_exits(
        cls, times: ArrayLike, events: ArrayLike, entered: ArrayLike | None = None
    ) -> ExitTable:
        """One row per patient: the exit time, and 1 or True for an event, 0 for censored.

        `entered`: the time of entry, -inf (or None for all) for who is there from the start.
        Raises ValueError as `from_counts` does, for a flag other than 0 and 1, and for an entry
        that is not before its exit.
        """
        flags = whole_numbers(events)
        if entered is None:
            return cls.from_counts(times, flags, 1 - flags)
        if np.any(np.asarray(entered) >= np.asarray(times)):
            raise ValueError("exit must follow entry")
        return cls.from_counts(times, flags, 1 - flags, Entries.from_times(entered))

    @property
    def _leaving(self) -> IntArray:
        """How many leave at each time or later, and 0 after the last, int (K + 1,)."""
        return np.append(np.cumsum((self.events + self.censored)[::-1])[::-1], 0)

    @property
    def n_patients(self) -> int:
        return int(self.events.sum() + self.censored.sum())

    @property
    def n_risk(self) -> IntArray:
        """At risk at each time: those who exit then or later and have entered, int (K,)."""
        return self.at_risk(self.times)

    def at_risk(self, times: ArrayLike) -> IntArray:
        """At risk just before each of `times`, which need not be in the table."""
        staying = self._leaving[np.searchsorted(self.times, times, side="left")]
        return np.asarray(staying - self.entries.at_or_after(times), dtype=np.int64)

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
            self.entries + other.entries,
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ExitTable)
            and np.array_equal(self.times, other.times)
            and np.array_equal(self.events, other.events)
            and np.array_equal(self.censored, other.censored)
            and self.entries == other.entries
        )
