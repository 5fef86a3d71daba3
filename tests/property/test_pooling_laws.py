"""Laws of pooling: a sum of reports says what all rows say, and bounds hold what is hidden."""

from __future__ import annotations

import json
from math import isclose
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.pooling.bounded import bounds
from adapter.pooling.comparison import site_tables, stratified_figures
from adapter.pooling.exact import pooled_estimates
from adapter.pooling.pool import PooledTable, pool
from adapter.pooling.stated_counts import Stated
from adapter.report.disclosed import outcome_report
from analytics.cox import cox_stratified
from analytics.disclosure.gate import disclose
from analytics.errors import NotEstimable
from analytics.estimate import Estimates, estimate
from analytics.figures import Figures
from analytics.heterogeneity import (
    Effect,
    Sums,
    heterogeneity,
    heterogeneity_of_sums,
    leave_one_out,
    site_sums,
)
from analytics.life_table import ExitTable
from analytics.logrank import logrank_stratified
from tests.lib.disclosed_reports import of_study
from tests.lib.disclosure import Alike, any_size, cohorts
from tests.lib.pooling import DRIVERS, Row, aggregate_of, dealt, head_of, rows, site_reports
from tests.lib.reports import measures, reference_study

TTP = "time-to-progression"
WHOLE = "redifferentiation-outcomes"
SAME = 1e-12
ONLY_PRINTED = ("redifferentiation_rai_mci_mean", "redifferentiation_rai_gbq_mean",
                "prior_rai_mci_mean", "prior_rai_gbq_mean")  # fmt: skip
NEEDS_VALUES = ("drug_days",)

patients = st.lists(rows, min_size=1, max_size=60)
places = st.lists(st.integers(0, 5), min_size=1, max_size=60)


def pooled(measure: str, sites: list[list[Row]], **overrides: Any) -> PooledTable:
    study = reference_study(**overrides)
    return pool(site_reports(measure, sites, study), measures()[measure])


def assert_same(found: Figures, expected: Figures) -> None:
    """Every figure that the reports carry, as from all rows; what cannot be had, in both."""
    for name, value in found.values.items():
        true = expected.values.get(name, 0)
        if name in NEEDS_VALUES:
            assert value is None
        elif value is None or true is None:
            assert (value is None) == (true is None), name
        else:
            tolerance = 1e-6 if name in ONLY_PRINTED else SAME
            assert isclose(value, true, rel_tol=tolerance, abs_tol=tolerance), name


def assert_estimates(found: Estimates, expected: Estimates) -> None:
    assert_same(found.overall, expected.overall)
    strata = {level for level, each in expected.strata["driver"].items()}
    assert set(found.strata["driver"]) <= strata
    for level, figures in found.strata["driver"].items():
        assert_same(figures, expected.strata["driver"][level])


@settings(max_examples=25, deadline=None)
@given(patients, places, st.integers(1, 6), st.sampled_from([1, 24, 96]))
def test_survival_pooled_is_that_of_all_rows(found: list[Row], at: list[int], n: int, grid: int):
    study = reference_study(grid_days=grid)
    table = pooled(TTP, dealt(found, at, n), grid_days=grid)
    expected = estimate(aggregate_of(found, study), study)
    assert table.exact
    assert_estimates(pooled_estimates(table), expected)
    carried = pooled_estimates(table).overall.values
    assert carried.keys() >= {"km_91", "rmst_192_days", "ttp_median", "logrank_driver_chi2"}


@settings(max_examples=6, deadline=None)
@given(patients, places, st.integers(1, 5))
def test_every_measure_pooled_is_that_of_all_rows(found: list[Row], at: list[int], n: int):
    study = reference_study()
    table = pooled(WHOLE, dealt(found, at, n))
    figures = pooled_estimates(table)
    assert_estimates(figures, estimate(aggregate_of(found, study), study))
    assert figures.overall["tg_prior_to_3m_decrease_n"] is not None
    assert figures.overall["n_patients"] == len(found)


@settings(max_examples=20, deadline=None)
@given(patients, places, st.integers(2, 6))
def test_drivers_within_sites_are_compared_as_by_rows(found: list[Row], at: list[int], n: int):
    sites = dealt(found, at, n)
    table = pooled(TTP, sites)
    figures = stratified_figures(site_tables(table), table.study)
    strata = [by_rows(rows) for rows in sites]
    try:
        expected = logrank_stratified(strata).chi2
    except NotEstimable:
        assert figures["stratified_driver_by_site_chi2"] is None
    else:
        chi2 = figures["stratified_driver_by_site_chi2"]
        assert chi2 is not None
        assert isclose(chi2, expected, rel_tol=1e-10, abs_tol=1e-10)
    assert_cox(figures, strata)


