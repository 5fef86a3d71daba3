"""Cox's proportional hazards from count tables (statistics.md 3.8).

One table per covariate pattern. The patients of a pattern who have the event on one day are as
many separate ties, not one tie of that weight. A categorical covariate therefore needs no rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Literal

import numpy as np

from analytics.errors import NotEstimable
from analytics.life_table import ExitTable, FloatArray, IntArray
from analytics.normal import two_sided_z

Ties = Literal["efron", "breslow"]
Covariates = Mapping[str, Sequence[float]]

MAX_STEPS = 25
MAX_HALVINGS = 30
# Newton's decrement: the squared distance to the maximum, in standard errors. The step taken from
# there squares the distance again, to below rounding.
CONVERGED = 1e-14
# least information about any direction, per event, of covariates scaled to at most 1
SINGULAR = 1e-12
# A coefficient whose error grew this much from 0 to the maximum runs to infinity.
RUNAWAY = 1000.0


@dataclass(frozen=True, slots=True, eq=False)
class Cox:
    """A fitted model with p covariates.

    `coef`, `se`: log hazard ratios per unit (p,); `covariance` (p, p). `loglik_null` at 0,
    `loglik` at `coef`. `score`, `wald`, `likelihood_ratio`: chi-squares on p degrees of freedom.
    """

    coef: FloatArray
    se: FloatArray
    covariance: FloatArray
    loglik_null: float
    loglik: float
    score: float
    wald: float
    likelihood_ratio: float

    def limits(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Wald limits of the log hazard ratios, (p,) each."""
        margin = two_sided_z(level) * self.se
        return self.coef - margin, self.coef + margin


@dataclass(frozen=True, slots=True, eq=False)
class _Stratum:
    """K event times, P patterns: at risk and events (K, P), covariates (P, p), and for each of
    the events in order of time its row and the part a_l of the tied that has left (Efron)."""

    at_risk: FloatArray
    events: FloatArray
    x: FloatArray
    first_tie: IntArray
    tie_row: IntArray
    tie_part: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Likelihood:
    """Log-likelihood, its gradient (p,) and the information (p, p) at one point."""

    value: float
    gradient: FloatArray
    information: FloatArray

    def __add__(self, other: _Likelihood) -> _Likelihood:
        return _Likelihood(
            self.value + other.value,
            self.gradient + other.gradient,
            self.information + other.information,
        )


def cox(tables: Mapping[str, ExitTable], covariates: Covariates, ties: Ties = "efron") -> Cox:
    """The fit to `tables`, one per pattern, with `covariates` giving each pattern's p numbers.

    Raises NotEstimable without events, for covariates that are constant or collinear among those
    at risk, and where the likelihood has no finite maximum (a group without events).
    """
    return cox_stratified([tables], covariates, ties)


def cox_stratified(
    strata: Iterable[Mapping[str, ExitTable]], covariates: Covariates, ties: Ties = "efron"
) -> Cox:
    """The fit with a baseline hazard of its own in each stratum. Raises as `cox` does."""
    held = [tables for tables in strata if any(table.events.any() for table in tables.values())]
    if not held:
        raise NotEstimable("no events")
    centre, scale = _centre_and_scale(held, covariates)
    scaled = {key: (np.asarray(x, np.float64) - centre) / scale for key, x in covariates.items()}
    model = [_stratum(tables, scaled, ties) for tables in held]
    null = _likelihood(model, np.zeros(scale.size))
    n_events = sum(int(stratum.events.sum()) for stratum in model)
    if np.linalg.eigvalsh(null.information)[0] < SINGULAR * n_events:
        raise NotEstimable("a covariate is constant, or collinear with others, among those at risk")
    beta, fitted = _maximum(model, null)
    return _fit(beta, null, fitted, scale)


def _centre_and_scale(
    strata: Sequence[Mapping[str, ExitTable]], covariates: Covariates
) -> tuple[FloatArray, FloatArray]:
    """Mean over patients, and largest distance from it, of each covariate (p,)."""
    rows = [
        (table.n_patients, covariates[key])
        for tables in strata
        for key, table in tables.items()
        if table.n_patients
    ]
    weights = np.array([n for n, _ in rows], dtype=np.float64)
    x = np.array([row for _, row in rows], dtype=np.float64)
    centre = weights @ x / weights.sum()
    scale = np.abs(x - centre).max(axis=0)
    if np.any(scale <= SINGULAR * np.abs(x).max(axis=0)):
        raise NotEstimable("a covariate is constant")
    return centre, scale


