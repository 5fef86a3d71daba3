"""Rows behind plots and tables of a notebook: curves, waterfall, spider, swimmer, Table 1.

Each set of rows has its columns beside it, name -> kind (`adapter.episode_table`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from math import log10
from typing import TYPE_CHECKING, Any

from adapter.episode_table import Kind
from adapter.errors import UsageError
from analytics import patient_series
from analytics.aggregate import STRATIFIERS
from analytics.course import MBQ_PER_MCI
from analytics.episode import Episode
from analytics.life_table import ExitTable
from analytics.study import Study
from analytics.survival import kaplan_meier
from analytics.table_one import Categories, Spread, table_one
from analytics.time_to_event import exit_table

if TYPE_CHECKING:
    from adapter.evaluate import Evaluation

Columns = Mapping[str, Kind]
Row = tuple[Any, ...]

EXIT: Columns = {
    "group": "text", "day": "number", "at_risk": "whole", "events": "whole", "censored": "whole",
}  # fmt: skip
CURVE: Columns = {
    "group": "text", "day": "number", "survival": "number", "se": "number", "low": "number",
    "high": "number", "at_risk": "whole", "events": "whole", "censored": "whole",
}  # fmt: skip
BAR: Columns = {
    "patient_key": "text", "episode": "whole", "percent": "number", "below_limit": "flag",
    "category": "text",
}  # fmt: skip
POINT: Columns = {
    "patient_key": "text", "episode": "whole", "day": "whole", "value": "number",
    "log10_value": "number", "percent": "number", "below_limit": "flag", "above_limit": "flag",
    "stimulated": "flag", "tgab_positive": "flag", "on_drug": "flag",
}  # fmt: skip
SEGMENT: Columns = {
    "patient_key": "text", "episode": "whole", "kind": "text", "label": "text",
    "first_day": "whole", "last_day": "whole",
}  # fmt: skip
TABLE_ONE: Columns = {
    "variable": "text", "level": "text", "group": "text", "n": "whole", "percent": "number",
    "missing": "whole", "mean": "number", "sd": "number", "median": "number", "q1": "number",
    "q3": "number", "low": "number", "high": "number", "smd": "number",
}  # fmt: skip
ALL = "all"


def exit_rows(evaluation: Evaluation, by: str | None) -> Iterator[Row]:
    """Exits of each group. Raises UsageError for a stratifier that was not asked for."""
    for group, table in _tables(evaluation, by).items():
        columns = (table.times, table.n_risk, table.events, table.censored)
        for row in zip(*(column.tolist() for column in columns), strict=True):
            yield group, *row


def curve_rows(evaluation: Evaluation, by: str | None) -> Iterator[Row]:
    """Kaplan-Meier of each group in which somebody was followed, from day 0. Raises as above."""
    ci = evaluation.study.confidence_interval
    for group, table in _tables(evaluation, by).items():
        if not table.n_patients:
            continue
        curve = kaplan_meier(table)
        if table.times[0] > 0:
            yield group, 0.0, 1.0, 0.0, 1.0, 1.0, table.n_patients, 0, 0
        for day, events, left in zip(table.times, table.events, table.censored, strict=True):
            at = curve.at(float(day), ci=ci)
            yield group, at.time, at.surv, at.se, at.low, at.high, at.n_risk, events, left


def _tables(evaluation: Evaluation, by: str | None) -> dict[str, ExitTable]:
    cells = evaluation.aggregate
    if by is None:
        return {ALL: exit_table(cells)}
    if by not in cells.header.stratifiers:
        known = ", ".join(cells.header.stratifiers)
        raise UsageError(
            f"the cohort is not split by {by!r}", hint=f"open it with that stratifier; has {known}"
        )
    return {value: exit_table(cells.stratum(by, value)) for value in cells.strata(by)}


def bars(what: str, episodes: Iterable[Episode], study: Study, at: str) -> Iterator[Row]:
    """A waterfall. Raises UsageError for something else than tg and ct, or another landmark."""
    drawn = {"tg": patient_series.tg_waterfall, "ct": patient_series.ct_waterfall}
    marks = ["best", *(mark.name for mark in study.landmarks)]
    if at not in marks:
        raise UsageError(f"no landmark {at!r}", hint=f"there are {', '.join(marks)}")
    for bar in _chosen(what, drawn)(episodes, study, at).bars:
        yield bar.patient_key, bar.episode, bar.percent, bar.below_limit, bar.category


def points(what: str, episodes: Iterable[Episode]) -> Iterator[Row]:
    """A spider plot. Raises UsageError for something else than tg and ct."""
    drawn = {"tg": patient_series.tg_spider, "ct": patient_series.ct_spider}
    for line in _chosen(what, drawn)(episodes):
        for at in line.points:
            log = log10(at.value) if at.value > 0 else None
            marks = (at.below_limit, at.above_limit, at.stimulated, at.tgab_positive, at.on_drug)
            yield line.patient_key, line.episode, at.day, at.value, log, at.percent, *marks


def _chosen(what: str, known: Mapping[str, Any]) -> Any:
    if what not in known:
        raise UsageError(f"nothing is drawn of {what!r}", hint=f"there are {', '.join(known)}")
    return known[what]


def segments(episodes: Iterable[Episode]) -> Iterator[Row]:
    """A swimmer plot: spans (a drug, follow-up) and single days (radioiodine, the outcome).

    A drug without a stated end lasts the day on which it began.
    """
    for episode in episodes:
        for kind, label, first, last in _parts(episode):
            yield episode.patient_key, episode.number, kind, label, first, last


def _parts(episode: Episode) -> Iterator[tuple[str, str, int, int]]:
    def day(when: date) -> int:
        return (when - episode.finish).days

    for span in episode.drugs.spans:
        yield "drug", span.ingredient, day(span.first_day), day(span.last_day or span.first_day)
    for dose in (*episode.prior_rai, *([episode.rai] if episode.rai else [])):
        yield "radioiodine", _activity(dose.activity_mbq), day(dose.day), day(dose.day)
    seen = episode.follow_up
    if seen.reason != "no_follow_up":
        yield "follow_up", seen.reason, 0, seen.days
    if seen.outcome and seen.outcome[0] != "censored":
        yield "outcome", seen.outcome[0], seen.outcome[1], seen.outcome[1]


def _activity(mbq: Decimal | None) -> str:
    if mbq is None:
        return "unknown"
    return f"{mbq / MBQ_PER_MCI:.0f} mCi ({mbq / 1000:.2f} GBq)"


def table_one_rows(evaluation: Evaluation, by: str | None) -> Iterator[Row]:
    """Table 1, numbers first. A category's `missing` is its variable's. Raises UsageError for a
    `by` that is no stratifier."""
    if by is not None and by not in STRATIFIERS:
        raise UsageError(f"no groups by {by!r}", hint=f"stratifiers: {', '.join(STRATIFIERS)}")
    found = table_one(evaluation.courses, evaluation.study, by)
    for row in found.numbers:
        for group, spread in {ALL: row.overall, **row.groups}.items():
            yield row.name, "", group, spread.n, None, spread.missing, *_spread(spread), row.smd
    for kept in found.counts.rows:
        for group, held in {ALL: kept.overall, **kept.groups}.items():
            for level in kept.overall.counts:
                yield kept.name, level, group, *_share(held, level), *[None] * 7, kept.smd


def _spread(found: Spread) -> Row:
    return (found.mean, found.sd, found.median, found.q1, found.q3, found.low, found.high)


def _share(found: Categories, level: str) -> Row:
    return found.counts.get(level, 0), found.percent(level), found.missing