def by_rows(found: list[Row]) -> dict[str, ExitTable]:
    """The exits of the patients who were followed, from one row each."""
    followed = [row for row in found if row.day]
    return {
        driver: ExitTable.from_exits([row.day for row in of], [int(row.event) for row in of])
        for driver in DRIVERS
        if (of := [row for row in followed if row.driver == driver])
    }


def assert_cox(figures: Figures, strata: list[dict[str, ExitTable]]) -> None:
    eventful = {name for each in strata for name, table in each.items() if table.events.any()}
    others = sorted(eventful - {"BRAF_V600E"})
    kept = [{name: each[name] for name in each if name in eventful} for each in strata]
    label = {driver.code: driver.label for driver in reference_study().driver_classes}
    try:
        if "BRAF_V600E" not in eventful or not others:
            raise NotEstimable("nothing to compare")
        covariates = {name: [float(name == other) for other in others] for name in eventful}
        fitted = cox_stratified(kept, covariates)
    except NotEstimable:
        values = [v for name, v in figures.values.items() if name.startswith("cox_")]
        assert set(values) <= {None}
        return
    for driver, coefficient in zip(others, fitted.coef, strict=True):
        found = figures[f"cox_driver_by_site_loghr:{label[driver]}"]
        assert found is not None
        assert isclose(found, coefficient, rel_tol=1e-9, abs_tol=1e-9)


@settings(max_examples=8, deadline=None)
@given(patients, places, st.integers(2, 5), st.randoms(use_true_random=False))
def test_the_order_of_reports_does_not_matter(
    found: list[Row], at: list[int], n: int, shuffled: Any
):
    reports = site_reports(TTP, dealt(found, at, n))
    again = list(reports)
    shuffled.shuffle(again)
    measure = measures()[TTP]
    assert pooled_estimates(pool(reports, measure)).overall.values == pytest.approx(
        pooled_estimates(pool(again, measure)).overall.values, nan_ok=True
    )


def masked(sites: list[list[Alike]], grid: int = 96) -> tuple[list[dict[str, Any]], PooledTable]:
    reports = []
    for place, people in enumerate(sites):
        outcome = disclose(of_study(tuple(people)), any_size("registry"))
        found = outcome_report(outcome, measures()[TTP], reference_study(), head_of(place))
        reports.append(json.loads(json.dumps(found)))
    return reports, pool(reports, measures()[TTP])


@settings(max_examples=8, deadline=None)
@given(st.lists(cohorts, min_size=1, max_size=2))
def test_bounds_hold_what_the_hidden_rows_would_give(sites: list[list[Alike]]):
    followed = [[one for one in people if one.day] for people in sites]
    if not all(followed):
        return
    _, table = masked(sites)
    everybody = [one for people in sites for one in people]
    study = reference_study(grid_days=96, milestones=[96, 192])
    cells = of_study(tuple(everybody), 96)
    whole = estimate(cells, study).overall
    for stated, range_ in table.counts.items():
        if stated.stratum or range_ is None or stated.figure not in whole.values:
            continue
        assert whole[stated.figure] in range_, stated
    for name, bound in bounds(table):
        true = whole[name]
        assert true is not None
        assert bound.low - SAME <= true <= bound.high + SAME, name
    assert table.counts[Stated("", "n_patients")] is not None


effects = st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 10)), min_size=2, max_size=12).map(
    lambda pairs: [Effect(f"site {at}", *pair) for at, pair in enumerate(pairs)]
)


@given(effects)
def test_heterogeneity_follows_from_five_sums(found: list[Effect]):
    whole = heterogeneity(found)
    q, i2, tau2 = heterogeneity_of_sums(sum(map(site_sums, found), Sums()))
    assert isclose(q, whole.q, rel_tol=1e-7, abs_tol=1e-7)
    assert isclose(i2, whole.i2, rel_tol=1e-5, abs_tol=1e-5)
    assert isclose(tau2, whole.tau2, rel_tol=1e-5, abs_tol=1e-5)


@given(effects, st.floats(-10, 10))
def test_a_shift_of_all_effects_changes_their_place_alone(found: list[Effect], by: float):
    before = heterogeneity(found)
    after = heterogeneity(Effect(e.label, e.estimate + by, e.variance) for e in found)
    assert isclose(after.q, before.q, rel_tol=1e-6, abs_tol=1e-8)
    assert isclose(after.random.estimate, before.random.estimate + by, rel_tol=1e-6, abs_tol=1e-6)
    assert 0 <= after.i2 < 1
    assert after.tau2 >= 0


@given(effects)
def test_random_effects_are_never_surer_than_fixed_ones(found: list[Effect]):
    whole = heterogeneity(found)
    assert whole.random.se >= whole.fixed.se * (1 - 1e-12)
    if len(found) > 2:
        assert whole.prediction is not None
        assert whole.prediction[0] <= whole.random.low + 1e-9
        assert leave_one_out(found).keys() == {each.label for each in found}
    else:
        assert whole.prediction is None