def _stratum(tables: Mapping[str, ExitTable], x: Mapping[str, FloatArray], ties: Ties) -> _Stratum:
    patterns = sorted(tables)
    pooled = reduce(add, tables.values(), ExitTable.empty())
    times = pooled.times[pooled.events > 0]
    at_risk = np.column_stack([tables[key].at_risk(times) for key in patterns])
    events = np.column_stack([tables[key].events_at(times) for key in patterns])
    tied = events.sum(axis=1)
    first_tie = np.cumsum(tied) - tied
    tie_row = np.repeat(np.arange(times.size), tied)
    left = (np.arange(tied.sum()) - first_tie[tie_row]) / tied[tie_row]
    return _Stratum(
        at_risk.astype(np.float64),
        events.astype(np.float64),
        np.array([x[key] for key in patterns]),
        first_tie,
        tie_row,
        left if ties == "efron" else np.zeros_like(left),
    )


def _likelihood(model: Sequence[_Stratum], beta: FloatArray) -> _Likelihood:
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return reduce(add, (_stratum_likelihood(stratum, beta) for stratum in model))


def _stratum_likelihood(stratum: _Stratum, beta: FloatArray) -> _Likelihood:
    """Section 3.8, with the sums over l taken first: phi_l and a_l are scalars, while s and t do
    not depend on l."""
    x, part = stratum.x, stratum.tie_part
    linear = x @ beta
    risk = np.exp(linear)
    at_risk, events = stratum.at_risk * risk, stratum.events * risk
    s1, t1 = at_risk @ x, events @ x
    phi = at_risk.sum(axis=1)[stratum.tie_row] - part * events.sum(axis=1)[stratum.tie_row]

    def over_ties(term: FloatArray) -> FloatArray:
        return np.add.reduceat(term, stratum.first_tie)

    patients = stratum.events.sum(axis=0)
    value = float(patients @ linear - np.log(phi).sum())
    mean_weight = over_ties(1 / phi) @ at_risk - over_ties(part / phi) @ events
    cross = s1.T @ (over_ties(part / phi**2)[:, None] * t1)
    squares = (
        s1.T @ (over_ties(1 / phi**2)[:, None] * s1)
        - cross
        - cross.T
        + t1.T @ (over_ties((part / phi) ** 2)[:, None] * t1)
    )
    information = x.T @ (mean_weight[:, None] * x) - squares
    return _Likelihood(value, (patients - mean_weight) @ x, information)


def _maximum(model: Sequence[_Stratum], null: _Likelihood) -> tuple[FloatArray, _Likelihood]:
    """Newton's method from 0, halving steps that lower the likelihood."""
    beta, here = np.zeros(null.gradient.size), null
    for _ in range(MAX_STEPS):
        step = _inverse(here.information) @ here.gradient
        decrement = float(here.gradient @ step)
        beta, here = _uphill(model, beta, here, step)
        if decrement < CONVERGED:
            _refuse_runaway(null, here)
            return beta, here
    raise NotEstimable("the partial likelihood has no finite maximum")


def _inverse(information: FloatArray) -> FloatArray:
    try:
        np.linalg.cholesky(information)
    except np.linalg.LinAlgError:
        raise NotEstimable("the partial likelihood has no finite maximum") from None
    return np.asarray(np.linalg.inv(information), dtype=np.float64)


def _uphill(
    model: Sequence[_Stratum], beta: FloatArray, here: _Likelihood, step: FloatArray
) -> tuple[FloatArray, _Likelihood]:
    rounding = 1e-12 * abs(here.value)
    for _ in range(MAX_HALVINGS):
        there = _likelihood(model, beta + step)
        if there.value >= here.value - rounding:
            return beta + step, there
        step = step / 2
    raise NotEstimable("the partial likelihood has no finite maximum")


def _refuse_runaway(null: _Likelihood, fitted: _Likelihood) -> None:
    before, after = (np.diag(_inverse(at.information)) for at in (null, fitted))
    if np.any(after > RUNAWAY**2 * before):
        raise NotEstimable("the partial likelihood has no finite maximum")


def _fit(beta: FloatArray, null: _Likelihood, fitted: _Likelihood, scale: FloatArray) -> Cox:
    covariance = _inverse(fitted.information) / np.outer(scale, scale)
    return Cox(
        coef=beta / scale,
        se=np.sqrt(np.diag(covariance)),
        covariance=covariance,
        loglik_null=null.value,
        loglik=fitted.value,
        score=float(null.gradient @ np.linalg.solve(null.information, null.gradient)),
        wald=float(beta @ fitted.information @ beta),
        likelihood_ratio=2 * (fitted.value - null.value),
    )
