"""Proportions: R's exact intervals, Wilson's from its defining equation, sign tests by hand."""

from __future__ import annotations

import json
from fractions import Fraction
from math import comb, sqrt
from pathlib import Path

import pytest
from scipy.stats import binomtest

from analytics.errors import NotEstimable
from analytics.normal import two_sided_z
from analytics.proportion import clopper_pearson, sign_test, wilson


def test_clopper_pearson_gives_what_r_gives(shared: Path) -> None:
    reference = json.loads((shared / "reference/r/r_reference.json").read_text())
    for fraction, expected in reference["clopper_pearson"].items():
        x, n = (int(part) for part in fraction.split("/"))
        assert clopper_pearson(x, n) == pytest.approx(expected, rel=1e-10, abs=1e-13), fraction


def test_clopper_pearson_of_11_of_16_in_print() -> None:
    low, high = clopper_pearson(11, 16)
    assert (round(low, 3), round(high, 3)) == (0.413, 0.890)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
@pytest.mark.parametrize(("x", "n"), [(0, 1), (1, 1), (3, 14), (6, 16), (50, 500)])
def test_both_intervals_agree_with_scipy_at_other_levels(x: int, n: int, level: float) -> None:
    theirs = binomtest(x, n)
    assert clopper_pearson(x, n, level) == pytest.approx(theirs.proportion_ci(level), rel=1e-9)
    by_score = theirs.proportion_ci(level, method="wilson")
    assert wilson(x, n, level) == pytest.approx(by_score, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(("x", "n"), [(1, 16), (6, 16), (15, 16), (50, 500)])
def test_wilsons_ends_are_where_the_score_test_just_rejects(x: int, n: int) -> None:
    for end in wilson(x, n):
        score = (x / n - end) / sqrt(end * (1 - end) / n)
        assert abs(score) == pytest.approx(two_sided_z(0.95), rel=1e-12)


@pytest.mark.parametrize("interval", [clopper_pearson, wilson])
def test_none_and_all_reach_the_end_exactly(interval) -> None:
    for n in range(1, 60):
        assert interval(0, n)[0] == 0
        assert interval(n, n)[1] == 1


@pytest.mark.parametrize("interval", [clopper_pearson, wilson])
def test_what_is_no_proportion_is_refused(interval) -> None:
    with pytest.raises(NotEstimable, match="no patients"):
        interval(0, 0)
    for x, n in [(-1, 5), (6, 5), (0, -1)]:
        with pytest.raises(ValueError, match="no proportion"):
            interval(x, n)
    for level in (0, 1, 95):
        with pytest.raises(ValueError, match="confidence level"):
            interval(1, 2, level)


@pytest.mark.parametrize(
    ("ups", "downs", "p"), [(11, 4, 0.118), (7, 5, 0.774), (6, 3, 0.508), (2, 3, 1.0), (0, 0, 1.0)]
)
def test_sign_tests_of_the_trend_table(ups: int, downs: int, p: float) -> None:
    assert round(sign_test(ups, downs), 3) == p


@pytest.mark.parametrize(("ups", "downs"), [(11, 4), (4, 11), (0, 6), (8, 8), (300, 240)])
def test_the_sign_test_counts_outcomes(ups: int, downs: int) -> None:
    m, fewer = ups + downs, min(ups, downs)
    as_rare = sum(comb(m, k) for k in range(m + 1) if k <= fewer or k >= m - fewer)
    assert sign_test(ups, downs) == pytest.approx(float(Fraction(as_rare, 2**m)), rel=1e-12)


def test_the_sign_test_refuses_a_negative_count() -> None:
    with pytest.raises(ValueError, match="negative"):
        sign_test(-1, 3)
