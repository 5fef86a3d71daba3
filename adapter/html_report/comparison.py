"""Drivers compared: hazard ratios against the reference driver, and the log-rank test."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, isfinite

from adapter.abstract import rounded
from adapter.evaluate import Evaluation
from adapter.tables import Table
from analytics.figures import Value
from analytics.normal import two_sided_z

HAZARD, ERROR = "cox_driver_loghr:", "cox_driver_se:"
NE = "NE"
SMALLEST_P = 0.001


def comparison(evaluation: Evaluation) -> Table | None:
    """A row for each driver that has a ratio to the reference; None where there is none."""
    figures, study = evaluation.figures(), evaluation.study
    compared = [name.removeprefix(HAZARD) for name in figures if name.startswith(HAZARD)]
    if not compared:
        return None
    reference = study.driver(study.reference_driver).label
    notes = (
        f"Cox model of the driver alone, Efron ties, against {reference}; NE: not estimable. "
        "Intervals are wide where groups are small.",
        f"Log-rank test of all drivers: {_test(figures)}.",
    )
    rows = [(label, _ratio(figures, label)) for label in compared]
    return Table("Drivers compared", ("", "hazard ratio (95 % CI)"), rows, notes)


def _ratio(figures: Mapping[str, Value], label: str) -> str:
    log, error = figures.get(f"{HAZARD}{label}"), figures.get(f"{ERROR}{label}")
    if log is None or error is None:
        return NE
    wide = two_sided_z(0.95) * error
    try:
        values = [exp(each) for each in (log, log - wide, log + wide)]
    except OverflowError:
        return NE
    if not all(map(isfinite, values)):
        return NE
    ratio, low, high = (rounded(value, 2) for value in values)
    return f"{ratio} ({low} to {high})"


def _test(figures: Mapping[str, Value]) -> str:
    chi2, df, p = (figures.get(f"logrank_driver_{part}") for part in ("chi2", "df", "p"))
    if chi2 is None or df is None or p is None:
        return NE
    said = f"= {rounded(p, 3)}" if p >= SMALLEST_P else f"< {SMALLEST_P}"
    return f"χ² {rounded(chi2, 2)} on {df:g} df, p {said}"
