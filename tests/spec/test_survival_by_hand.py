"""Small tables whose answers a reader can work out, and those that have none."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import pytest

from analytics.errors import NotEstimable
from analytics.life_table import ExitTable
from analytics.restricted_mean import restricted_mean, restricted_mean_difference
from analytics.survival import kaplan_meier, nelson_aalen, quantile

EVENT, CENSORED = 1, 0


def exits(*pairs: tuple[float, int]) -> ExitTable:
    return ExitTable.from_exits([time for time, _ in pairs], [flag for _, flag in pairs])


def events(*times: float) -> ExitTable:
    return ExitTable.from_exits(times, [EVENT] * len(times))


def test_who_is_censored_on_the_day_of_an_event_is_at_risk_for_it() -> None:
    table = exits((5, EVENT), (5, CENSORED), (9, CENSORED), (0, CENSORED))
    assert table.times.tolist() == [0, 5, 9]
    assert table.n_risk.tolist() == [4, 3, 1]
    assert kaplan_meier(table).surv.tolist() == pytest.approx([1, 2 / 3, 2 / 3])


def test_an_event_on_day_0_lowers_the_curve_from_the_start() -> None:
    curve = kaplan_meier(exits((0, EVENT), (8, CENSORED)))
    assert curve.at(0).surv == 0.5
    assert restricted_mean(exits((0, EVENT), (8, CENSORED)), 8).mean == 4


def test_rows_of_one_time_add_and_rows_of_zeros_vanish() -> None:
    table = ExitTable.from_counts([7, 3, 7, 4], [1, 0, 2, 0], [0, 5, 1, 0])
    assert table == ExitTable.from_counts([3, 7], [0, 3], [5, 1])
    assert table != ExitTable.from_counts([3, 7], [0, 3], [5, 2])


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (([1, 2], [1], [0]), "one length"),
        (([[1, 2]], [[1, 1]], [[0, 0]]), "one length"),
        (([-1], [1], [0]), "not negative"),
        (([np.nan], [1], [0]), "finite"),
        (([np.inf], [1], [0]), "finite"),
        (([1, 1], [-1, 2], [0, 0]), "counts cannot be negative"),
        (([1, 1], [1, 1], [-1, 2]), "counts cannot be negative"),
        (([1], [1.0], [0]), "whole numbers"),
    ],
)
def test_what_is_no_table_is_refused(columns, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        ExitTable.from_counts(*columns)


def test_a_flag_is_0_or_1() -> None:
    with pytest.raises(ValueError, match="counts cannot be negative"):
        ExitTable.from_exits([1], [2])


@pytest.mark.parametrize(
    ("times", "counts", "reason"),
    [
        ([2.0, 1.0], [1, 1], "ascending"),
        ([1.0, 1.0], [1, 1], "ascending"),
        ([1.0, 2.0], [1, 0], "without exits"),
        ([1.0, 2.0], [1, -1], "negative"),
        ([1.0, 2.0], [1], "one length"),
    ],
)
def test_the_constructor_takes_canonical_rows_only(times, counts, reason: str) -> None:
    rows = np.array(counts, dtype=np.int64)
    with pytest.raises(ValueError, match=reason):
        ExitTable(np.array(times), rows, np.zeros_like(rows))


def test_a_table_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        events(1, 2).events[0] = 5


def test_before_the_first_exit_all_survive_and_both_limits_are_1() -> None:
    point = kaplan_meier(exits((3, EVENT), (9, CENSORED))).at(2)
    assert (point.n_risk, point.surv, point.se, point.low, point.high) == (2, 1, 0, 1, 1)
    assert nelson_aalen(events(3)).at(2) == (0, 0)


def test_after_the_last_exit_nobody_is_at_risk() -> None:
    point = kaplan_meier(exits((3, EVENT), (9, CENSORED))).at(10)
    assert (point.n_risk, point.surv) == (0, 0.5)


@pytest.mark.parametrize("ci", ["plain", "log", "log-log", "logit", "arcsin"])
def test_where_all_had_the_event_there_are_no_limits(ci) -> None:
    point = kaplan_meier(events(3, 4)).at(4, ci)
    assert (point.surv, point.se, point.low, point.high) == (0, None, None, None)


def test_limits_stay_between_0_and_1() -> None:
    curve = kaplan_meier(events(1, 2, 3, 4))
    assert curve.at(3, "plain").low == 0
    assert curve.at(3, "arcsin", level=0.99).low == 0
    assert curve.at(1, "log").high == 1
    assert curve.at(1, "arcsin", level=0.99).high == 1


def test_limits_of_one_half_at_another_level() -> None:
    point = kaplan_meier(exits((1, EVENT), (2, CENSORED))).at(
        1, "log-log", level=0.6826894921370859
    )
    spread = sqrt(0.5) / log(2)  # z = 1, greenwood 1/(2*1)
    assert point.low == pytest.approx(0.5 ** exp(spread), rel=1e-12)
    assert point.high == pytest.approx(0.5 ** exp(-spread), rel=1e-12)


def test_a_level_of_95_is_a_slip_for_095() -> None:
    with pytest.raises(ValueError, match="confidence level"):
        kaplan_meier(events(1, 2)).at(1, level=95)


def test_the_median_lies_in_the_middle_of_a_flat_piece() -> None:
    assert quantile(kaplan_meier(events(1, 2, 3, 4))).value == 2.5


@pytest.mark.parametrize(("n", "first", "second"), [(12, 1, 5), (18, 7, 2)])
def test_a_height_of_one_half_missed_by_rounding_is_one_half(n, first, second) -> None:
    left = n - first - second
    curve = kaplan_meier(ExitTable.from_counts([1, 3, 4], [first, second, 1], [0, 0, left - 1]))
    assert curve.at(3).surv != 0.5
    assert quantile(curve).value == 3.5


def test_a_curve_that_ends_flat_at_one_half_counts_to_its_last_exit() -> None:
    table = exits((1, EVENT), (2, EVENT), (3, CENSORED), (4, CENSORED))
    assert quantile(kaplan_meier(table)).value == 3


def test_the_fraction_of_a_quantile_lies_between_0_and_1() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile(kaplan_meier(events(1)), 1)


def test_restricted_mean_of_two_patients() -> None:
    found = restricted_mean(exits((1, EVENT), (2, CENSORED)), 2)
    assert (found.mean, found.se) == pytest.approx((1.5, sqrt(0.5**2 / 2)))
    margin = 1.959963984540054 * found.se
    assert (found.low, found.high) == pytest.approx((1.5 - margin, 1.5 + margin), rel=1e-12)


@pytest.mark.parametrize(
    ("table", "reaches"),
    [
        (exits((3, EVENT), (10, CENSORED)), True),
        (exits((3, EVENT), (9, CENSORED)), False),
        (events(3, 9), True),
    ],
)
def test_a_mean_says_whether_follow_up_reaches_the_horizon(table, reaches: bool) -> None:
    assert restricted_mean(table, 10).follow_up_reaches_tau is reaches


def test_no_event_before_the_horizon_gives_the_horizon_without_error() -> None:
    found = restricted_mean(exits((12, EVENT), (13, CENSORED)), 10)
    assert (found.mean, found.se, found.low, found.high) == (10, 0, 10, 10)


@pytest.mark.parametrize("tau", [0, -1, np.inf, np.nan])
def test_a_horizon_is_a_positive_time(tau: float) -> None:
    with pytest.raises(ValueError, match="horizon"):
        restricted_mean(events(1), tau)


def test_restricted_means_differ() -> None:
    a, b = (restricted_mean(exits((t, EVENT), (8, CENSORED)), 8) for t in (6, 2))
    found = restricted_mean_difference(a, b)
    assert (found.difference, found.se) == pytest.approx((2, sqrt((1 + 9) / 2)))
    assert found.z == pytest.approx(2 / sqrt(5))
    assert found.p == pytest.approx(0.37109336952269767)
    assert found.low < 0 < found.high


def test_restricted_means_that_cannot_be_compared() -> None:
    table = exits((3, EVENT), (9, CENSORED))
    with pytest.raises(ValueError, match="different horizons"):
        restricted_mean_difference(restricted_mean(table, 8), restricted_mean(table, 9))
    without = restricted_mean(table, 2)
    with pytest.raises(NotEstimable, match="standard error"):
        restricted_mean_difference(without, without)


@pytest.mark.parametrize(
    "estimate", [kaplan_meier, nelson_aalen, lambda table: restricted_mean(table, 5)]
)
def test_no_patients_give_no_estimate(estimate) -> None:
    with pytest.raises(NotEstimable) as error:
        estimate(ExitTable.empty())
    assert error.value.reason == "no patients"
