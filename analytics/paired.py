"""Paired changes of single patients: Wilcoxon's signed-rank test, the pseudo-median, paired means.

For the site-only path: every function needs each patient's own change, so nothing here can be
computed from an aggregate. The sign test, which can, is `analytics.proportion.sign_test`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import copysign, exp, sqrt
from statistics import fmean, median, stdev

from scipy.special import stdtr, stdtrit

from analytics.errors import NotEstimable
from analytics.normal import two_sided_p

EXACT_BELOW = 50
"""R's `wilcox.test` computes the exact distribution for fewer differences than this."""


@dataclass(frozen=True, slots=True)
class SignedRank:
    """Wilcoxon's test of `n` non-zero differences; `v` is the rank sum of the positive ones."""

    n: int
    zeros: int
    v: float
    p: float
    exact: bool


@dataclass(frozen=True, slots=True)
class PseudoMedian:
    """Hodges and Lehmann's estimate of the shift, in the unit of the differences.

    `level` is what the interval reaches: at least the level asked for, except where the sample is
    too small for it.
    """

    value: float
    low: float
    high: float
    level: float


@dataclass(frozen=True, slots=True)
class PairedMean:
    """The mean of differences with its t interval and test (`df` = n - 1)."""

    n: int
    mean: float
    se: float
    low: float
    high: float
    t: float
    p: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio after/before with its interval."""

    value: float
    low: float
    high: float


def signed_rank(differences: Sequence[float]) -> SignedRank:
    """Wilcoxon's two-sided signed-rank test of a shift of 0, differences of 0 left out.

    Exact for fewer than 50 differences without ties, as R's `wilcox.test(d[d != 0])`; else the
    normal approximation (statistics.md 5). Wilcoxon 1945, Biometrics Bull 1:80. Raises
    NotEstimable if no difference is left.
    """
    kept = _without_zeros(differences)
    if len(kept) >= EXACT_BELOW or len({abs(each) for each in kept}) < len(kept):
        return signed_rank_normal(differences)
    v, n = _positive_rank_sum(kept), len(kept)
    return SignedRank(n, len(differences) - n, v, _exact_p(round(v), n), exact=True)


def signed_rank_normal(differences: Sequence[float]) -> SignedRank:
    """The same test by R's normal approximation: mean ranks for ties, tie-corrected variance,
    continuity correction of 1/2. R uses it where differences are 0, tied, or 50 and more.

    Raises NotEstimable if no difference is left.
    """
    kept = _without_zeros(differences)
    n, v = len(kept), _positive_rank_sum(kept)
    ties = Counter(abs(each) for each in kept).values()
    variance = n * (n + 1) * (2 * n + 1) / 24 - sum(t**3 - t for t in ties) / 48
    from_mean = v - n * (n + 1) / 4
    corrected = from_mean - copysign(0.5, from_mean) if from_mean else 0.0
    p = two_sided_p(corrected / sqrt(variance))
    return SignedRank(n, len(differences) - n, v, min(1.0, p), exact=False)


def pseudo_median(differences: Sequence[float], level: float = 0.95) -> PseudoMedian:
    """The median of all means of two differences, with the interval that inverts the exact test.

    R `wilcox.test(d, conf.int=TRUE)` without zeros and ties; with them the interval is
    conservative. Hodges and Lehmann 1963, Ann Math Stat 34:598. Raises NotEstimable for no
    difference or 50 and more, and ValueError unless 0 < level < 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"the confidence level must lie between 0 and 1, not {level}")
    if not 0 < len(differences) < EXACT_BELOW:
        raise NotEstimable(f"computed for 1 to {EXACT_BELOW - 1} pairs")
    n = len(differences)
    means = sorted((differences[i] + differences[j]) / 2 for i in range(n) for j in range(i, n))
    cut = max(1, _lower_quantile(n, (1 - level) / 2))
    reached = 1 - 2 * sum(_null_counts(n)[:cut]) / (1 << n)
    return PseudoMedian(median(means), means[cut - 1], means[len(means) - cut], reached)


def paired_mean(differences: Sequence[float], level: float = 0.95) -> PairedMean:
    """The mean difference, Student's t interval and two-sided test of 0 (R `t.test`).

    Raises NotEstimable for fewer than two differences, or if all are the same, and ValueError
    unless 0 < level < 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"the confidence level must lie between 0 and 1, not {level}")
    n = len(differences)
    if n < 2:
        raise NotEstimable("fewer than two pairs")
    mean, se = fmean(differences), stdev(differences) / sqrt(n)
    if se <= 1e-14 * abs(mean):
        raise NotEstimable("all pairs changed by the same amount")
    reach = float(stdtrit(n - 1, 0.5 + level / 2)) * se
    p = float(2 * stdtr(n - 1, -abs(mean / se)))
    return PairedMean(n, mean, se, mean - reach, mean + reach, mean / se, p)


def geometric_mean_ratio(log_ratios: Sequence[float], level: float = 0.95) -> Ratio:
    """The geometric mean of after/before from ln(after/before), with its t interval.

    Raises as `paired_mean` does.
    """
    found = paired_mean(log_ratios, level)
    return Ratio(exp(found.mean), exp(found.low), exp(found.high))


def _without_zeros(differences: Sequence[float]) -> list[float]:
    kept = [each for each in differences if each != 0]
    if not kept:
        raise NotEstimable("no pair changed")
    return kept


def _positive_rank_sum(kept: Sequence[float]) -> float:
    """The sum of the ranks of |d| over d > 0; tied values share the mean of their ranks."""
    counts = Counter(abs(each) for each in kept)
    rank: dict[float, float] = {}
    below = 0
    for size in sorted(counts):
        rank[size] = below + (counts[size] + 1) / 2
        below += counts[size]
    return sum((rank[each] for each in kept if each > 0), 0.0)


def _null_counts(n: int) -> list[int]:
    """How many of the 2^n signings give each rank sum 0, 1, …, n(n+1)/2."""
    counts = [1]
    for rank in range(1, n + 1):
        wider = counts + [0] * rank
        for total, ways in enumerate(counts):
            wider[total + rank] += ways
        counts = wider
    return counts


def _exact_p(v: int, n: int) -> float:
    smaller = min(v, n * (n + 1) // 2 - v)
    return min(1.0, 2 * sum(_null_counts(n)[: smaller + 1]) / (1 << n))


def _lower_quantile(n: int, tail: float) -> int:
    """The smallest v with P(V <= v) >= tail."""
    total, below = 1 << n, 0
    for v, ways in enumerate(_null_counts(n)):
        below += ways
        if below >= tail * total:
            return v
    raise AssertionError("the distribution sums to one")
