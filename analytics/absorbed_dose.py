"""The absorbed dose that dosimetry of a course states for a lesion.

Of several lesions or days it is the largest, since one lesion that reaches the dose was what let a
patient be treated (Ho 2013, N Engl J Med 368:623: at least 20 Gy to a lesion). Which lesion it is
of is not kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from analytics.course import Dosimetry
from analytics.study import Study


@dataclass(frozen=True, slots=True)
class AbsorbedDose:
    """The largest dose of a lesion in Gy, and in Gy for each GBq given; None if not stated."""

    gy: Decimal | None = None
    gy_per_gbq: Decimal | None = None

    @property
    def stated(self) -> bool:
        return self.gy is not None or self.gy_per_gbq is not None


def absorbed_dose(
    dosimetry: Iterable[Dosimetry], first: date, following: date | None, study: Study
) -> AbsorbedDose:
    """Of results from the course's first day to the end of its window, the next course at most.

    Results after the therapeutic dose count: that is when the dose of a treatment is measured.
    """
    last = first + timedelta(days=study.window_after_days)
    own = [
        fact
        for fact in dosimetry
        if (day := fact.date.day(study.date_policy) if fact.date else None)
        and first <= day <= last
        and (following is None or day < following)
    ]
    return AbsorbedDose(
        gy=_largest(fact.absorbed_dose_gy for fact in own),
        gy_per_gbq=_largest(fact.absorbed_dose_gy_per_gbq for fact in own),
    )


def _largest(doses: Iterable[Decimal | None]) -> Decimal | None:
    return max((dose for dose in doses if dose is not None), default=None)
