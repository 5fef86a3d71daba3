"""Laws of the exit table and of the estimators, on random patients."""

from __future__ import annotations

from fractions import Fraction
from math import log, sqrt

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from analytics.cox import cox
from analytics.errors import NotEstimable
from analytics.life_table import ExitTable
from analytics.logrank import logrank
from analytics.logrank_weight import LOG_RANK, FlemingHarrington, Weight, gehan, tarone_ware
from analytics.restricted_mean import restricted_mean
from analytics.survival import kaplan_meier, nelson_aalen, quantile

Exit = tuple[int, bool]
Patient = tuple[int, bool, str]

WEIGHTS = [
    LOG_RANK,
    gehan,
    tarone_ware,
    *(FlemingHarrington(*p) for p in [(1, 0), (0, 1), (0.5, 2)]),
]

law = settings(derandomize=True, max_examples=100)

exit_ = st.tuples(st.integers(0, 30), st.booleans())
exits = st.lists(exit_, min_size=1, max_size=40)
few_exits = st.lists(exit_, max_size=12)
patients = st.lists(
    st.tuples(st.integers(0, 30), st.booleans(), st.sampled_from("abc")), min_size=2, max_size=40
)


def table(rows: list[Exit]) -> ExitTable:
    return ExitTable.from_exits([time for time, _ in rows], [event for _, event in rows])


def tables_by_group(rows: list[Patient]) -> dict[str, ExitTable]:
    return {
        group: table([(time, event) for time, event, of in rows if of == group])
        for group in sorted({group for _, _, group in rows})
    }


def naive_kaplan_meier(rows: list[Exit]) -> list[tuple[int, Fraction, Fraction | None]]:
    """Time, S and Greenwood's variance in exact fractions, counted patient by patient."""
    steps, surv, greenwood = [], Fraction(1), Fraction(0)
    for now in sorted({time for time, _ in rows}):
        at_risk = sum(1 for time, _ in rows if time >= now)
        died = sum(1 for time, event in rows if time == now and event)
        surv *= 1 - Fraction(died, at_risk)
        if surv:
            greenwood += Fraction(died, at_risk * (at_risk - died))
        steps.append((now, surv, surv * surv * greenwood if surv else None))
    return steps


def naive_restricted_mean(rows: list[Exit], tau: int) -> Fraction:
    """Whole days of follow-up, each weighted by the curve that holds during it."""
    steps = naive_kaplan_meier(rows)
    heights = [
        next((surv for time, surv, _ in reversed(steps) if time <= day), Fraction(1))
        for day in range(tau)
    ]
    return sum(heights, Fraction(0))


@law
@given(few_exits, few_exits, few_exits)
def test_tables_add_up_in_any_order(a, b, c) -> None:
    first, second, third = table(a), table(b), table(c)
    assert first + second == second + first
    assert (first + second) + third == first + (second + third)
    assert first + ExitTable.empty() == first
    assert first + second == table(a + b)
    assert (first + second).n_patients == len(a) + len(b)


@law
@given(st.lists(st.tuples(exit_, st.integers(0, 3)), min_size=1, max_size=40), st.integers(1, 35))
def test_sites_add_up_to_the_estimates_of_the_rows(placed, tau) -> None:
    rows = [row for row, _ in placed]
    sites = [table([row for row, at in placed if at == site]) for site in range(4)]
    pooled = sum(sites, ExitTable.empty())
    assert pooled == table(rows)

    curve = kaplan_meier(pooled)
    for time, surv, variance in naive_kaplan_meier(rows):
        point = curve.at(time)
        assert point.surv == pytest.approx(float(surv), rel=1e-12, abs=1e-12)
        if variance is None:
            assert point.se is None
        else:
            assert point.se == pytest.approx(sqrt(variance), rel=1e-12, abs=1e-12)
    assert restricted_mean(pooled, tau).mean == pytest.approx(
        float(naive_restricted_mean(rows, tau)), rel=1e-12
    )


@law
@given(exits, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, random) -> None:
    shuffled = random.sample(rows, len(rows))
    assert table(shuffled) == table(rows)


@law
@given(exits)
def test_the_curve_falls_within_0_and_1_and_its_limits_hold_it(rows) -> None:
    curve = kaplan_meier(table(rows))
    assert np.all((curve.surv >= 0) & (curve.surv <= 1))
    assert np.all(np.diff(curve.surv) <= 0)
    assert (np.diff(curve.surv, prepend=1.0) < 0).tolist() == (curve.n_event > 0).tolist()
    for ci in ("plain", "log", "log-log", "logit", "arcsin"):
        low, high = curve.limits(ci)
        alive = curve.surv > 0
        assert np.all((low >= 0) & (low <= curve.surv + 1e-12), where=alive)
        assert np.all((high <= 1) & (high >= curve.surv - 1e-12), where=alive)
        assert np.all(np.isnan(low[~alive]) & np.isnan(high[~alive]))


