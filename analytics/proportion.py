"""Proportions and paired directions from counts: exact intervals, Wilson, the sign test."""

from __future__ import annotations

from math import sqrt

from scipy.special import bdtr, betaincinv

from analytics.errors import NotEstimable
from analytics.normal import two_sided_z

Interval = tuple[float, float]


def clopper_pearson(x: int, n: int, level: float = 0.95) -> Interval:
    """The exact binomial interval for `x` of `n`, as fractions (statistics.md 3.9).

    Clopper and Pearson 1934, Biometrika 26:404; R `binom.test`. Raises NotEstimable for n = 0 and
    ValueError unless 0 <= x <= n and 0 < level < 1.
    """
    _check(x, n, level)
    tail = (1 - level) / 2
    low = 0.0 if x == 0 else float(betaincinv(x, n - x + 1, tail))
    high = 1.0 if x == n else float(betaincinv(x + 1, n - x, 1 - tail))
    return low, high


def wilson(x: int, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval for `x` of `n`, as fractions, without continuity correction.

    Wilson 1927, J Am Stat Assoc 22:209. Raises as `clopper_pearson` does.
    """
    _check(x, n, level)
    z = two_sided_z(level)
    share = x / n
    centre = share + z * z / (2 * n)
    spread = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    shrink = 1 + z * z / n
    # the ends are exactly 0 and 1, which subtraction and division miss by a rounding error
    low = 0.0 if x == 0 else (centre - spread) / shrink
    high = 1.0 if x == n else (centre + spread) / shrink
    return low, high


def sign_test(ups: int, downs: int) -> float:
    """Two-sided exact p of `ups` against `downs`, ties left out; 1 when all were ties.

    min(1, 2 P(Bin(ups + downs, 1/2) <= min(ups, downs))) (statistics.md 3.9). Raises ValueError
    for a negative count.
    """
    if ups < 0 or downs < 0:
        raise ValueError(f"counts cannot be negative: {ups}, {downs}")
    return min(1.0, float(2 * bdtr(min(ups, downs), ups + downs, 0.5)))


def _check(x: int, n: int, level: float) -> None:
    if n == 0:
        raise NotEstimable("a proportion of no patients")
    if not 0 <= x <= n:
        raise ValueError(f"{x} of {n} is no proportion")
    if not 0 < level < 1:
        raise ValueError(f"the confidence level must lie between 0 and 1, not {level}")
