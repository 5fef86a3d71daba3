"""The second, site-only path: figures that need single patients.

Minima, maxima and medians of rows are a patient's own value. They are made from episodes, never
from an aggregate, and their type is accepted by nothing that leaves a site.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from analytics.course import MBQ_PER_MCI
from analytics.episode import Course, Episode
from analytics.study import Study


@dataclass(frozen=True, slots=True)
class SiteFigures:
    """Figures of single patients, by name; None where nobody has the value."""

    figures: dict[str, float | int | None]


def site_figures(courses: Iterable[Course], study: Study) -> SiteFigures:
    """Extremes and medians over the counted episodes (mCi, percent, days, years)."""
    episodes = [
        episode
        for course in courses
        for episode in (course.episodes if study.unit == "episode" else course.episodes[:1])
    ]
    figures: dict[str, float | int | None] = {}
    for name, values in _series(episodes, study).items():
        figures[f"{name}_min"] = min(values, default=None)
        figures[f"{name}_max"] = max(values, default=None)
        figures[f"{name}_median"] = statistics.median(values) if values else None
    return SiteFigures(figures)


def _series(episodes: list[Episode], study: Study) -> dict[str, list[float | int]]:
    positive_from = Decimal(str(study.pdl1_positive_from_pct))
    return {
        "age_years": [e.age_years for e in episodes if e.age_years is not None],
        "prior_rai_mci": [_mci(e.prior_rai_mbq) for e in episodes if e.prior_rai_mbq is not None],
        "redifferentiation_rai_mci": [
            _mci(e.rai.activity_mbq) for e in episodes if e.rai and e.rai.activity_mbq is not None
        ],
        "max_tolerated_mci": [
            _mci(e.max_tolerated_mbq) for e in episodes if e.max_tolerated_mbq is not None
        ],
        "pdl1_positive_pct": [
            _plain(e.profile.pdl1_pct)
            for e in episodes
            if e.profile.pdl1_pct is not None and e.profile.pdl1_pct >= positive_from
        ],
        "drug_days": [span.days for e in episodes for span in e.drugs.spans if span.days],
        "follow_up_days": [e.follow_up.days for e in episodes],
    }


def _mci(mbq: Decimal) -> float | int:
    return _plain(mbq / MBQ_PER_MCI)


def _plain(value: Decimal) -> float | int:
    return int(value) if value == value.to_integral_value() else float(value)