@law
@given(exits, st.integers(0, 100), st.integers(1, 35))
def test_later_starting_clocks_move_times_and_nothing_else(rows, shift, tau) -> None:
    before, after = table(rows), table([(time + shift, event) for time, event in rows])
    early, late = kaplan_meier(before), kaplan_meier(after)
    assert np.array_equal(late.times, early.times + shift)
    assert np.array_equal(late.surv, early.surv)

    mean, moved = restricted_mean(before, tau), restricted_mean(after, tau + shift)
    assert moved.mean == pytest.approx(mean.mean + shift, rel=1e-12)
    assert moved.se == pytest.approx(mean.se, rel=1e-12, abs=1e-12)
    ends, moved_ends = quantile(early), quantile(late)
    for name in ("value", "low", "high"):
        end = getattr(ends, name)
        assert getattr(moved_ends, name) == (None if end is None else end + shift)


@law
@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.integers(1, 30))
def test_without_censoring_survival_is_a_share_and_the_mean_an_average(days, tau) -> None:
    whole = table([(day, True) for day in days])
    share = sum(day > tau for day in days) / len(days)
    point = kaplan_meier(whole).at(tau)
    assert point.surv == pytest.approx(share, rel=1e-12, abs=1e-12)
    if share:
        assert point.se == pytest.approx(sqrt(share * (1 - share) / len(days)), abs=1e-12)
    cut = np.minimum(days, tau)
    found = restricted_mean(whole, tau)
    assert found.mean == pytest.approx(cut.mean(), rel=1e-12)
    assert found.se == pytest.approx(cut.std() / sqrt(len(days)), rel=1e-9, abs=1e-7)


@law
@given(exits)
def test_the_cumulative_hazard_lies_below_minus_log_survival(rows) -> None:
    curve, hazard = kaplan_meier(table(rows)), nelson_aalen(table(rows))
    assert np.all(np.diff(hazard.hazard) >= 0)
    for surv, cumulative in zip(curve.surv, hazard.hazard, strict=True):
        assert surv == 0 or cumulative <= -log(surv) + 1e-12


@law
@given(patients, st.sampled_from(WEIGHTS))
def test_a_logrank_score_balances(rows, weight) -> None:
    found = logrank_or_assume(tables_by_group(rows), weight)
    assert found.observed.sum() == pytest.approx(found.expected.sum(), rel=1e-9)
    assert found.covariance == pytest.approx(found.covariance.T)
    assert found.covariance.sum(axis=1) == pytest.approx(0, abs=1e-9)
    assert found.chi2 >= 0
    assert 0 <= found.p <= 1


@law
@given(patients)
def test_a_logrank_test_sees_order_of_times_and_not_names_of_groups(rows) -> None:
    found = logrank_or_assume(tables_by_group(rows))
    renamed = {"a": "z", "b": "y", "c": "x"}
    stretched = [(3 * time * time + 1, event, renamed[group]) for time, event, group in rows]
    again = logrank(tables_by_group(stretched))
    assert again.groups == tuple(sorted(renamed[group] for group in found.groups))
    assert again.chi2 == pytest.approx(found.chi2, rel=1e-7, abs=1e-9)


@law
@given(patients, st.sampled_from(["efron", "breslow"]))
def test_cox_from_counts_is_cox_from_rows(rows, ties) -> None:
    x = {"a": [0.0, 0.0], "b": [1.0, 0.0], "c": [0.0, 1.0]}
    counted = cox_or_assume(tables_by_group(rows), x, ties)
    single = {f"{k}": table([(time, event)]) for k, (time, event, _) in enumerate(rows)}
    by_row = cox(single, {f"{k}": x[group] for k, (_, _, group) in enumerate(rows)}, ties)
    assert by_row.coef == pytest.approx(counted.coef, rel=1e-9, abs=1e-9)
    assert by_row.se == pytest.approx(counted.se, rel=1e-9)
    assert by_row.loglik == pytest.approx(counted.loglik, rel=1e-12, abs=1e-12)


@law
@given(patients, st.floats(-50, 50), st.floats(0.01, 100))
def test_cox_in_other_units_is_the_same_fit(rows, origin, unit) -> None:
    tables = tables_by_group(rows)
    dose = {"a": [0.0], "b": [1.0], "c": [2.5]}
    fit = cox_or_assume(tables, dose)
    moved = cox(tables, {group: [origin + unit * x[0]] for group, x in dose.items()})
    assert moved.coef * unit == pytest.approx(fit.coef, rel=1e-7, abs=1e-9)
    assert moved.se * unit == pytest.approx(fit.se, rel=1e-7)
    assert moved.score == pytest.approx(fit.score, rel=1e-7, abs=1e-9)


@law
@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from("ab")), min_size=3, max_size=40),
)
def test_without_ties_the_score_test_of_cox_is_the_logrank_test(rows) -> None:
    tables = tables_by_group([(day, event, group) for day, (event, group) in enumerate(rows)])
    fit = cox_or_assume(tables, {"a": [0.0], "b": [1.0]})
    assert fit.score == pytest.approx(logrank(tables).chi2, rel=1e-9, abs=1e-12)


def logrank_or_assume(tables, weight: Weight = LOG_RANK):
    try:
        return logrank(tables, weight)
    except NotEstimable:
        assume(False)


def cox_or_assume(tables, covariates, ties="efron"):
    try:
        return cox(tables, covariates, ties)
    except NotEstimable:
        assume(False)
