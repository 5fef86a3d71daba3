"""The log-rank test, weighted or not, plain and stratified (statistics.md 3.5).

A stratum gives a score: observed, expected and their covariance. Scores of strata, or of sites
tested as strata, add up; the test comes last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from scipy.special import chdtrc

from analytics.counts import FloatArray
from analytics.errors import NotEstimable
from analytics.life_table import ExitTable
from analytics.logrank_weight import LOG_RANK, Weight

# smallest eigenvalue that is not rounding error, relative to the largest
RANK_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """Weighted observed and expected events by group, (G,), and the covariance of their
    difference, (G, G). `+` adds strata; a group that one of them lacks counts zero there."""

    groups: tuple[str, ...]
    observed: FloatArray
    expected: FloatArray
    covariance: FloatArray

    def __add__(self, other: Score) -> Score:
        groups = tuple(sorted({*self.groups, *other.groups}))
        observed, expected = np.zeros(len(groups)), np.zeros(len(groups))
        covariance = np.zeros((len(groups), len(groups)))
        for part in (self, other):
            place = np.array([groups.index(group) for group in part.groups], dtype=np.intp)
            observed[place] += part.observed
            expected[place] += part.expected
            covariance[np.ix_(place, place)] += part.covariance
        return Score(groups, observed, expected, covariance)


@dataclass(frozen=True, slots=True, eq=False)
class LogRank:
    """The test of equal hazards over `groups`, ascending: those of whom an event was expected.

    `observed`, `expected` (G,) and `covariance` (G, G) are weighted; `p` is of chi-square `chi2`
    on `df` = G - 1 degrees of freedom.
    """

    groups: tuple[str, ...]
    observed: FloatArray
    expected: FloatArray
    covariance: FloatArray
    chi2: float
    df: int
    p: float


def logrank(tables: Mapping[str, ExitTable], weight: Weight = LOG_RANK) -> LogRank:
    """The log-rank test of the groups in `tables`, or one of its weighted kin.

    Raises NotEstimable when fewer than two groups are at risk at an event, or when the events do
    not compare the groups.
    """
    return logrank_stratified([tables], weight)


def logrank_stratified(
    strata: Iterable[Mapping[str, ExitTable]], weight: Weight = LOG_RANK
) -> LogRank:
    """The test over strata: risk sets never mix, scores add. Raises as `logrank` does."""
    return score_test(stratified_score(strata, weight))


def stratified_score(strata: Iterable[Mapping[str, ExitTable]], weight: Weight = LOG_RANK) -> Score:
    """The scores of all strata added up."""
    zero = Score((), np.zeros(0), np.zeros(0), np.zeros((0, 0)))
    return reduce(add, (stratum_score(tables, weight) for tables in strata), zero)


def stratum_score(tables: Mapping[str, ExitTable], weight: Weight = LOG_RANK) -> Score:
    """Observed, expected and covariance of one stratum."""
    groups = tuple(sorted(tables))
    pooled = reduce(add, tables.values(), ExitTable.empty())
    at_event = pooled.events > 0
    times = pooled.times[at_event]
    if times.size == 0:
        return Score(
            groups, np.zeros(len(groups)), np.zeros(len(groups)), np.zeros((len(groups),) * 2)
        )
    # (times, groups); floats, as N squared times N leaves 64-bit integers at two million patients
    n = np.column_stack([tables[group].at_risk(times) for group in groups]).astype(np.float64)
    d = np.column_stack([tables[group].events_at(times) for group in groups]).astype(np.float64)
    total_n, total_d = n.sum(axis=1), d.sum(axis=1)
    w = weight(pooled)[at_event]

    expected = n.T @ (w * total_d / total_n)
    spread = w**2 * total_d * (total_n - total_d) / (total_n**2 * np.maximum(total_n - 1, 1))
    covariance = np.diag(n.T @ (spread * total_n)) - n.T @ (spread[:, None] * n)
    return Score(groups, d.T @ w, expected, covariance)


def score_test(score: Score) -> LogRank:
    """The chi-square test of a score, be it of one stratum, of many or of sites added up.

    Raises NotEstimable as `logrank` does.
    """
    kept = np.flatnonzero(score.expected > 0)
    if kept.size < 2:
        raise NotEstimable("fewer than two groups are at risk when an event occurs")
    observed, expected = score.observed[kept], score.expected[kept]
    covariance = score.covariance[np.ix_(kept, kept)]
    difference, free = (observed - expected)[:-1], covariance[:-1, :-1]
    df = kept.size - 1
    if np.linalg.matrix_rank(free, rtol=RANK_TOLERANCE, hermitian=True) < df:
        raise NotEstimable("the events do not compare all groups with one another")
    chi2 = float(difference @ np.linalg.solve(free, difference))
    groups = tuple(score.groups[k] for k in kept)
    return LogRank(groups, observed, expected, covariance, chi2, df, float(chdtrc(df, chi2)))
