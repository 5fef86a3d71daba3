"""Gray's test: equal cumulative incidence of one cause over groups, plain and stratified.

Gray 1988, Ann Stat 16:1141; the variance is that of `cmprsk::cuminc`, step by step as in
statistics.md 3.7. Everything comes from the groups' `CompetingTable`s; a stratum gives a score, and
scores of strata, or of sites tested as strata, add up before the test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from scipy.special import chdtrc

from analytics.competing_risks import CompetingTable
from analytics.counts import FloatArray
from analytics.errors import NotEstimable
from analytics.life_table import ExitTable
from analytics.logrank import RANK_TOLERANCE


@dataclass(frozen=True, slots=True, eq=False)
class GrayScore:
    """Weighted observed minus expected events by group, (G,), and its covariance, (G, G);
    `events`: events of the cause, the size against which a variance is rounding error.

    `+` adds strata; a group that one of them lacks counts zero there.
    """

    groups: tuple[str, ...]
    score: FloatArray
    covariance: FloatArray
    events: int

    def __add__(self, other: GrayScore) -> GrayScore:
        groups = tuple(sorted({*self.groups, *other.groups}))
        score, covariance = np.zeros(len(groups)), np.zeros((len(groups), len(groups)))
        for part in (self, other):
            place = np.array([groups.index(group) for group in part.groups], dtype=np.intp)
            score[place] += part.score
            covariance[np.ix_(place, place)] += part.covariance
        return GrayScore(groups, score, covariance, self.events + other.events)


@dataclass(frozen=True, slots=True, eq=False)
class Gray:
    """The test over `groups`, ascending: those at risk when the cause strikes.

    `p` is of chi-square `chi2` on `df` = G - 1 degrees of freedom.
    """

    groups: tuple[str, ...]
    score: FloatArray
    covariance: FloatArray
    chi2: float
    df: int
    p: float


def gray(tables: Mapping[str, CompetingTable], cause: str, rho: float = 0.0) -> Gray:
    """The test for `cause` of the groups in `tables`, weighted by (1 - F)^rho, F pooled.

    Raises NotEstimable when fewer than two groups are at risk at an event of the cause, when the
    events do not compare the groups, when the pooled incidence reaches 1 before the last
    event (or passes it and rho is a fraction), and for delayed entry, for which the test is not
    defined. Raises ValueError for rho < 0.
    """
    return gray_stratified([tables], cause, rho)


def gray_stratified(
    strata: Iterable[Mapping[str, CompetingTable]], cause: str, rho: float = 0.0
) -> Gray:
    """The test over strata, whose scores add. Raises as `gray` does."""
    scores = (gray_score(tables, cause, rho) for tables in strata)
    return gray_test(reduce(add, scores, GrayScore((), np.zeros(0), np.zeros((0, 0)), 0)))


def gray_test(score: GrayScore) -> Gray:
    """The chi-square test of a score, be it of one stratum, of many or of sites added up."""
    kept = np.flatnonzero(np.diag(score.covariance) > RANK_TOLERANCE * score.events)
    df = kept.size - 1
    if df < 1:
        raise NotEstimable("fewer than two groups are at risk when an event of the cause occurs")
    difference, covariance = score.score[kept], score.covariance[np.ix_(kept, kept)]
    free = covariance[:-1, :-1]
    if np.linalg.eigvalsh(free)[0] <= RANK_TOLERANCE * np.trace(covariance):
        raise NotEstimable("the events do not compare all groups with one another")
    chi2 = float(difference[:-1] @ np.linalg.solve(free, difference[:-1]))
    groups = tuple(score.groups[k] for k in kept)
    return Gray(groups, difference, covariance, chi2, df, float(chdtrc(df, chi2)))


def gray_score(tables: Mapping[str, CompetingTable], cause: str, rho: float = 0.0) -> GrayScore:
    """Score and covariance of one stratum; a group without patients takes no part."""
    held = {name: table for name, table in sorted(tables.items()) if table.any_cause.n_patients}
    if any(table.any_cause.entries.counts.size for table in held.values()):
        raise NotEstimable("Gray's test is not defined for delayed entry")
    pooled = reduce(add, (table.any_cause for table in held.values()), ExitTable.empty())
    times = pooled.times[pooled.events > 0]
    columns = [table.any_cause for table in held.values()]
    n = np.array([table.at_risk(times) for table in columns], dtype=np.float64).T
    x = np.array([table.cause_specific(cause).events_at(times) for table in held.values()]).T
    y = np.array([table.events_at(times) for table in columns]).T - x
    sums = _Sums(len(held), rho)
    for row in range(times.size):
        sums.step(n[row], x[row].astype(np.float64), y[row].astype(np.float64))
    return GrayScore(tuple(held), sums.z, sums.covariance(), int(x.sum()))


class _Sums:
    """The running quantities of statistics.md 3.7, under its names, between two event times."""

    def __init__(self, groups: int, rho: float) -> None:
        if not rho >= 0:
            raise ValueError(f"rho must not be negative: {rho}")
        self.rho = rho
        self.pooled = 0.0
        self.surv, self.incidence = np.ones(groups), np.zeros(groups)
        self.z, self.w = np.zeros(groups), np.zeros(groups)
        self.c, self.b, self.v = (np.zeros((groups, groups)) for _ in range(3))

    def step(self, n: FloatArray, x: FloatArray, y: FloatArray) -> None:
        """One event time: at risk, events of the cause and of others, by group (G,)."""
        at_risk, total = n > 0, float(x.sum())
        # an S of 0 leaves nobody at risk, so no group divides by it
        r = np.divide(n, self.surv, where=at_risk, out=np.zeros_like(n))
        # the pooled incidence passes 1 where a large group of little incidence leaves early
        free, r_all = 1 - self.pooled, float(r.sum())
        if free < 0 and self.rho % 1:
            raise NotEstimable("the pooled incidence passes 1, which a fractional rho cannot weigh")
        weight = free**self.rho
        a = weight * (np.diag(r) - np.outer(r, r) / r_all)
        share = np.divide(1.0, n, where=at_risk, out=np.zeros_like(n))
        pooled = self.pooled + total / r_all
        surv = self.surv * (1 - (x + y) * share)
        incidence = self.incidence + self.surv * x * share
        if total > 0:
            if abs(free) <= RANK_TOLERANCE:
                raise NotEstimable("the pooled incidence is 1 before the last event")
            q = r * (1 - self.incidence)
            self.c += a * (total / (r_all * free))
            self.z += weight * (x - total * q / q.sum())
        ratio = np.divide(1 - pooled, surv, where=surv > 0, out=np.zeros_like(surv))
        for g in np.flatnonzero(at_risk).tolist():
            if total > 0:
                theta = 1 - ratio[g]
                ties = 1 - (total - 1) / (r_all * self.surv[g] - 1) if total > 1 else 1.0
                omega = ties * self.surv[g] * total / (r_all * n[g])
                self._add(g, theta, omega, a[:, g] - theta * self.c[:, g], 1)
            if y[g] > 0 and surv[g] > 0:
                theta = ratio[g]
                ties = 1 - (y[g] - 1) / (n[g] - 1) if y[g] > 1 else 1.0
                omega = ties * self.surv[g] ** 2 * y[g] / n[g] ** 2
                self._add(g, theta, omega, theta * self.c[:, g], -1)
        self.pooled, self.surv, self.incidence = pooled, surv, incidence

    def _add(self, g: int, theta: float, omega: float, h: FloatArray, sign: int) -> None:
        self.w[g] += theta**2 * omega
        self.b[:, g] += sign * omega * theta * h
        self.v += omega * np.outer(h, h)

    def covariance(self) -> FloatArray:
        cross = self.c @ self.b.T
        return np.asarray(self.v + (self.c * self.w) @ self.c.T + cross + cross.T)
