"""How far sites differ: Q, I², τ², pooled effects and where a new site would lie (pooling.md 10).

Fixed effect by inverse variance, random effects by DerSimonian and Laird (1986, Control Clin Trials
7:177), I² by Higgins (2003, BMJ 327:557), prediction interval by Higgins (2009, J R Stat Soc A
172:137). All but the intervals follow from five sums, so that sites need not show their effects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import isfinite, sqrt
from operator import add

from scipy.special import chdtrc, stdtrit

from analytics.errors import NotEstimable
from analytics.logrank import Score
from analytics.normal import two_sided_z

LEAST_TO_PREDICT = 3


@dataclass(frozen=True, slots=True)
class Effect:
    """A site's estimate, of anything on an additive scale, and its variance (> 0)."""

    label: str
    estimate: float
    variance: float

    def __post_init__(self) -> None:
        if not (isfinite(self.estimate) and isfinite(self.variance) and self.variance > 0):
            raise ValueError("an effect needs a finite estimate and a positive variance")


@dataclass(frozen=True, slots=True)
class Sums:
    """What sites must add up: k, Σw, Σwθ, Σwθ² and Σw² with w = 1/variance. `+` adds sites."""

    k: int = 0
    w: float = 0.0
    w_effect: float = 0.0
    w_effect2: float = 0.0
    w2: float = 0.0

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.k + other.k,
            self.w + other.w,
            self.w_effect + other.w_effect,
            self.w_effect2 + other.w_effect2,
            self.w2 + other.w2,
        )


@dataclass(frozen=True, slots=True)
class Pooled:
    """A pooled effect with its standard error and limits."""

    estimate: float
    se: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Q on `df` = k - 1 degrees of freedom with its p; I² (0-1) and τ², never below 0.

    `prediction`: where the effect of a new site lies, None for fewer than three sites.
    """

    k: int
    q: float
    df: int
    p: float
    i2: float
    tau2: float
    fixed: Pooled
    random: Pooled
    prediction: tuple[float, float] | None


def site_sums(effect: Effect) -> Sums:
    """One site's share in the sums."""
    w = 1 / effect.variance
    return Sums(1, w, w * effect.estimate, w * effect.estimate**2, w * w)


def score_effect(label: str, score: Score, group: str) -> Effect:
    """The log hazard ratio of `group` to the other of two, as (O - E)/V with variance 1/V (Peto).

    It exists where an arm has no event. Raises NotEstimable where nothing is compared (V = 0), and
    ValueError unless the score is of two groups.
    """
    if len(score.groups) != 2 or group not in score.groups:
        raise ValueError(f"{group} and one other group are asked for, not {score.groups}")
    place = score.groups.index(group)
    variance = float(score.covariance[place, place])
    if variance <= 0:
        raise NotEstimable("no event at which both groups are at risk")
    difference = float(score.observed[place] - score.expected[place])
    return Effect(label, difference / variance, 1 / variance)


def heterogeneity(effects: Iterable[Effect], level: float = 0.95) -> Heterogeneity:
    """Of these sites. Raises NotEstimable for fewer than two."""
    held = list(effects)
    sums = reduce(add, map(site_sums, held), Sums())
    if sums.k < 2:
        raise NotEstimable("fewer than two sites have an effect")
    # About the mean: the same as from the sums, without their cancellation.
    centre = sums.w_effect / sums.w
    q = sum((each.estimate - centre) ** 2 / each.variance for each in held)
    tau2 = _tau2(q, sums)
    random = _pooled([(each.estimate, 1 / (each.variance + tau2)) for each in held], level)
    return _result(q, tau2, sums, random, level)


def heterogeneity_of_sums(sums: Sums) -> tuple[float, float, float]:
    """Q, I² (0-1) and τ² from the sums of sites alone. Raises NotEstimable for fewer than two."""
    if sums.k < 2:
        raise NotEstimable("fewer than two sites have an effect")
    q = max(0.0, sums.w_effect2 - sums.w_effect**2 / sums.w)
    return q, _i2(q, sums.k - 1), _tau2(q, sums)


def leave_one_out(effects: Sequence[Effect]) -> dict[str, Heterogeneity]:
    """The result without each site, by its label. Raises NotEstimable for fewer than three."""
    if len(effects) < LEAST_TO_PREDICT:
        raise NotEstimable("fewer than three sites have an effect")
    return {
        left.label: heterogeneity(each for each in effects if each is not left) for left in effects
    }


def _tau2(q: float, sums: Sums) -> float:
    return max(0.0, (q - (sums.k - 1)) / (sums.w - sums.w2 / sums.w))


def _i2(q: float, df: int) -> float:
    return max(0.0, 1 - df / q) if q > 0 else 0.0


def _pooled(weighted: Iterable[tuple[float, float]], level: float) -> Pooled:
    """The weighted mean of (estimate, weight)."""
    pairs = list(weighted)
    total = sum(weight for _, weight in pairs)
    estimate, se = sum(value * weight for value, weight in pairs) / total, sqrt(1 / total)
    margin = two_sided_z(level) * se
    return Pooled(estimate, se, estimate - margin, estimate + margin)


def _result(q: float, tau2: float, sums: Sums, random: Pooled, level: float) -> Heterogeneity:
    df = sums.k - 1
    prediction = None
    if sums.k >= LEAST_TO_PREDICT:
        t = float(stdtrit(sums.k - 2, 0.5 + level / 2))
        spread = t * sqrt(tau2 + random.se**2)
        prediction = (random.estimate - spread, random.estimate + spread)
    fixed = _pooled([(sums.w_effect / sums.w, sums.w)], level)
    return Heterogeneity(
        sums.k, q, df, float(chdtrc(df, q)), _i2(q, df), tau2, fixed, random, prediction
    )
