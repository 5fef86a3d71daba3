"""How far sites differ, by hand and as statsmodels has it.

Stored answers: statsmodels 0.15 `combine_effects(effect, variance, method_re="dl")`.
"""

from __future__ import annotations

from math import inf, sqrt

import pytest

from analytics.errors import NotEstimable
from analytics.heterogeneity import (
    Effect,
    Sums,
    heterogeneity,
    heterogeneity_of_sums,
    leave_one_out,
    score_effect,
    site_sums,
)
from analytics.life_table import ExitTable
from analytics.logrank import stratum_score

THREE = [Effect("a", 0.1, 0.01), Effect("b", 0.3, 0.02), Effect("c", 0.5, 0.05)]


def test_three_sites_by_hand():
    # w = 100, 50, 20; Σw 170, Σwθ 35, Σwθ² 10.5, Σw² 12900.
    assert site_sums(THREE[0]) == Sums(1, 100.0, 10.0, pytest.approx(1.0), 10_000.0)
    found = heterogeneity(THREE)
    q = 10.5 - 35**2 / 170
    assert found.q == pytest.approx(q)
    assert found.df == 2
    assert found.i2 == pytest.approx(1 - 2 / q)
    assert found.tau2 == pytest.approx((q - 2) / (170 - 12900 / 170))
    assert found.fixed.estimate == pytest.approx(35 / 170)
    assert found.fixed.se == pytest.approx(sqrt(1 / 170))
    # One degree of freedom: the t of a Cauchy distribution, tan(0.475 π).
    half = 12.706204736174698 * sqrt(found.tau2 + found.random.se**2)
    assert found.prediction == pytest.approx(
        (found.random.estimate - half, found.random.estimate + half)
    )


def test_five_sites_as_statsmodels_has_them():
    effects, variances = (0.1, 0.3, 0.5, -0.4, 0.9), (0.01, 0.02, 0.05, 0.08, 0.03)
    found = heterogeneity(
        Effect(str(place), *pair) for place, pair in enumerate(zip(effects, variances, strict=True))
    )
    assert found.q == pytest.approx(22.820463320463322, rel=1e-13)
    assert found.i2 == pytest.approx(0.8247187209203959, rel=1e-13)
    assert found.tau2 == pytest.approx(0.12530848329048844, rel=1e-13)
    assert (found.fixed.estimate, found.fixed.se) == pytest.approx(
        (0.277992277992278, 0.06806764747811278), rel=1e-13
    )
    assert (found.random.estimate, found.random.se) == pytest.approx(
        (0.30372425254328, 0.1787819792819195), rel=1e-13
    )


def test_what_differs_less_than_chance_is_clipped_at_nothing():
    alike = [Effect(name, 0.2, 0.04) for name in "abcd"]
    found = heterogeneity(alike)
    assert (found.q, found.i2, found.tau2, found.p) == pytest.approx((0, 0, 0, 1), abs=1e-30)
    assert found.random == found.fixed
    sums = sum(map(site_sums, alike), Sums())
    assert heterogeneity_of_sums(sums) == pytest.approx((0, 0, 0), abs=1e-12)


def test_each_site_is_left_out_in_turn():
    found = leave_one_out(THREE)
    assert list(found) == ["a", "b", "c"]
    assert found["c"] == heterogeneity(THREE[:2])
    assert found["c"].prediction is None


def test_too_few_sites_have_no_heterogeneity():
    for effects in ([], THREE[:1]):
        with pytest.raises(NotEstimable):
            heterogeneity(effects)
    with pytest.raises(NotEstimable):
        heterogeneity_of_sums(site_sums(THREE[0]))
    with pytest.raises(NotEstimable):
        leave_one_out(THREE[:2])


@pytest.mark.parametrize(("estimate", "variance"), [(inf, 1.0), (0.0, 0.0), (0.0, -1.0)])
def test_an_effect_without_a_variance_is_none(estimate: float, variance: float):
    with pytest.raises(ValueError, match="finite estimate and a positive variance"):
        Effect("a", estimate, variance)


def test_an_arm_without_events_still_has_a_hazard_by_its_score():
    # Day 1: four at risk, two in each arm, one event among the first; day 2: one and two at risk.
    one = ExitTable.from_exits([1, 2], [1, 1])
    other = ExitTable.from_exits([3, 3], [0, 0])
    score = stratum_score({"one": one, "other": other})
    expected = 2 / 4 + 1 / 3
    variance = 2 * 2 / 16 + 1 * 2 / 9
    found = score_effect("site", score, "one")
    assert found.estimate == pytest.approx((2 - expected) / variance)
    assert found.variance == pytest.approx(1 / variance)
    assert score_effect("site", score, "other").estimate == pytest.approx(-found.estimate)
    with pytest.raises(ValueError, match="one other group"):
        score_effect("site", score, "third")
    empty = stratum_score({"one": other, "other": other})
    with pytest.raises(NotEstimable):
        score_effect("site", empty, "one")
