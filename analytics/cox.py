"""Cox's proportional hazards from count tables (statistics.md 3.8).

One table per covariate pattern. The patients of a pattern who have the event on one day are as
many separate ties, not one tie of that weight. A categorical covariate therefore needs no rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from analytics.counts import FloatArray
from analytics.errors import NotEstimable
from analytics.exact_ties import exact_likelihood
from analytics.life_table import ExitTable
from analytics.normal import two_sided_z
from analytics.partial_likelihood import Likelihood, Stratum, Ties, stratum, stratum_likelihood

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
class Model:
    """What was fitted: the tables of each stratum by pattern, each pattern's numbers, the ties."""

    tables: tuple[Mapping[str, ExitTable], ...]
    covariates: Covariates
    ties: Ties

    def strata(self) -> list[Stratum]:
        """The strata with centred covariates, in their own units."""
        centre, _ = _centre_and_scale(self.tables, self.covariates)
        x = {key: np.asarray(row, np.float64) - centre for key, row in self.covariates.items()}
        return [stratum(tables, x, self.ties) for tables in self.tables]


@dataclass(frozen=True, slots=True, eq=False)
class Cox:
    """A fitted model with p covariates.

    `coef`, `se`: log hazard ratios per unit (p,); `covariance` (p, p). `loglik_null` at 0,
    `loglik` at `coef`. `score`, `wald`, `likelihood_ratio`: chi-squares on p degrees of freedom.
    `model` is what `analytics.cox_checks` asks more of.
    """

    model: Model
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
    fitted_to = Model(tuple(held), covariates, ties)
    centre, scale = _centre_and_scale(held, covariates)
    scaled = {key: (np.asarray(x, np.float64) - centre) / scale for key, x in covariates.items()}
    model = [stratum(tables, scaled, ties) for tables in held]
    null = _likelihood(model, np.zeros(scale.size))
    n_events = sum(int(part.events.sum()) for part in model)
    if np.linalg.eigvalsh(null.information)[0] < SINGULAR * n_events:
        raise NotEstimable("a covariate is constant, or collinear with others, among those at risk")
    beta, fitted = _maximum(model, null)
    return _fit(fitted_to, beta, null, fitted, scale)


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


def _likelihood(model: Sequence[Stratum], beta: FloatArray) -> Likelihood:
    of_one = exact_likelihood if model[0].ties == "exact" else stratum_likelihood
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return reduce(add, (of_one(part, beta) for part in model))


def _maximum(model: Sequence[Stratum], null: Likelihood) -> tuple[FloatArray, Likelihood]:
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
    model: Sequence[Stratum], beta: FloatArray, here: Likelihood, step: FloatArray
) -> tuple[FloatArray, Likelihood]:
    rounding = 1e-12 * abs(here.value)
    for _ in range(MAX_HALVINGS):
        there = _likelihood(model, beta + step)
        if there.value >= here.value - rounding:
            return beta + step, there
        step = step / 2
    raise NotEstimable("the partial likelihood has no finite maximum")


def _refuse_runaway(null: Likelihood, fitted: Likelihood) -> None:
    before, after = (np.diag(_inverse(at.information)) for at in (null, fitted))
    if np.any(after > RUNAWAY**2 * before):
        raise NotEstimable("the partial likelihood has no finite maximum")


def _fit(
    model: Model, beta: FloatArray, null: Likelihood, fitted: Likelihood, scale: FloatArray
) -> Cox:
    covariance = _inverse(fitted.information) / np.outer(scale, scale)
    return Cox(
        model=model,
        coef=beta / scale,
        se=np.sqrt(np.diag(covariance)),
        covariance=covariance,
        loglik_null=null.value,
        loglik=fitted.value,
        score=float(null.gradient @ np.linalg.solve(null.information, null.gradient)),
        wald=float(beta @ fitted.information @ beta),
        likelihood_ratio=2 * (fitted.value - null.value),
    )
