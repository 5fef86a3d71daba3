"""Time to progression: named figures from the aggregate's exit cells.

The estimators are in `analytics.survival`; this module only builds their tables and names what
they give. Bins wider than a day stand at their midpoints (`docs/statistics.md`).
"""

from __future__ import annotations

from analytics.aggregate import TIME_TO_PROGRESSION, Aggregate
from analytics.cox import cox
from analytics.errors import NotEstimable
from analytics.figures import Figures
from analytics.life_table import ExitTable
from analytics.logrank import logrank
from analytics.proportion import clopper_pearson
from analytics.restricted_mean import restricted_mean
from analytics.study import Study
from analytics.survival import kaplan_meier, quantile

NO_FOLLOW_UP = "nobody was followed after protocol finish"


def exit_table(cells: Aggregate) -> ExitTable:
    """The endpoint's exits over all patterns of these cells, times in days."""
    counts = cells.exit_counts(TIME_TO_PROGRESSION)
    leaving = {
        number: (kinds.get("event", 0), kinds.get("censored", 0))
        for number, kinds in counts.items()
        if kinds.get("event", 0) + kinds.get("censored", 0)
    }
    width = cells.header.grid_days
    return ExitTable.from_counts(
        [midpoint(number, width) for number in leaving],
        [events for events, _ in leaving.values()],
        [censored for _, censored in leaving.values()],
    )


def midpoint(number: int, width: int) -> float:
    """The time, in days, at which the exits of a bin stand."""
    return float(number) if width == 1 or number == 0 else width * (number - 0.5)


def time_figures(cells: Aggregate, study: Study, figures: Figures) -> None:
    """Events, milestones, median and restricted mean of one group."""
    horizon = study.horizon_days
    _event_counts(cells, study, figures)
    for reason, n in cells.categories("observation_ended").items():
        figures[f"observation_ended_n:{reason}"] = n
    table = exit_table(cells)
    if not len(table.times):
        interval = ("", "_low", "_high")
        names = [f"km_{day}{part}" for day in study.milestones for part in (*interval, "_se")]
        names += [f"ttp_median{part}" for part in interval]
        names += [f"rmst_{horizon}{part}" for part in ("_days", "_se", "_low", "_high")]
        for name in names:
            figures.missing(name, NO_FOLLOW_UP)
        return
    curve = kaplan_meier(table)
    for day in study.milestones:
        point = curve.at(day, ci=study.confidence_interval)
        figures[f"km_{day}"] = point.surv
        figures[f"km_{day}_se"] = point.se
        figures.interval(f"km_{day}", point.low, point.high)
    median = quantile(curve, 0.5, ci=study.confidence_interval)
    for name, value in (
        ("ttp_median", median.value),
        ("ttp_median_low", median.low),
        ("ttp_median_high", median.high),
    ):
        figures[name] = value
        if value is None:
            figures.missing(name, f"median not reached by day {horizon}")
    mean = restricted_mean(table, horizon)
    figures[f"rmst_{horizon}_days"] = mean.mean
    figures[f"rmst_{horizon}_se"] = mean.se
    figures.interval(f"rmst_{horizon}", mean.low, mean.high)


def _event_counts(cells: Aggregate, study: Study, figures: Figures) -> None:
    exits = cells.exit_counts(TIME_TO_PROGRESSION)
    width, horizon = cells.header.grid_days, study.horizon_days
    total = cells.count("patients", "all")
    for window in study.event_windows:
        name = f"progressed_{window.name}_n"
        before, last = divmod(window.first_day - 1, width), divmod(window.last_day, width)
        if before[1] or last[1]:
            figures.missing(name, f"the window's ends are no edges of a {width}-day grid")
            continue
        figures[name] = sum(
            kinds.get("event", 0)
            for number, kinds in exits.items()
            if before[0] < number <= last[0]
        )
    events = sum(kinds.get("event", 0) for kinds in exits.values())
    name = f"progressed_by_{horizon}"
    figures[f"{name}_n"] = events
    if not total:
        for part in ("pct", "cp95_low", "cp95_high"):
            figures.missing(f"{name}_{part}", "no patient in the denominator")
        return
    figures[f"{name}_pct"] = 100 * events / total
    low, high = clopper_pearson(events, total)
    figures.interval(f"{name}_cp95", 100 * low, 100 * high)


def comparison_figures(cells: Aggregate, study: Study, figures: Figures) -> None:
    """Log-rank and Cox (Efron) by driver; the reference is the study's `reference_driver`."""
    groups = {code: exit_table(cells.stratum("driver", code)) for code in cells.strata("driver")}
    groups = {code: table for code, table in groups.items() if len(table.times)}
    try:
        test = logrank(groups)
        figures["logrank_driver_chi2"] = test.chi2
        figures["logrank_driver_df"] = test.df
        figures["logrank_driver_p"] = test.p
    except NotEstimable as error:
        for name in ("chi2", "df", "p"):
            figures.missing(f"logrank_driver_{name}", error.reason)
    _hazard_ratios(groups, study, figures)


def _hazard_ratios(groups: dict[str, ExitTable], study: Study, figures: Figures) -> None:
    """Log hazard ratios to the reference driver.

    A driver without events has none (its estimate has no finite maximum); leaving it out gives
    the others the values that they tend to.
    """
    fitted = {code: table for code, table in groups.items() if table.events.any()}
    others = [code for code in fitted if code != study.reference_driver]
    for code in groups:
        if code not in fitted and code != study.reference_driver:
            _no_hazard_ratio(figures, study.driver(code).label, "no event with this driver")
    try:
        if study.reference_driver not in fitted:
            raise NotEstimable("no event with the reference driver")
        if not others:
            return
        model = cox(fitted, {code: [float(code == other) for other in others] for code in fitted})
    except NotEstimable as error:
        for code in others:
            _no_hazard_ratio(figures, study.driver(code).label, error.reason)
        return
    for code, coefficient, se in zip(others, model.coef, model.se, strict=True):
        label = study.driver(code).label
        figures[f"cox_driver_loghr:{label}"] = float(coefficient)
        figures[f"cox_driver_se:{label}"] = float(se)


def _no_hazard_ratio(figures: Figures, label: str, reason: str) -> None:
    figures.missing(f"cox_driver_loghr:{label}", reason)
    figures.missing(f"cox_driver_se:{label}", reason)
