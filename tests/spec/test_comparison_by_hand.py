"""Log-rank and Cox on tables whose answers a reader can work out, and on those that have none."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest

from analytics.cox import cox, cox_stratified
from analytics.errors import NotEstimable
from analytics.life_table import ExitTable
from analytics.logrank import logrank, logrank_stratified, score_test, stratum_score
from analytics.logrank_weight import FlemingHarrington

EVENT, CENSORED = 1, 0


def exits(*pairs: tuple[float, int]) -> ExitTable:
    return ExitTable.from_exits([time for time, _ in pairs], [flag for _, flag in pairs])


def events(*times: float) -> ExitTable:
    return ExitTable.from_exits(times, [EVENT] * len(times))


def test_logrank_of_two_patients() -> None:
    found = logrank({"b": events(2), "a": events(1)})
    assert found.groups == ("a", "b")
    assert found.observed.tolist() == [1, 1]
    assert found.expected.tolist() == [0.5, 1.5]
    assert found.covariance.tolist() == [[0.25, -0.25], [-0.25, 0.25]]
    assert (found.chi2, found.df) == (1, 1)
    assert found.p == pytest.approx(0.31731050786291415)


def test_strata_keep_their_risk_sets_apart() -> None:
    early, late = {"a": events(1), "b": events(2)}, {"a": events(11), "b": events(12)}
    apart = logrank_stratified([early, late])
    assert apart.expected.tolist() == [1, 3]
    assert apart.chi2 == 2
    together = logrank({group: early[group] + late[group] for group in early})
    assert together.expected.tolist() != apart.expected.tolist()


def test_a_stratum_may_lack_a_group() -> None:
    both, one = {"a": events(1), "b": events(2)}, {"b": events(1, 2)}
    found = logrank_stratified([both, one, {"c": exits((4, CENSORED))}, {}])
    assert found.groups == ("a", "b")
    assert found.observed.tolist() == [1, 3]
    assert found.chi2 == logrank(both).chi2


def test_scores_of_sites_add_up_to_the_test_stratified_by_site() -> None:
    sites = [{"a": events(1, 4), "b": events(2, 9)}, {"a": events(3), "b": events(2, 5, 6)}]
    first, second = (stratum_score(tables, FlemingHarrington(1)) for tables in sites)
    assert score_test(first + second).chi2 == logrank_stratified(sites, FlemingHarrington(1)).chi2


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ({}, "fewer than two groups"),
        ({"a": events(1, 2)}, "fewer than two groups"),
        ({"a": events(1, 2), "b": ExitTable.empty()}, "fewer than two groups"),
        ({"a": exits((1, CENSORED)), "b": exits((2, CENSORED))}, "fewer than two groups"),
        ({"a": events(5), "b": exits((1, CENSORED))}, "fewer than two groups"),
        ({"a": events(1), "b": events(1)}, "do not compare"),
    ],
)
def test_a_logrank_test_that_cannot_be_made(tables, reason: str) -> None:
    with pytest.raises(NotEstimable, match=reason):
        logrank(tables)


def test_groups_that_no_stratum_joins_cannot_be_compared() -> None:
    with pytest.raises(NotEstimable, match="do not compare"):
        logrank_stratified(
            [{"a": events(1, 3), "b": events(2)}, {"c": events(1, 3), "d": events(2)}]
        )


def test_cox_of_three_patients() -> None:
    """Events a, b, a: L = b - ln(2 e^b + 1) - ln(1 + e^b), so 2 e^(2b) = 1."""
    fit = cox({"a": events(1, 3), "b": events(2)}, {"a": [1], "b": [0]})
    risk = sqrt(0.5)
    assert fit.coef == pytest.approx([log(risk)], rel=1e-12)
    information = 2 * risk / (2 * risk + 1) ** 2 + risk / (1 + risk) ** 2
    assert fit.se == pytest.approx([1 / sqrt(information)], rel=1e-12)
    assert fit.loglik_null == pytest.approx(-log(6), rel=1e-12)
    assert fit.score == pytest.approx((1 / 6) ** 2 / (2 / 9 + 1 / 4), rel=1e-12)
    low, high = fit.limits()
    assert (high - low) == pytest.approx(2 * 1.959963984540054 * fit.se, rel=1e-12)


def test_tied_events_by_efron_and_by_breslow() -> None:
    tables = {"a": exits((1, EVENT), (2, CENSORED)), "b": exits((1, EVENT), (2, EVENT))}
    x = {"a": [1], "b": [0]}
    # at day 1 two of four at risk; Efron lets the tied leave by half for the second
    assert cox(tables, x).loglik_null == pytest.approx(-log(4 * 3 * 2), rel=1e-12)
    assert cox(tables, x, "breslow").loglik_null == pytest.approx(-log(4 * 4 * 2), rel=1e-12)


def test_an_empty_pattern_and_a_stratum_without_events_change_nothing() -> None:
    tables = {"a": events(1, 3), "b": events(2)}
    x = {"a": [1.0], "b": [0.0], "c": [1e9]}
    silent = {"a": exits((2, CENSORED)), "c": exits((9, CENSORED))}
    fit = cox_stratified([{**tables, "c": ExitTable.empty()}, silent], x)
    assert fit.coef == pytest.approx(cox(tables, x).coef, rel=1e-12)


def test_a_step_that_overshoots_is_halved() -> None:
    """Without halving Newton's first step, from an outlier, leads away for good."""
    x = [20.0, 0, 0, 0, 1, 1, 1]
    days = range(1, len(x) + 1)
    tables = {str(day): exits((day, CENSORED if day == 7 else EVENT)) for day in days}
    [coef] = cox(tables, {str(day): [x[day - 1]] for day in days}).coef

    def mean_at_risk(day: int) -> float:
        return float(np.average(x[day - 1 :], weights=np.exp(coef * np.array(x[day - 1 :]))))

    score = sum(x[day - 1] - mean_at_risk(day) for day in days if day != 7)
    assert score == pytest.approx(0, abs=1e-12)


