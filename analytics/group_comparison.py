"""Groups compared: differences of restricted means and milestones, and kin of the log-rank test.

All from the aggregate. The reference is the study's `reference_driver`, or the arm of that driver.
None of it is adjusted for the number of comparisons; the weighted tests are sensitivity analyses
of the log-rank test (statistics.md 3.5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from operator import add

from analytics.aggregate import Aggregate, arm
from analytics.errors import NotEstimable
from analytics.figures import Figures
from analytics.life_table import ExitTable
from analytics.logrank import LogRank, logrank, logrank_stratified
from analytics.logrank_weight import FlemingHarrington, Weight, gehan, tarone_ware
from analytics.milestone import milestone_difference
from analytics.restricted_mean import restricted_mean, restricted_mean_difference
from analytics.study import Study
from analytics.survival import kaplan_meier
from analytics.time_to_event import exit_table

WEIGHTS: Mapping[str, Weight] = {
    "gehan": gehan,
    "tarone_ware": tarone_ware,
    "fleming_harrington_early": FlemingHarrington(rho=1, gamma=0),
    "fleming_harrington_late": FlemingHarrington(rho=0, gamma=1),
}
DIFFERENCE = ("", "_se", "_low", "_high", "_p")
NO_ERROR = "a group has no standard error: nobody had the event, or all had it at once"
NOT_BY_SITE = "the aggregate does not tell sites apart"
ONE_SITE = "there is one site only"


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Tables of groups by label, of those who were followed, and the group of reference."""

    by: str
    tables: dict[str, ExitTable]
    reference: str


def group_comparison_figures(cells: Aggregate, study: Study, figures: Figures) -> None:
    """Differences by driver and by arm, weighted tests by driver and by arm, stratified tests."""
    drivers = _tables(cells, "driver")
    by_arm: dict[str, list[ExitTable]] = {}
    for code, table in drivers.items():
        by_arm.setdefault(arm(study, code), []).append(table)
    labelled = {study.driver(code).label: table for code, table in drivers.items()}
    reference = study.driver(study.reference_driver)
    arms = {name: reduce(add, tables) for name, tables in sorted(by_arm.items())}
    for found in (
        _Comparison("driver", labelled, reference.label),
        _Comparison("arm", arms, arm(study, reference.code)),
    ):
        _differences(found, study, figures)
        for name, weight in WEIGHTS.items():
            _test(f"{name}_{found.by}", partial(logrank, found.tables, weight), figures)
    _test("arm_logrank", partial(logrank, arms), figures)
    _stratified(cells, figures)


def _tables(cells: Aggregate, stratifier: str) -> dict[str, ExitTable]:
    """The exits of each group in which somebody was followed."""
    found = {
        value: exit_table(cells.stratum(stratifier, value)) for value in cells.strata(stratifier)
    }
    return {value: table for value, table in found.items() if table.n_patients}


def _differences(found: _Comparison, study: Study, figures: Figures) -> None:
    """Each group minus the reference: restricted mean (days), survival at the milestones."""
    base = found.tables.get(found.reference)
    names = {f"rmst_{study.horizon_days}": study.horizon_days}
    names |= {f"km_{day}": day for day in study.milestones}
    for label, table in found.tables.items():
        if label == found.reference:
            continue
        for name, day in names.items():
            stem = f"{name}_{found.by}_diff"
            try:
                if base is None:
                    raise NotEstimable(f"nobody of the reference {found.by} was followed")
                values = _difference(table, base, day, name.startswith("km_"))
            except NotEstimable as error:
                for part in DIFFERENCE:
                    figures.missing(f"{stem}{part}:{label}", error.reason)
                continue
            for part, value in zip(DIFFERENCE, values, strict=True):
                figures[f"{stem}{part}:{label}"] = value


def _difference(
    table: ExitTable, base: ExitTable, day: int, milestone: bool
) -> tuple[float, float, float, float, float]:
    """Difference, standard error, limits and p, at or up to `day`.

    Raises NotEstimable where only one group has an error: a test against one patient, say, would
    take the other's value for certain.
    """
    if milestone:
        ends = kaplan_meier(table).at(day), kaplan_meier(base).at(day)
        if not all(end.se for end in ends):
            raise NotEstimable(NO_ERROR)
        at = milestone_difference(*ends)
        return at.difference, at.se, at.low, at.high, at.p
    means = restricted_mean(table, day), restricted_mean(base, day)
    if not all(each.se for each in means):
        raise NotEstimable(NO_ERROR)
    mean = restricted_mean_difference(*means)
    return mean.difference, mean.se, mean.low, mean.high, mean.p


def _stratified(cells: Aggregate, figures: Figures) -> None:
    """Drivers compared within each site, and sites within each driver."""
    for compared, within in (("driver", "site"), ("site", "driver")):
        _test(
            f"stratified_{compared}_by_{within}",
            partial(_within, cells, compared, within),
            figures,
        )


def _within(cells: Aggregate, compared: str, within: str) -> LogRank:
    """Raises NotEstimable where there is one site, or none is told apart."""
    if "site" not in cells.header.stratifiers:
        raise NotEstimable(NOT_BY_SITE)
    if len(cells.strata("site")) < 2:
        raise NotEstimable(ONE_SITE)
    strata = (cells.stratum(within, value) for value in cells.strata(within))
    return logrank_stratified(_tables(stratum, compared) for stratum in strata)


def _test(name: str, test: Callable[[], LogRank], figures: Figures) -> None:
    try:
        found = test()
    except NotEstimable as error:
        for part in ("chi2", "df", "p"):
            figures.missing(f"{name}_{part}", error.reason)
        return
    figures[f"{name}_chi2"], figures[f"{name}_df"], figures[f"{name}_p"] = (
        found.chi2,
        found.df,
        found.p,
    )
