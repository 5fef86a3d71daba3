"""The table of milestones: how many are free of progression at the study's days, by group."""

from __future__ import annotations

from collections.abc import Mapping

from adapter.abstract import rounded
from adapter.tables import Table
from analytics.errors import NotEstimable
from analytics.life_table import ExitTable
from analytics.restricted_mean import restricted_mean
from analytics.study import Study
from analytics.survival import kaplan_meier

NONE = "NE"
NOTE = "95 % interval in brackets; NE: not estimable."


def milestones(groups: Mapping[str, ExitTable], study: Study) -> Table:
    """S(t) with its interval at the study's milestones, and the restricted mean, of each group."""
    days = [day for day in study.milestones if day <= study.horizon_days]
    mean = f"restricted mean to day {study.horizon_days} (SE)"
    rows = [
        (
            group,
            f"{table.n_patients:,}",
            *(_at(table, day, study) for day in days),
            _mean(table, study),
        )
        for group, table in groups.items()
    ]
    columns = ("", "followed", *(f"S({day})" for day in days), mean)
    return Table("Free of progression at milestones", columns, rows, (NOTE,))


def _at(table: ExitTable, day: int, study: Study) -> str:
    if not table.n_patients:
        return NONE
    point = kaplan_meier(table).at(day, ci=study.confidence_interval)
    return rounded(point.surv, 3) + interval(point.low, point.high)


def _mean(table: ExitTable, study: Study) -> str:
    try:
        found = restricted_mean(table, study.horizon_days)
    except NotEstimable:
        return NONE
    return f"{rounded(found.mean, 2)} d ({rounded(found.se, 2)})"


def interval(low: float | None, high: float | None) -> str:
    """The limits of a fraction, in brackets after it."""
    if low is None or high is None:
        return f" ({NONE})"
    return f" ({rounded(low, 3)} to {rounded(high, 3)})"
