"""What plots of single patients need: waterfalls, spiders and nadirs of Tg and lesion sums.

Site-only: every row is one patient. Changes are percent of the value before the drugs; days count
from protocol finish. A value below its limit stays a bound: the percentage is what the change is
at most, and `below_limit` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from analytics import thyroglobulin
from analytics.episode import Episode
from analytics.response import LesionSum
from analytics.study import Study
from analytics.thyroglobulin import TgValue

Timed = TypeVar("Timed", TgValue, LesionSum)


@dataclass(frozen=True, slots=True)
class Bar:
    """One patient's change (percent) in a waterfall, with the category of its colour.

    below_limit: the value after lies below its limit, so the change is at most `percent`.
    """

    patient_key: str
    episode: int
    percent: float
    below_limit: bool
    category: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The bars, from the greatest increase to the greatest decrease; `missing` has none."""

    bars: tuple[Bar, ...]
    missing: int


@dataclass(frozen=True, slots=True)
class Point:
    """A measurement `day` days from protocol finish: ng/mL or mm, or its limit, as it was taken.

    percent: of the value before the drugs; None without one, or where that was below its limit.
    """

    day: int
    value: float
    percent: float | None
    below_limit: bool = False
    above_limit: bool = False
    stimulated: bool = False
    tgab_positive: bool = False
    on_drug: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One patient's line of a spider plot, points by day."""

    patient_key: str
    episode: int
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Nadir:
    """The smallest value after finish, within the horizon; days from finish."""

    day: int
    value: float
    below_limit: bool


def tg_nadir(episode: Episode, study: Study) -> Nadir | None:
    """The smallest unstimulated Tg off the drugs; the first of equals.

    `<0.1` is smaller than 0.1, and of two values below a limit the lower limit is the nadir.
    """
    value = _lowest(episode, study)
    if value is None:
        return None
    return Nadir((value.day - episode.finish).days, float(value.high or 0), value.below_limit)


def ct_nadir(episode: Episode, study: Study) -> Nadir | None:
    """The smallest sum of target diameters; the first of equals."""
    found = _after(episode, episode.ct_series, study)
    if not found:
        return None
    day, scan = min(found, key=lambda row: (row[1].sum_mm, row[0]))
    return Nadir(day, float(scan.sum_mm), below_limit=False)


def tg_waterfall(episodes: Iterable[Episode], study: Study, at: str = "best") -> Waterfall:
    """Tg at a landmark (`3m`), or at its nadir (`best`), against the value before the drugs.

    Left out as missing: no value before, one below its limit, or a pair that the study's rules
    find not evaluable. Raises KeyError for an unknown landmark.
    """

    def bar(episode: Episode) -> Bar | None:
        prior = episode.tg["prior"]
        after = _lowest(episode, study) if at == "best" else episode.tg[at]
        before, category = _number(prior), thyroglobulin.category(prior, after, study)
        if not before or after is None or after.high is None or category == "not_evaluable":
            return None
        percent = 100 * (float(after.high) / before - 1)
        return _bar(episode, percent, after.below_limit, category)

    return _waterfall(episodes, bar)


def ct_waterfall(episodes: Iterable[Episode], study: Study, at: str = "best") -> Waterfall:
    """Sums of target diameters, as `tg_waterfall`; the category is the RECIST response.

    Raises KeyError for an unknown landmark.
    """

    def bar(episode: Episode) -> Bar | None:
        prior = episode.ct["prior"]
        after = ct_nadir(episode, study) if at == "best" else _ct_at(episode, at)
        category = episode.response.best if at == "best" else episode.response.at[at]
        if prior is None or not prior.sum_mm or after is None:
            return None
        percent = 100 * (after.value / float(prior.sum_mm) - 1)
        return _bar(episode, percent, False, category)

    return _waterfall(episodes, bar)


def tg_spider(episodes: Iterable[Episode]) -> tuple[Line, ...]:
    """Every Tg from the value before the drugs on; what a category leaves out is marked."""
    lines = []
    for episode in episodes:
        prior = episode.tg["prior"]
        start = prior.day if prior else episode.drugs.first_day
        points = tuple(
            _tg_point(episode, value) for value in episode.tg_series if value.day >= start
        )
        lines.append(Line(episode.patient_key, episode.number, points))
    return tuple(lines)


def ct_spider(episodes: Iterable[Episode]) -> tuple[Line, ...]:
    """Every sum of target diameters from the scan before the drugs on."""
    lines = []
    for episode in episodes:
        prior = episode.ct["prior"]
        start = prior.day if prior else episode.drugs.first_day
        base = float(prior.sum_mm) if prior else None
        points = tuple(
            Point(
                day=(scan.day - episode.finish).days,
                value=float(scan.sum_mm),
                percent=_percent(float(scan.sum_mm), base),
            )
            for scan in episode.ct_series
            if scan.day >= start
        )
        lines.append(Line(episode.patient_key, episode.number, points))
    return tuple(lines)


def _waterfall(episodes: Iterable[Episode], bar: Callable[[Episode], Bar | None]) -> Waterfall:
    drawn = [bar(episode) for episode in episodes]
    bars = [each for each in drawn if each is not None]
    bars.sort(key=lambda each: (-each.percent, each.patient_key, each.episode))
    return Waterfall(tuple(bars), len(drawn) - len(bars))


def _bar(episode: Episode, percent: float, below_limit: bool, category: str) -> Bar:
    return Bar(episode.patient_key, episode.number, percent, below_limit, category)


def _after(episode: Episode, series: Iterable[Timed], study: Study) -> list[tuple[int, Timed]]:
    days = [((each.day - episode.finish).days, each) for each in series]
    return [(day, each) for day, each in days if 0 < day <= study.horizon_days]


def _lowest(episode: Episode, study: Study) -> TgValue | None:
    found = [
        (value.high, not value.below_limit, day, value.ref, value)
        for day, value in _after(episode, episode.tg_series, study)
        if value.tsh_state != "stimulated" and not value.on_drug and value.high is not None
    ]
    return min(found, key=lambda row: row[:4])[4] if found else None


def _ct_at(episode: Episode, landmark: str) -> Nadir | None:
    scan = episode.ct[landmark]
    if scan is None:
        return None
    return Nadir((scan.day - episode.finish).days, float(scan.sum_mm), below_limit=False)


def _tg_point(episode: Episode, value: TgValue) -> Point:
    number = float(value.high if value.high is not None else value.low or Decimal(0))
    return Point(
        day=(value.day - episode.finish).days,
        value=number,
        percent=_percent(number, _number(episode.tg["prior"])),
        below_limit=value.below_limit,
        above_limit=value.high is None,
        stimulated=value.tsh_state == "stimulated",
        tgab_positive=bool(value.tgab_positive),
        on_drug=value.on_drug,
    )


def _number(value: TgValue | None) -> float | None:
    """The value, where it is a number above 0 and no bound."""
    return float(value.low) if value and value.exact and value.low else None


def _percent(value: float, base: float | None) -> float | None:
    return 100 * (value / base - 1) if base else None