def hidden_arm(n: int) -> dict[str, ExitTable]:
    """One patient without the event among n with few."""
    common = ExitTable.from_counts([1, 2, 3, 9], [1, 1, 1, 0], [0, 0, 0, n])
    return {"a": exits((9, CENSORED)), "b": common}


@pytest.mark.parametrize(
    "tables",
    [
        {"a": exits((9, CENSORED), (8, CENSORED)), "b": events(1, 2, 3)},
        {"a": events(1, 2), "b": exits((9, CENSORED), (8, CENSORED))},
        {"a": events(1, 2), "b": events(3, 4)},
        hidden_arm(20),
        hidden_arm(1_000_000),
    ],
)
def test_a_hazard_ratio_that_runs_to_infinity_is_not_estimable(tables) -> None:
    with pytest.raises(NotEstimable, match="no finite maximum"):
        cox(tables, {"a": [1], "b": [0]})


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        ({"a": [1], "b": [1]}, "constant"),
        ({"a": [0.1], "b": [0.1]}, "constant"),
        ({"a": [0.1 + 0.2], "b": [0.3]}, "constant"),
        ({"a": [1, 0], "b": [0, 1]}, "collinear"),
        ({"a": [1, 5], "b": [0, 5]}, "constant"),
    ],
)
def test_covariates_that_tell_nothing_apart(x, reason: str) -> None:
    with pytest.raises(NotEstimable, match=reason):
        cox({"a": events(1, 3), "b": events(2, 5)}, x)


def test_a_covariate_that_is_constant_within_strata() -> None:
    with pytest.raises(NotEstimable, match="among those at risk"):
        cox_stratified([{"a": events(1, 3)}, {"b": events(2, 5)}], {"a": [1], "b": [0]})


def test_no_events_no_hazard_ratio() -> None:
    with pytest.raises(NotEstimable, match="no events"):
        cox({"a": exits((1, CENSORED)), "b": exits((2, CENSORED))}, {"a": [1], "b": [0]})
