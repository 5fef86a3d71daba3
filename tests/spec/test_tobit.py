"""Censored lines: coefficients, spread and covariance as R's survreg gives them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from analytics.errors import NotEstimable
from analytics.tobit import tobit
from tests.lib.r_thyroglobulin import EXPECTED

FALLING_DAYS = [0, 91, 183, 329, 475, 657]
FALLING = [12.4, 6.1, 2.2, 0.9, 0.1, 0.1]
RISING_DAYS = [0, 60, 150, 240, 400]
RISING = [0.2, 0.2, 0.31, 0.4, 0.9]


def line(x: list[float]) -> list[list[float]]:
    return [[1.0, each] for each in x]


def years(days: list[int]) -> list[float]:
    return [day / 365.25 for day in days]


CASES: dict[str, tuple[list[list[float]], Any, list[int]]] = {
    "falling": (line(years(FALLING_DAYS)), np.log(FALLING), [0, 0, 0, 0, -1, -1]),
    "rising": (line(years(RISING_DAYS)), np.log(RISING), [-1, -1, 0, 0, 0]),
    "both_sides": (line([0, 1, 2, 3, 4, 5]), [0.1, -0.4, 0.2, 0.9, 1.4, 3], [-1, 0, 0, 0, 0, 1]),
    "mean": ([[1.0]] * 5, [-1.2, -0.5, 0.3, -2.1, -1.9], [0, 0, 0, -1, -1]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_fit_is_survreg_s(name: str) -> None:
    design, response, side = CASES[name]
    fit = tobit(design, response, side)
    k = len(design[0]) + 1
    assert list(fit.coef) == pytest.approx(EXPECTED[f"tobit.{name}.coef"], rel=1e-7)
    assert [fit.sigma] == pytest.approx(EXPECTED[f"tobit.{name}.sigma"], rel=1e-7)
    assert [fit.log_likelihood] == pytest.approx(EXPECTED[f"tobit.{name}.loglik"], rel=1e-9)
    expected = np.reshape(EXPECTED[f"tobit.{name}.covariance"], (k, k))
    assert fit.covariance == pytest.approx(expected, rel=1e-6)
    assert fit.se == pytest.approx(np.sqrt(np.diag(expected))[:-1], rel=1e-6)


def test_the_score_is_zero_at_the_maximum() -> None:
    design, response, side = CASES["falling"]
    fit = tobit(design, response, side)

    def height(a: float, b: float, sigma: float) -> float:
        total = 0.0
        for (_, x), y, bound in zip(design, response, side, strict=True):
            u = (y - a - b * x) / sigma
            density = -u * u / 2 - math.log(math.sqrt(2 * math.pi) * sigma)
            total += math.log(math.erfc(-u / math.sqrt(2)) / 2) if bound else density
        return total

    best = (*map(float, fit.coef), fit.sigma)
    assert height(*best) == pytest.approx(fit.log_likelihood, rel=1e-12)
    for place in range(3):
        for step in (-1e-3, 1e-3):
            moved = [value + step * (at == place) for at, value in enumerate(best)]
            assert height(*moved) < fit.log_likelihood


@pytest.mark.parametrize(
    ("response", "side", "reason"),
    [
        ([1, 2, 3, 5], [0, 0, 0, -1], "no spread"),  # three on a line that passes below the limit
        ([1, 2, 4, 0], [0, 0, -1, -1], "too few values"),
        ([1, 2, 3, 4], [0, 0, 0, 0], "no spread"),
        ([2, 2, 2, 2], [0, 0, 0, 0], "no spread"),
    ],
)
def test_without_a_maximum_there_is_no_fit(
    response: list[float], side: list[int], reason: str
) -> None:
    with pytest.raises(NotEstimable, match=reason):
        tobit(line([0, 1, 2, 3]), response, side)


def test_values_of_one_day_give_no_slope() -> None:
    with pytest.raises(NotEstimable, match="too few values"):
        tobit(line([1, 1, 1, 2]), [1, 2, 4, 0], [0, 0, 0, -1])


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="shapes"):
        tobit([1.0, 2.0], [1, 2], [0, 0])
    with pytest.raises(ValueError, match="shapes"):
        tobit(line([0, 1, 2]), [1, 2], [0, 0])
