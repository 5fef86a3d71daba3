"""Doubling and halving times: eligible values, segments, regression, Tobit and brackets.

Day 0 of the short series is 2021-03-01; 1461 days are four years.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import inf, log

import pytest

from analytics.course import FactRef
from analytics.patient_level import tg_kinetics
from analytics.study import Study
from analytics.thyroglobulin import TgValue
from analytics.thyroglobulin_kinetics import Kinetics, eligible, kinetics, slope
from tests.lib.r_thyroglobulin import EXPECTED
from tests.lib.story import day, episode_of
from tests.spec.test_tobit import FALLING, FALLING_DAYS, RISING, RISING_DAYS


def value(at: int, text: str, *, assay: str = "a", tsh: str = "suppressed") -> TgValue:
    below = text.startswith("<")
    number = Decimal(text.lstrip("<>"))
    return TgValue(
        day=day(at),
        low=Decimal(0) if below else number,
        high=None if text.startswith(">") else number,
        below_limit=below,
        assay=assay,
        tsh_state=tsh,
        tgab=None,
        tgab_positive=None,
        ref=FactRef("Observation", f"{at}-{text}"),
    )


def series(text: str) -> list[TgValue]:
    """`0 1.0, 180 <0.1`: days and values."""
    return [value(int(at), number) for at, number in (each.split() for each in text.split(","))]


def found(text: str, study: Study) -> Kinetics:
    return kinetics(series(text), study)


@pytest.mark.parametrize(
    ("text", "category", "years", "doubles"),
    [
        ("0 1, 1461 16, 2922 256", "1_to_3_years", 1.0, True),  # four doublings in four years
        ("0 1, 1461 32, 2922 1024", "under_1_year", 0.8, True),
        ("0 1, 1461 2, 2922 4", "over_3_years", 4.0, True),
        ("0 16, 1461 4, 2922 1", "negative", 2.0, False),  # halves in two years
        ("0 5, 1461 5, 2922 5", "negative", None, False),
    ],
)
def test_times_by_hand(
    text: str, category: str, years: float | None, doubles: bool, study: Study
) -> None:
    result = found(text, study)
    assert (result.category, result.doubles) == (category, doubles)
    assert result.time_years == (pytest.approx(years) if years else None)
    assert result.few_values
    assert result.slope is not None
    assert result.slope.method == "regression"


def test_the_interval_is_that_of_the_slope_inverted(study: Study) -> None:
    result = found("0 1.0, 180 1.6, 365 2.1, 720 4.4", study)
    b, low, high = EXPECTED["line.slope"]
    assert result.slope is not None
    assert (result.slope.per_year, result.slope.low, result.slope.high) == pytest.approx(
        (b, low, high), rel=1e-9
    )
    assert result.time_years == pytest.approx(log(2) / b)
    assert (result.time_low, result.time_high) == pytest.approx((log(2) / high, log(2) / low))
    assert not result.few_values


def test_an_interval_of_the_slope_with_0_has_no_interval_of_the_time(study: Study) -> None:
    result = found("0 1, 100 3, 200 1.1, 300 2.5", study)
    assert result.slope is not None
    assert result.slope.low < 0 < result.slope.high
    assert (result.time_low, result.time_high) == (None, None)
    assert result.time_years is not None


@pytest.mark.parametrize(
    ("name", "days", "values", "limit", "category"),
    [
        ("falling", FALLING_DAYS, FALLING, 0.1, "negative"),
        ("rising", RISING_DAYS, RISING, 0.2, "under_1_year"),
    ],
)
def test_values_below_the_limit_are_censored_as_r_does(
    name: str, days: list[int], values: list[float], limit: float, category: str, study: Study
) -> None:
    text = ", ".join(
        f"{at} {'<' if number == limit else ''}{number}"
        for at, number in zip(days, values, strict=True)
    )
    result = found(text, study)
    b = EXPECTED[f"tobit.{name}.coef"][1]
    se = EXPECTED[f"tobit.{name}.covariance"][4] ** 0.5
    assert result.slope is not None
    assert result.slope.method == "tobit"
    assert result.slope.per_year == pytest.approx(b, rel=1e-7)
    assert result.slope.low == pytest.approx(b - 1.959963984540054 * se, rel=1e-6)
    assert (result.category, result.n_below_limit) == (category, 2)
    assert result.time_years == pytest.approx(log(2) / abs(b), rel=1e-7)


def test_substituting_the_limit_would_be_off(study: Study) -> None:
    censored = found("0 12.4, 91 6.1, 183 2.2, 329 0.9, 475 <0.1, 657 <0.1", study)
    at_limit = found("0 12.4, 91 6.1, 183 2.2, 329 0.9, 475 0.1, 657 0.1", study)
    assert censored.time_years is not None
    assert at_limit.time_years is not None
    assert at_limit.time_years > 1.2 * censored.time_years


def test_two_values_above_the_limit_give_a_bracket_only(study: Study) -> None:
    fell = found("0 8, 100 4, 365 <1", study)
    assert fell.slope is not None
    assert (fell.slope.method, fell.slope.per_year, fell.slope.low) == ("bracket", None, -inf)
    assert fell.slope.high == pytest.approx(-log(8) / (365 / 365.25))
    assert (fell.category, fell.time_years) == ("negative", None)
    # It halved at least three times in a year.
    assert fell.time_high == pytest.approx(365 / 365.25 / 3)
    rose = found("0 <1, 100 0.5, 1461 2", study)  # doubled at least once in four years
    assert rose.category == "not_estimable"
    assert rose.reason == "fewer than three values above the limit"
    assert found("0 <1, 100 3, 365 4", study).category == "under_1_year"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 1, 400 2", "fewer than 3 days"),
        ("0 1, 0 2, 400 2", "fewer than 3 days"),
        ("0 1, 40 2, 89 3", "span fewer than 90 days"),
        ("0 <1, 100 0.5, 365 <1", "first and last value lie below"),
        ("0 1, 100 >500, 365 2", "fewer than 3 days"),
        ("0 1, 100 0, 365 2", "fewer than 3 days"),
    ],
)
def test_what_cannot_be_estimated_has_a_reason(text: str, reason: str, study: Study) -> None:
    result = found(text, study)
    assert result.category == "not_estimable"
    assert reason in result.reason
    assert (result.time_years, result.doubles) == (None, None)


def test_the_study_says_how_many_and_over_how_long(study: Study) -> None:
    assert found("0 1, 40 2, 90 3", study).category == "under_1_year"
    four = replace(study, tg_kinetics_min_values=4)
    assert found("0 1, 40 2, 90 3", four).category == "not_estimable"
    with pytest.raises(ValueError, match="at least 3"):
        replace(study, tg_kinetics_min_values=2)


def test_one_assay_unstimulated_and_without_antibodies() -> None:
    values = [
        *series("0 1, 100 2, 200 3"),
        value(300, "9", assay="b"),
        value(310, "90", tsh="stimulated"),
        replace(value(320, "4"), tgab_positive=True),
    ]
    kept, left_out = eligible(values)
    assert [each.day for each in kept] == [day(0), day(100), day(200)]
    assert left_out == {"other_assay": 1, "stimulated": 1, "tgab_positive": 1}
    assert eligible([value(0, "1", assay="a"), value(9, "2", assay="b")])[0][0].assay == "b"


def test_a_slope_needs_more_than_one_day() -> None:
    with pytest.raises(ValueError, match="one day"):
        slope(series("0 1, 0 2, 0 4"))
    with pytest.raises(ValueError, match="one day"):
        slope(series("0 1, 0 <2"))


# Days from the first drug day; protocol finish is day 50.
BEFORE = "-700 Tg 1\n-500 Tg 2\n-300 Tg 4\n-5 Tg 8"
AFTER = "100 Tg 8\n150 Tg 4\n250 Tg 2"


def test_a_series_never_crosses_a_treatment(study: Study) -> None:
    result = tg_kinetics(episode_of(f"{BEFORE}\n20 Tg 99\n{AFTER}", study), study)
    assert (result["before"].n, result["before"].doubles) == (4, True)
    assert (result["after"].n, result["after"].doubles) == (3, False)


@pytest.mark.parametrize(
    ("treatment", "n_before", "n_after"),
    [
        ("-600 rai 150 mCi therapeutic", 3, 3),
        ("-600 rai 4 mCi diagnostic", 4, 3),
        ("-600..-400 drug lenvatinib", 2, 3),  # from its end on
        ("120 drug lenvatinib", 4, 1),
        ("120 rai 150 mCi therapeutic", 4, 1),
        ("90 drug rhTSH", 4, 3),  # a test, no treatment; no value in the days after
    ],
)
def test_other_treatments_cut_the_series(
    treatment: str, n_before: int, n_after: int, study: Study
) -> None:
    result = tg_kinetics(episode_of(f"{BEFORE}\n{AFTER}\n{treatment}", study), study)
    assert (result["before"].n, result["after"].n) == (n_before, n_after)
