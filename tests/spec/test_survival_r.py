"""Estimators of which the shared reference holds no value, against R on invented patients.

The script, its patients and its answers lie in tests/judges/r; R is asked again where it is
installed (tests/integration/test_r_judge.py). Tolerances are relative with a floor of 0.001.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analytics.competing_risks import cumulative_incidence
from analytics.cox import Cox, cox, cox_stratified
from analytics.cox_checks import concordance, proportional_hazards, robust
from analytics.gray import gray, gray_stratified
from analytics.life_table import ExitTable
from analytics.logrank import logrank, logrank_stratified, stratified_score, stratum_score
from analytics.logrank_weight import LOG_RANK, FlemingHarrington, Weight, gehan, tarone_ware
from analytics.milestone import milestone_difference
from analytics.restricted_mean import (
    restricted_mean,
    restricted_mean_difference,
    restricted_mean_ratio,
)
from analytics.reverse_kaplan_meier import follow_up_curve, median_follow_up
from analytics.survival import kaplan_meier, nelson_aalen, quantile
from analytics.trend import trend_test
from tests.lib.r_estimates import competing_table, exit_table, expected, patients, split

CONFIDENCE_TYPES = ("plain", "log", "log-log", "logit", "arcsin")
WEIGHTS: dict[str, Weight] = {
    "logrank": LOG_RANK,
    "gehan": gehan,
    "tarone_ware": tarone_ware,
    "fh_1_0": FlemingHarrington(1, 0),
    "fh_0_1": FlemingHarrington(0, 1),
    "fh_0.5_2": FlemingHarrington(0.5, 2),
}


def close(value: Any, tolerance: float) -> Any:
    return pytest.approx(value, rel=tolerance, abs=tolerance * 1e-3)


def groups(delayed: bool = False, rows: Any = None) -> dict[str, ExitTable]:
    parts = split(patients() if rows is None else rows, "group")
    return {name: exit_table(part, delayed) for name, part in parts.items()}


def strata(delayed: bool = False) -> list[dict[str, ExitTable]]:
    return [groups(delayed, rows) for rows in split(patients(), "stratum").values()]


@pytest.mark.parametrize("cause", ["1", "2"])
@pytest.mark.parametrize("ci", CONFIDENCE_TYPES)
def test_cumulative_incidence_and_its_limits(ci: Any, cause: str) -> None:
    r = expected()["incidence"][ci][cause]
    curve = cumulative_incidence(competing_table(patients()), cause)
    points = [curve.at(time, ci) for time in r["time"]]
    assert [point.n_risk for point in points] == r["n_risk"]
    assert [point.incidence for point in points] == close(r["incidence"], 1e-12)
    assert [point.se for point in points] == close(r["se"], 1e-12)
    # before the first event R has no limits, and we the point itself
    assert [point.low for point in points] == close([x or 0.0 for x in r["low"]], 1e-12)
    assert [point.high for point in points] == close([x or 0.0 for x in r["high"]], 1e-12)


@pytest.mark.parametrize("cause", ["1", "2"])
def test_cumulative_incidence_by_group(cause: str) -> None:
    for name, rows in split(patients(), "group").items():
        r = expected()["incidence_by_group"][name][cause]
        curve = cumulative_incidence(competing_table(rows), cause)
        points = [curve.at(time) for time in r["time"]]
        assert [point.n_risk for point in points] == r["n_risk"], name
        assert [point.incidence for point in points] == close(r["incidence"], 1e-12), name
        assert [point.se for point in points] == close(r["se"], 1e-12), name
        assert [point.low for point in points] == close([x or 0.0 for x in r["low"]], 1e-12)
        assert [point.high for point in points] == close([x or 0.0 for x in r["high"]], 1e-12)


@pytest.mark.parametrize("cause", ["1", "2"])
def test_cumulative_incidence_with_delayed_entry(cause: str) -> None:
    r = expected()["incidence_delayed"][cause]
    curve = cumulative_incidence(competing_table(patients(), delayed=True), cause)
    points = [curve.at(time) for time in r["time"]]
    assert [point.incidence for point in points] == close(r["incidence"], 1e-12)
    assert [point.se for point in points] == close(r["se"], 1e-12)


def test_gray() -> None:
    tables = {name: competing_table(rows) for name, rows in split(patients(), "group").items()}
    pair = {name: table for name, table in tables.items() if name != "c"}
    by_stratum = [
        {name: competing_table(part) for name, part in split(rows, "group").items()}
        for rows in split(patients(), "stratum").values()
    ]
    for place, cause in enumerate(("1", "2")):
        found = {
            "groups3": gray(tables, cause),
            "groups3_rho1": gray(tables, cause, rho=1),
            "groups2": gray(pair, cause),
            "groups2_rho0.5": gray(pair, cause, rho=0.5),
            "stratified": gray_stratified(by_stratum, cause),
            "stratified_rho1": gray_stratified(by_stratum, cause, rho=1),
        }
        assert found.keys() == expected()["gray"].keys()
        for name, test in found.items():
            r = expected()["gray"][name]
            assert test.chi2 == close(r["chi2"][place], 1e-11), name
            assert test.p == pytest.approx(r["p"][place], rel=1e-11), name
            assert test.df == r["df"][place], name


@pytest.mark.parametrize("ci", CONFIDENCE_TYPES)
def test_kaplan_meier_with_delayed_entry(ci: Any) -> None:
    table, r = exit_table(patients(), delayed=True), expected()["delayed"]["km"][ci]
    points = [kaplan_meier(table).at(time, ci) for time in r["time"]]
    # before the first exit R repeats the risk set of that exit; some enter in between
    assert [point.n_risk for point in points][1:] == r["n_risk"][1:]
    assert points[0].n_risk == len(patients()) - table.entries.at_or_after(0.5)
    assert [point.surv for point in points] == close(r["surv"], 1e-12)
    assert [point.se for point in points] == close(r["se"], 1e-12)
    assert [point.low for point in points] == close(r["low"], 1e-12)
    assert [point.high for point in points] == close(r["high"], 1e-12)

    r = expected()["delayed"]["quantiles"][ci]
    found = [quantile(kaplan_meier(table), p, ci) for p in (0.25, 0.5, 0.75)]
    assert [at.value for at in found] == r["quantile"]
    assert [at.low for at in found] == r["lower"]
    assert [at.high for at in found] == r["upper"]


def test_mean_and_hazard_with_delayed_entry() -> None:
    table, r = exit_table(patients(), delayed=True), expected()["delayed"]
    mean = restricted_mean(table, 40)
    assert [mean.mean, mean.se] == close(r["rmst_40"], 1e-12)
    hazard = nelson_aalen(table)
    found = [hazard.at(time) for time in r["km"]["plain"]["time"]]
    assert [value for value, _ in found] == close(r["hazard"]["hazard"], 1e-12)
    assert [se for _, se in found] == close(r["hazard"]["se"], 1e-12)


@pytest.mark.parametrize("weight", ["logrank", "gehan", "fh_1_0"])
def test_logrank_with_delayed_entry(weight: str) -> None:
    agrees(logrank(groups(delayed=True), WEIGHTS[weight]), expected()["delayed"][weight])


@pytest.mark.parametrize("weight", WEIGHTS)
def test_weighted_logrank(weight: str) -> None:
    agrees(logrank(groups(), WEIGHTS[weight]), expected()["weighted"][weight])
    agrees(logrank_stratified(strata(), WEIGHTS[weight]), expected()["weighted_stratified"][weight])


def agrees(found: Any, r: dict[str, Any]) -> None:
    assert found.observed == close(r["observed"], 1e-11)
    assert found.expected == close(r["expected"], 1e-11)
    assert found.covariance == close(np.array(r["covariance"]), 1e-11)
    assert found.chi2 == close(r["chi2"], 1e-11)


def test_logrank_as_survdiff_gives_it() -> None:
    for name, weight in (("logrank", LOG_RANK), ("rho1", FlemingHarrington(1))):
        found, r = logrank(groups(), weight), expected()["survdiff"][name]
        assert found.observed == close(r["obs"], 1e-11)
        assert found.expected == close(r["exp"], 1e-11)
        assert found.covariance == close(np.array(r["var"]), 1e-11)
        assert found.chi2 == close(r["chisq"], 1e-11)
    stratified = logrank_stratified(strata(), FlemingHarrington(1))
    assert stratified.chi2 == close(expected()["survdiff"]["rho1_stratified"], 1e-11)


def test_trend() -> None:
    levels = {"a": 1, "b": 2, "c": 3}
    plain = trend_test(stratum_score(groups()), levels)
    assert plain.chi2 == close(expected()["trend"]["plain"], 1e-11)
    assert plain.z > 0
    stratified = trend_test(stratified_score(strata()), levels)
    assert stratified.chi2 == close(expected()["trend"]["stratified"], 1e-11)


@pytest.mark.parametrize("ci", CONFIDENCE_TYPES)
def test_follow_up_by_reverse_kaplan_meier(ci: Any) -> None:
    table, r = exit_table(patients()), expected()["follow_up"][ci]
    found = [quantile(follow_up_curve(table), p, ci) for p in (0.25, 0.5, 0.75)]
    assert [at.value for at in found] == r["quantile"]
    assert [at.low for at in found] == r["lower"]
    assert [at.high for at in found] == r["upper"]
    assert median_follow_up(table, ci) == found[1]


def test_milestones_of_two_groups_differ_as_in_r() -> None:
    r, tables = expected()["km_by_group"], groups()
    for place, time in enumerate(r["a"]["time"][1:], start=1):
        found = milestone_difference(*(kaplan_meier(tables[name]).at(time) for name in "ab"))
        surv, se = ([r[name][column][place] for name in "ab"] for column in ("surv", "se"))
        assert found.difference == close(surv[0] - surv[1], 1e-12)
        assert found.se**2 == close(se[0] ** 2 + se[1] ** 2, 1e-12)
        assert found.low == close(found.difference - 1.959963984540054 * found.se, 1e-12)


def test_restricted_means_of_two_groups_as_in_r() -> None:
    (mean_a, se_a), (mean_b, se_b) = (expected()["rmst_40_by_group"][name] for name in "ab")
    a, b = (restricted_mean(groups()[name], 40) for name in "ab")
    assert restricted_mean_difference(a, b).difference == close(mean_a - mean_b, 1e-12)
    ratio = restricted_mean_ratio(a, b)
    assert ratio.ratio == close(mean_a / mean_b, 1e-12)
    assert ratio.log_se**2 == close((se_a / mean_a) ** 2 + (se_b / mean_b) ** 2, 1e-12)


COVARIATES = ("dose", "node")


def patterns(rows: Any, delayed: bool = False) -> dict[str, ExitTable]:
    return {key: exit_table(part, delayed) for key, part in split(rows, *COVARIATES).items()}


def numbers() -> dict[str, list[float]]:
    return {key: [float(x) for x in key.split("|")] for key in split(patients(), *COVARIATES)}


def by_stratum(delayed: bool = False) -> list[dict[str, ExitTable]]:
    return [patterns(rows, delayed) for rows in split(patients(), "stratum").values()]


def fits(found: Cox, r: dict[str, Any]) -> None:
    assert found.coef == close(r["coef"], 1e-12)
    assert found.se == close(r["se"], 1e-12)
    assert [found.loglik_null, found.loglik] == close(r["loglik"], 1e-12)
    assert found.score == close(r["score"], 1e-12)
    assert found.wald == close(r["wald"], 1e-12)
    assert concordance(found) == close(r["concordance"], 1e-12)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox_with_delayed_entry(ties: Any) -> None:
    r = expected()["delayed"]
    fits(cox(patterns(patients(), delayed=True), numbers(), ties), r["cox"][ties])
    fits(cox_stratified(by_stratum(delayed=True), numbers(), ties), r["cox_stratified"][ties])


def test_cause_specific_cox() -> None:
    parts = split(patients(), *COVARIATES).items()
    tables = {key: competing_table(rows).cause_specific("1") for key, rows in parts}
    fits(cox(tables, numbers()), expected()["cause_specific_cox"])


def test_stratified_cox_with_exact_ties() -> None:
    fits(cox_stratified(by_stratum(), numbers(), "exact"), expected()["cox"]["exact_stratified"])


def test_robust_errors() -> None:
    r, fit = expected()["cox"], cox_stratified(by_stratum(), numbers())
    fits(fit, r["efron_stratified"])
    assert robust(fit).se == close(r["robust_stratified_se"], 1e-12)
    breslow = cox(patterns(patients()), numbers(), "breslow")
    assert robust(breslow).se == close(r["robust_breslow_se"], 1e-12)


def test_proportional_hazards() -> None:
    r = expected()
    for fit, (*each, overall) in (
        (cox_stratified(by_stratum(), numbers()), r["cox"]["zph_stratified"]),
        (cox(patterns(patients()), numbers(), "breslow"), r["cox"]["zph_breslow"]),
        (cox(patterns(patients(), delayed=True), numbers()), r["delayed"]["zph"]),
    ):
        found = proportional_hazards(fit)
        assert found.chi2 == close(each, 1e-10)
        assert found.global_chi2 == close(overall, 1e-10)
