"""Delayed entry (left truncation): who comes under observation after time 0.

At risk at t = entered before t and not yet left. So the count tables need the entry times alone,
not who of those leaves when (statistics.md 3, *Left truncation*; Klein and Moeschberger 2003,
*Survival Analysis*, section 4.6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.counts import FloatArray, IntArray, whole_numbers


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Patients who enter late, by time: `times` (K,) distinct, ascending; `counts` (K,) > 0.

    Who enters at t is at risk after t, not at t: entry < t <= exit. Who is not counted here is
    under observation from the start, also for an event at time 0.
    """

    times: FloatArray
    counts: IntArray

    def __post_init__(self) -> None:
        for column in (self.times, self.counts):
            column.flags.writeable = False

    @classmethod
    def none(cls) -> Entries:
        """Nobody enters late, the zero of `+`."""
        return cls.from_counts([], [])

    @classmethod
    def from_counts(cls, times: ArrayLike, counts: ArrayLike) -> Entries:
        """Rows in any order; rows of one time are added, rows of zeros are left out.

        Raises ValueError for unequal lengths, counts that are not whole numbers >= 0, or times
        that are not finite numbers >= 0.
        """
        column, numbers = np.asarray(times, dtype=np.float64), whole_numbers(counts)
        if not column.shape == numbers.shape == (column.size,):
            raise ValueError("times and counts of entry must be two columns of one length")
        if not np.all(np.isfinite(column)) or np.any(column < 0):
            raise ValueError("times must be finite and not negative")
        distinct, row = np.unique(column[numbers > 0], return_inverse=True)
        totals = np.zeros(distinct.size, dtype=np.int64)
        np.add.at(totals, row, numbers[numbers > 0])
        return cls(distinct, totals)

    @classmethod
    def from_times(cls, times: ArrayLike) -> Entries:
        """One entry time per patient; -inf for who is under observation from the start."""
        column = np.asarray(times, dtype=np.float64)
        late = column[~np.isneginf(column)]
        return cls.from_counts(late, np.ones(late.size, dtype=np.int64))

    def at_or_after(self, times: ArrayLike) -> IntArray:
        """How many are still to enter at each of `times`, that time included."""
        left = np.append(np.cumsum(self.counts[::-1])[::-1], 0)
        return np.asarray(left[np.searchsorted(self.times, times, side="left")], dtype=np.int64)

    def __add__(self, other: Entries) -> Entries:
        return Entries.from_counts(
            np.concatenate([self.times, other.times]), np.concatenate([self.counts, other.counts])
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Entries)
            and np.array_equal(self.times, other.times)
            and np.array_equal(self.counts, other.counts)
        )
