"""The second, site-only path: figures that need single patients.

Minima, maxima and medians of rows are a patient's own value, and paired tests need each patient's
own change. They are made from episodes, never from an aggregate, and their type is accepted by
nothing that leaves a site.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from analytics import ata_response
from analytics.course import MBQ_PER_MCI
from analytics.episode import Course, Episode, pairs
from analytics.figures import Figures, Value
from analytics.paired_thyroglobulin import paired_figures
from analytics.patient_series import tg_nadir
from analytics.study import Study
from analytics.thyroglobulin_kinetics import Kinetics, kinetics, segments

SEGMENTS = ("before", "after")


@dataclass(frozen=True, slots=True)
class SiteFigures:
    """Figures of single patients, by name; None where nobody has the value, or with the reason
    in `not_estimable`."""

    figures: dict[str, Value]
    not_estimable: dict[str, str] = field(default_factory=dict)


def site_figures(courses: Iterable[Course], study: Study) -> SiteFigures:
    """Extremes and medians over the counted episodes (mCi, GBq, percent, days, years), paired
    tests of thyroglobulin, its kinetics, and ATA classes."""
    episodes = counted_episodes(courses, study)
    figures = Figures()
    for name, values in _series(episodes, study).items():
        _spread(name, values, figures)
    nadirs = [tg_nadir(episode, study) for episode in episodes]
    figures["tg_nadir_below_limit_n"] = sum(bool(each and each.below_limit) for each in nadirs)
    for before, after in pairs(study):
        paired_figures(episodes, f"{before}_to_{after}", figures)
    _kinetics_figures(episodes, study, figures)
    _ata_figures(episodes, study, figures)
    return SiteFigures(figures.values, figures.not_estimable)


def counted_episodes(courses: Iterable[Course], study: Study) -> list[Episode]:
    """The episodes that figures are made of: a patient's first, or all (`unit`)."""
    return [
        episode
        for course in courses
        for episode in (course.episodes if study.unit == "episode" else course.episodes[:1])
    ]


def _spread(name: str, values: Sequence[float | int], figures: Figures) -> None:
    if not values:
        for part in ("min", "max", "median"):
            figures.missing(f"{name}_{part}", "nobody has the value")
        return
    figures[f"{name}_min"], figures[f"{name}_max"] = min(values), max(values)
    figures[f"{name}_median"] = statistics.median(values)


def tg_kinetics(episode: Episode, study: Study) -> dict[str, Kinetics]:
    """Doubling or halving of thyroglobulin `before` the drugs and `after` protocol finish."""
    cut = segments(
        episode.tg_series, episode.drugs.first_day, episode.finish, episode.other_treatment
    )
    return {name: kinetics(getattr(cut, name), study) for name in SEGMENTS}


def ata_classes(episode: Episode, study: Study) -> dict[str, dict[str, str]]:
    """TSH state -> landmark -> the ATA 2015 class of the Tg value taken in that state."""
    found: dict[str, dict[str, str]] = {}
    for state in ata_response.CUTS:
        for mark in study.landmarks:
            value = ata_response.value_at(episode.tg_series, episode.finish, mark, state)
            seen = ata_response.evidence_at(
                value, episode.tg_series, episode.ct[mark.name], episode.response.at[mark.name]
            )
            found.setdefault(state, {})[mark.name] = ata_response.ata_class(value, seen)
    return found


def _kinetics_figures(episodes: list[Episode], study: Study, figures: Figures) -> None:
    """Classes, and the median doubling and halving time in years, of each segment."""
    every = [tg_kinetics(episode, study) for episode in episodes]
    for segment in SEGMENTS:
        found = [each[segment] for each in every]
        counts = Counter(each.category for each in found)
        for category, n in sorted(counts.items()):
            figures[f"tg_kinetics_{segment}_n:{category}"] = n
        for what, doubles in (("doubling", True), ("halving", False)):
            times = [
                each.time_years for each in found if each.time_years and each.doubles is doubles
            ]
            figures[f"tg_{what}_years_{segment}_n"] = len(times)
            _spread(f"tg_{what}_years_{segment}", times, figures)


def _ata_figures(episodes: list[Episode], study: Study, figures: Figures) -> None:
    """Patients in each ATA class, at each landmark and by TSH state."""
    every = [ata_classes(episode, study) for episode in episodes]
    for state in ata_response.CUTS:
        for mark in study.landmarks:
            counts = Counter(each[state][mark.name] for each in every)
            for category in ata_response.CLASSES:
                figures[f"ata_{state}_{mark.name}_n:{category}"] = counts[category]


def _series(episodes: list[Episode], study: Study) -> dict[str, list[float | int]]:
    positive_from = Decimal(str(study.pdl1_positive_from_pct))
    nadirs = [tg_nadir(episode, study) for episode in episodes]
    return {
        "age_years": [e.age_years for e in episodes if e.age_years is not None],
        "prior_rai_mci": _mci(e.prior_rai_mbq for e in episodes),
        "redifferentiation_rai_mci": _mci(e.rai_mbq for e in episodes),
        "cumulative_rai_mci": _mci(e.cumulative_rai_mbq for e in episodes),
        "max_tolerated_mci": _mci(e.max_tolerated_mbq for e in episodes),
        "absorbed_dose_gy": _stated(e.absorbed_dose.gy for e in episodes),
        "absorbed_dose_gy_per_gbq": _stated(e.absorbed_dose.gy_per_gbq for e in episodes),
        "dose_intensity_pct": _stated(
            drug.relative and 100 * drug.relative for e in episodes for drug in e.dose_intensity
        ),
        "pdl1_positive_pct": [
            _plain(e.profile.pdl1_pct)
            for e in episodes
            if e.profile.pdl1_pct is not None and e.profile.pdl1_pct >= positive_from
        ],
        "drug_days": [span.days for e in episodes for span in e.drugs.spans if span.days],
        "follow_up_days": [e.follow_up.days for e in episodes],
        "tg_nadir_ng_ml": [each.value for each in nadirs if each and not each.below_limit],
        "tg_nadir_day": [each.day for each in nadirs if each],
    }


def _mci(activities: Iterable[Decimal | None]) -> list[float | int]:
    return [_plain(mbq / MBQ_PER_MCI) for mbq in activities if mbq is not None]


def _stated(values: Iterable[Decimal | None]) -> list[float | int]:
    return [_plain(value) for value in values if value is not None]


def _plain(value: Decimal) -> float | int:
    return int(value) if value == value.to_integral_value() else float(value)
