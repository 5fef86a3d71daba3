"""Competing risks, delayed entry, weighted tests and comparisons that a reader can work out."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import pytest

from analytics.competing_risks import CompetingTable, cumulative_incidence
from analytics.cox import cox
from analytics.cox_checks import concordance, proportional_hazards, robust
from analytics.delayed_entry import Entries
from analytics.errors import NotEstimable
from analytics.gray import gray, gray_score, gray_stratified, gray_test
from analytics.life_table import ExitTable
from analytics.logrank import logrank, stratum_score
from analytics.logrank_weight import FlemingHarrington, gehan, tarone_ware
from analytics.milestone import milestone_difference
from analytics.restricted_mean import restricted_mean, restricted_mean_ratio
from analytics.reverse_kaplan_meier import median_follow_up
from analytics.survival import kaplan_meier, nelson_aalen
from analytics.trend import trend_test

Z = 1.959963984540054


def competing(*exits: tuple[float, str | None]) -> CompetingTable:
    return CompetingTable.from_exits([time for time, _ in exits], [cause for _, cause in exits])


def events(*times: float) -> ExitTable:
    return ExitTable.from_exits(times, [1] * len(times))


def test_incidence_of_four_patients() -> None:
    table = competing((1, "death"), (2, "progression"), (2, None), (3, "progression"))
    progression = cumulative_incidence(table, "progression")
    # 3/4 survive day 1, of whom 1 of 3 progresses; 1/2 is left for day 3
    assert progression.incidence == pytest.approx([0, 1 / 4, 3 / 4])
    assert progression.at(2).n_risk == 3
    assert progression.at(0.5).incidence == 0
    assert cumulative_incidence(table, "death").at(9).incidence == pytest.approx(1 / 4)
    assert cumulative_incidence(table, "relapse").at(9).incidence == 0


def test_before_the_first_event_of_a_cause_both_limits_are_0() -> None:
    point = cumulative_incidence(competing((1, "death"), (2, "progression")), "progression").at(1)
    assert (point.incidence, point.se, point.low, point.high) == (0, 0, 0, 0)


def test_where_all_had_the_event_of_one_cause_there_are_no_limits() -> None:
    point = cumulative_incidence(competing((1, "a"), (2, "a")), "a").at(2)
    assert (point.incidence, point.se, point.low, point.high) == (1, None, None, None)


def test_an_incidence_without_survivors_is_a_binomial_share() -> None:
    table = competing((1, "a"), (2, "b"), (3, "a"), (4, "a"))
    assert cumulative_incidence(table, "a").at(4).se == pytest.approx(sqrt(0.75 * 0.25 / 4))


def test_rows_of_one_time_add_by_cause() -> None:
    table = CompetingTable.from_counts([3, 1, 3], {"b": [1, 0, 1], "a": [0, 0, 2]}, [0, 0, 1])
    assert table.causes == ("a", "b")
    assert table.events.tolist() == [[2, 2]]
    assert table.cause_specific("a") == ExitTable.from_counts([3], [2], [3])
    assert table != CompetingTable.from_counts([3], {"b": [3], "a": [1]}, [1])


@pytest.mark.parametrize(
    ("causes", "split", "reason"),
    [
        (("a", "b"), [[1]], "one column per cause"),
        (("b", "a"), [[1, 0]], "ascending"),
        (("a", "a"), [[1, 0]], "distinct"),
        (("a", "b"), [[2, -1]], "negative"),
        (("a", "b"), [[1, 1]], "add up"),
    ],
)
def test_causes_that_do_not_fit_their_table_are_refused(causes, split, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        CompetingTable(events(1), causes, np.array(split, dtype=np.int64))


def test_causes_need_columns_of_one_length() -> None:
    with pytest.raises(ValueError, match="one length"):
        CompetingTable.from_counts([1, 2], {"a": [1]}, [0, 0])


def test_a_split_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        competing((1, "a")).events[0] = 5


def test_who_enters_at_an_event_is_not_at_risk_for_it() -> None:
    table = ExitTable.from_exits([2, 5, 9], [1, 1, 0], [-np.inf, 2, 4])
    assert table.n_risk.tolist() == [1, 2, 1]
    assert table.at_risk([0, 3, 4.5]).tolist() == [1, 1, 2]
    assert nelson_aalen(table).hazard.tolist() == [1, 1.5, 1.5]


def test_a_small_early_risk_set_can_end_the_curve() -> None:
    curve = kaplan_meier(ExitTable.from_exits([2, 5, 9], [1, 1, 0], [0, 2, 4]))
    assert curve.surv.tolist() == [0, 0, 0]
    assert curve.at(9).se is None


@pytest.mark.parametrize(("exit_at", "entered"), [([5, 9], [5, 0]), ([5, 9], [0, 9])])
def test_exit_follows_entry(exit_at, entered) -> None:
    with pytest.raises(ValueError, match="exit must follow entry"):
        ExitTable.from_exits(exit_at, [1, 1], entered)
    with pytest.raises(ValueError, match="exit must follow entry"):
        ExitTable.from_counts([5], [1], [0], Entries.from_counts([2], [2]))


def test_entries_of_one_time_add_and_zeros_vanish() -> None:
    assert Entries.from_counts([3, 1, 3], [1, 0, 1]) == Entries.from_counts([3], [2])
    assert Entries.none() != Entries.from_counts([3], [2])


LEUKAEMIA = {
    "6-MP": ExitTable.from_exits(
        [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35],
        [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0],
    ),
    "placebo": events(
        1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23
    ),
}  # fmt: skip
"""Remission in weeks, Freireich and others 1963; the tests as SAS PROC LIFETEST prints them."""


@pytest.mark.parametrize(
    ("weight", "chi2"),
    [(FlemingHarrington(), 16.7929), (gehan, 13.4579), (tarone_ware, 15.1236)],
)
def test_the_weighted_tests_of_a_textbook(weight, chi2: float) -> None:
    assert round(logrank(LEUKAEMIA, weight).chi2, 4) == chi2


@pytest.mark.parametrize("powers", [(-1, 0), (0, -0.5), (np.nan, 0)])
def test_an_exponent_is_not_negative(powers) -> None:
    with pytest.raises(ValueError, match="negative"):
        FlemingHarrington(*powers)


def test_a_trend_needs_levels_that_differ() -> None:
    score = stratum_score(LEUKAEMIA)
    with pytest.raises(NotEstimable, match="different levels"):
        trend_test(score, {"6-MP": 1, "placebo": 1})
    with pytest.raises(KeyError):
        trend_test(score, {"6-MP": 1})
    assert trend_test(score, {"6-MP": 0, "placebo": 1}).z == pytest.approx(sqrt(16.7929), abs=1e-4)


def test_gray_of_sites_adds_their_scores() -> None:
    sites = [
        {"a": competing((1, "x"), (3, "y")), "b": competing((2, "x"), (4, None))},
        {"a": competing((2, "x"), (5, None)), "c": competing((1, "x"), (3, "x"))},
    ]
    first, second = (gray_score(tables, "x") for tables in sites)
    assert gray_test(first + second).chi2 == gray_stratified(sites, "x").chi2
    assert gray_stratified(sites, "x").groups == ("a", "b", "c")


def test_gray_leaves_out_who_is_never_at_risk_of_the_cause() -> None:
    pair = {"a": competing((1, "x"), (3, "x"), (4, None)), "b": competing((2, "x"), (4, "y"))}
    gone = {**pair, "c": competing((0, "y"), (0.5, None)), "d": competing()}
    assert gray(gone, "x").groups == ("a", "b")
    assert gray(gone, "x").chi2 == pytest.approx(gray(pair, "x").chi2)


@pytest.mark.parametrize(
    ("tables", "rho", "reason"),
    [
        ({}, 0, "fewer than two groups"),
        ({"a": competing((1, "x")), "b": competing()}, 0, "fewer than two groups"),
        ({"a": competing((1, "y")), "b": competing((1, "y"))}, 0, "fewer than two groups"),
        (
            {
                "a": competing(*[(1, "x")] * 9, (1, None)),
                "b": competing((2, "x"), (3, "x"), (4, "x")),
            },
            0.5,
            "passes 1",
        ),
    ],
)
def test_a_test_by_gray_that_cannot_be_made(tables, rho: float, reason: str) -> None:
    with pytest.raises(NotEstimable, match=reason):
        gray(tables, "x", rho)


def test_gray_refuses_delayed_entry_and_a_negative_rho() -> None:
    late = CompetingTable.from_exits([2, 3], ["x", "y"], [1, 0])
    with pytest.raises(NotEstimable, match="delayed entry"):
        gray({"a": late, "b": late}, "x")
    pair = {"a": competing((1, "x")), "b": competing((2, "x"))}
    with pytest.raises(ValueError, match="rho"):
        gray(pair, "x", -1)


def test_median_follow_up_of_four_patients() -> None:
    table = ExitTable.from_exits([1, 5, 8, 9], [1, 0, 0, 0])
    assert median_follow_up(table).value == 8
    with pytest.raises(NotEstimable, match="nobody is censored"):
        median_follow_up(events(1, 2))
    with pytest.raises(NotEstimable, match="no patients"):
        median_follow_up(ExitTable.empty())


def test_milestones_of_two_groups_differ() -> None:
    a, b = (kaplan_meier(events(*times)) for times in ((1, 9, 9, 9), (1, 1, 9, 9)))
    found = milestone_difference(a.at(5), b.at(5))
    se = sqrt(0.75 * 0.25 / 4 + 0.25 / 4)
    assert (found.difference, found.se) == pytest.approx((0.25, se))
    assert (found.low, found.high) == pytest.approx((0.25 - Z * se, 0.25 + Z * se))
    assert found.p == pytest.approx(0.4496917979688908)


def test_milestones_that_cannot_be_compared() -> None:
    curve = kaplan_meier(events(1, 9))
    incidence = cumulative_incidence(competing((1, "x"), (9, "x")), "x")
    with pytest.raises(ValueError, match="time or in kind"):
        milestone_difference(curve.at(1), curve.at(2))
    with pytest.raises(ValueError, match="time or in kind"):
        milestone_difference(curve.at(1), incidence.at(1))
    with pytest.raises(NotEstimable, match="no standard error"):
        milestone_difference(curve.at(9), curve.at(9))
    with pytest.raises(NotEstimable, match="neither group has an event"):
        milestone_difference(curve.at(0.5), curve.at(0.5))


def test_restricted_means_have_a_ratio() -> None:
    a, b = (restricted_mean(ExitTable.from_exits([t, 8], [1, 0]), 8) for t in (6, 2))
    found = restricted_mean_ratio(a, b)
    assert found.ratio == pytest.approx(7 / 5)
    assert found.log_se == pytest.approx(sqrt(0.5 / 49 + 4.5 / 25))
    assert found.high == pytest.approx(exp(log(7 / 5) + Z * found.log_se))
    at_once = restricted_mean(events(0), 8)
    with pytest.raises(NotEstimable, match="mean is 0"):
        restricted_mean_ratio(a, at_once)
    with pytest.raises(ValueError, match="different horizons"):
        restricted_mean_ratio(a, restricted_mean(events(1), 9))


def test_checks_of_a_fit_that_do_not_exist() -> None:
    x = {"a": [0.0], "b": [1.0]}
    tables = {"a": events(1, 4, 5), "b": events(2, 3, 6)}
    exact = cox(tables, x, "exact")
    for check in (robust, proportional_hazards):
        with pytest.raises(NotEstimable, match="exact ties"):
            check(exact)
    late = {"a": ExitTable.from_exits([1, 4], [1, 1], [0, 2]), "b": events(2, 3)}
    with pytest.raises(NotEstimable, match="entered when"):
        robust(cox(late, x))
    day = ExitTable.from_counts([1], [2], [1])
    once = cox({"a": day, "b": ExitTable.from_counts([1], [1], [2])}, x)
    with pytest.raises(NotEstimable, match="too few times"):
        proportional_hazards(once)


def test_concordance_of_three_patients() -> None:
    # the one at higher risk goes first before one of the others, and last before none
    tables = {"a": events(2, 3), "b": events(1, 4)}
    fit = cox(tables, {"a": [0.0], "b": [1.0]})
    pairs_first = 1.0 if fit.coef[0] > 0 else 0.0
    concordant = 2 * pairs_first + 0.5 + 0.5 + 2 * (1 - pairs_first)
    assert concordance(fit) == pytest.approx(concordant / 6)
