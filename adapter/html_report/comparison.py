"""Drivers compared: hazard ratios against the reference driver, and the log-rank test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, isfinite

from adapter.abstract import rounded
from adapter.charts.forest import Row, forest, ratio_axis
from adapter.evaluate import Evaluation
from adapter.html_report.page import Plot
from adapter.html_report.plotted import Label, plotted, records
from adapter.tables import Table
from analytics.figures import Value
from analytics.normal import two_sided_z

HAZARD, ERROR = "cox_driver_loghr:", "cox_driver_se:"
NE = "NE"
SMALLEST_P = 0.001


@dataclass(frozen=True, slots=True)
class Ratio:
    """A driver's hazard ratio to the reference with its 95 % limits; None: not estimable."""

    driver: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.ratio is None or self.low is None or self.high is None:
            return NE
        return f"{rounded(self.ratio, 2)} ({rounded(self.low, 2)} to {rounded(self.high, 2)})"


def comparison(evaluation: Evaluation) -> Table | None:
    """A row for each driver that has a ratio to the reference; None where there is none."""
    found = _ratios(evaluation.figures())
    if not found:
        return None
    notes = (
        f"Cox model of the driver alone, Efron ties, against {_reference(evaluation)}; NE: not "
        "estimable. Intervals are wide where groups are small.",
        f"Log-rank test of all drivers: {_test(evaluation.figures())}.",
    )
    rows = [(each.driver, str(each)) for each in found]
    return Table("Drivers compared", ("", "hazard ratio (95 % CI)"), rows, notes)


def comparison_plot(evaluation: Evaluation) -> Plot | None:
    """The ratios as a forest; None where none can be estimated."""
    found = _ratios(evaluation.figures())
    limits = [end for each in found for end in (each.low, each.high) if end is not None]
    if not limits:
        return None
    reference = _reference(evaluation)
    rows = [Row(f"{reference} (reference)", "1")]
    rows += [Row(each.driver, str(each), each.ratio, each.low, each.high) for each in found]
    axis = ratio_axis(f"hazard ratio to {reference}; more than 1: earlier", limits)
    title = "Drivers compared"
    caption = (
        "Cox model of the driver alone, Efron ties, with 95 % intervals (Wald); an arrow: the "
        f"interval goes on. Log-rank test of all drivers: {_test(evaluation.figures())}."
    )
    numbers = Table(
        f"Numbers of “{title}”",
        ("", "hazard ratio (95 % CI)"),
        [(each.driver, str(each)) for each in found],
    )
    label = Label("drivers-compared", title, caption)
    return plotted(label, forest(rows, axis), numbers, {"ratios": records(found)})


def _reference(evaluation: Evaluation) -> str:
    study = evaluation.study
    return study.driver(study.reference_driver).label


def _ratios(figures: Mapping[str, Value]) -> list[Ratio]:
    compared = [name.removeprefix(HAZARD) for name in figures if name.startswith(HAZARD)]
    return [_ratio(figures, label) for label in compared]


def _ratio(figures: Mapping[str, Value], label: str) -> Ratio:
    log, error = figures.get(f"{HAZARD}{label}"), figures.get(f"{ERROR}{label}")
    if log is None or error is None:
        return Ratio(label)
    wide = two_sided_z(0.95) * error
    try:
        values = [exp(each) for each in (log, log - wide, log + wide)]
    except OverflowError:
        return Ratio(label)
    return Ratio(label, *values) if all(map(isfinite, values)) else Ratio(label)


def _test(figures: Mapping[str, Value]) -> str:
    chi2, df, p = (figures.get(f"logrank_driver_{part}") for part in ("chi2", "df", "p"))
    if chi2 is None or df is None or p is None:
        return NE
    return f"χ² {rounded(chi2, 2)} on {df:g} df, {p_value(p)}"


def p_value(p: float) -> str:
    """`p = 0.147`, and `p < 0.001` for what three places do not show."""
    return f"p = {rounded(p, 3)}" if p >= SMALLEST_P else f"p < {SMALLEST_P}"
