"""What else a Cox fit tells, from the same counts: robust errors, the test of proportional hazards
and concordance, as R's `coxph(robust=TRUE)`, `cox.zph` and `concordance` give them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np
from scipy.special import chdtrc

from analytics.counts import FloatArray
from analytics.cox import Cox
from analytics.errors import NotEstimable
from analytics.life_table import ExitTable
from analytics.partial_likelihood import Stratum, stratum_likelihood
from analytics.survival import kaplan_meier

# Determines nothing about a direction: information that small, relative to the largest.
SINGULAR = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Robust:
    """Standard errors (p,) and covariance (p, p) that need no correct model, and their Wald
    chi-square on p degrees of freedom."""

    se: FloatArray
    covariance: FloatArray
    wald: float


@dataclass(frozen=True, slots=True, eq=False)
class ProportionalHazards:
    """Chi-squares and p of each covariate, (p,), on 1 degree of freedom, and of all together on
    p: small p, the hazard ratio changes with time."""

    chi2: FloatArray
    p: FloatArray
    global_chi2: float
    global_p: float


def robust(fit: Cox) -> Robust:
    """The sandwich V (sum of r r') V, r the score residuals (Lin and Wei 1989, J Am Stat Assoc
    84:1074; for Efron's ties Therneau and Grambsch 2000, *Modeling Survival Data*, 7.2).

    Raises NotEstimable for delayed entry, whose residuals need the rows, for exact ties, which
    have none, and where the residuals do not vary in all directions.
    """
    _refuse_exact(fit)
    if any(table.entries.counts.size for part in fit.model.tables for table in part.values()):
        raise NotEstimable("robust errors need who entered when, which counts do not tell")
    parts = zip(fit.model.strata(), fit.model.tables, strict=True)
    meat = sum(
        (_squared_residuals(part, tables, fit.coef) for part, tables in parts),
        np.zeros_like(fit.covariance),
    )
    sizes = np.linalg.eigvalsh(meat)
    if sizes[0] <= SINGULAR * sizes[-1]:
        raise NotEstimable("the score residuals do not vary in all directions")
    covariance = fit.covariance @ meat @ fit.covariance
    wald = float(fit.coef @ np.linalg.solve(covariance, fit.coef))
    return Robust(np.sqrt(np.diag(covariance)), covariance, wald)


def _squared_residuals(
    part: Stratum, tables: Mapping[str, ExitTable], beta: FloatArray
) -> FloatArray:
    """Sum over patients of r r', (p, p). All of a pattern who leave alike share one residual."""
    x, risk = part.x, np.exp(part.x @ beta)
    at_risk, events = part.at_risk * risk, part.events * risk
    phi = part.phi(at_risk, events)
    mean = (at_risk @ x)[part.tie_row] - part.tie_part[:, None] * (events @ x)[part.tie_row]
    mean /= phi[:, None]

    def over_ties(term: FloatArray) -> FloatArray:
        return np.add.reduceat(term, part.first_tie, axis=0)

    # hazard of each time, and hazard times mean; for those tied only in part
    hazard, with_mean = over_ties(1 / phi), over_ties(mean / phi[:, None])
    left, left_mean = part.tie_part / phi, part.tie_part[:, None] * mean / phi[:, None]
    total, total_mean = np.cumsum(hazard), np.cumsum(with_mean, axis=0)
    mean_of_time = over_ties(mean) / part.events.sum(axis=1)[:, None]

    squares = np.zeros((x.shape[1], x.shape[1]))
    own_hazard, own_mean = total - over_ties(left), total_mean - over_ties(left_mean)
    for place, key in enumerate(sorted(tables)):
        expected = risk[place] * (np.outer(own_hazard, x[place]) - own_mean)
        residual = x[place] - mean_of_time - expected
        squares += residual.T @ (part.events[:, place, None] * residual)
        table = tables[key]
        step = np.searchsorted(part.times, table.times, side="right")
        hazards = np.append(0.0, total)[step]
        means = np.vstack([np.zeros(x.shape[1]), total_mean])[step]
        residual = -risk[place] * (np.outer(hazards, x[place]) - means)
        squares += residual.T @ (table.censored[:, None] * residual)
    return squares


def proportional_hazards(fit: Cox) -> ProportionalHazards:
    """The score test of adding x g(t) to the model, g(t) = 1 - S(t-) of Kaplan-Meier over all.

    Grambsch and Therneau 1994, Biometrika 81:515, as the exact score test of R survival >= 3
    (`cox.zph(transform="km")`). Raises NotEstimable for exact ties, and when the events lie at
    too few times to tell.
    """
    _refuse_exact(fit)
    tables = [table for part in fit.model.tables for table in part.values()]
    curve = kaplan_meier(reduce(add, tables, ExitTable.empty()))
    strata = fit.model.strata()
    g = [1 - np.append(1.0, curve.surv)[np.searchsorted(curve.times, s.times)] for s in strata]
    n_events = [part.events.sum(axis=1) for part in strata]
    centre = sum(float(n @ at) for n, at in zip(n_events, g, strict=True)) / sum(
        float(n.sum()) for n in n_events
    )
    powers = []
    for power in (0, 1, 2):
        weighted = [
            replace(part, weight=(at - centre) ** power) for part, at in zip(strata, g, strict=True)
        ]
        powers.append(reduce(add, (stratum_likelihood(part, fit.coef) for part in weighted)))
    plain, once, twice = powers
    # what the time-dependent part adds, given the fitted coefficients
    adjusted = twice.information - once.information @ np.linalg.solve(
        plain.information, once.information
    )
    sizes, scale = np.linalg.eigvalsh(adjusted), np.linalg.eigvalsh(plain.information)[-1]
    if sizes[0] <= SINGULAR * scale:
        raise NotEstimable("the events lie at too few times to show a change of the hazard ratio")
    score = once.gradient
    chi2 = score**2 / np.diag(adjusted)
    overall = float(score @ np.linalg.solve(adjusted, score))
    return ProportionalHazards(chi2, chdtrc(1, chi2), overall, float(chdtrc(score.size, overall)))


def concordance(fit: Cox) -> float:
    """The share of comparable pairs of which the one at higher risk has the event first, ties of
    risk counting one half (Harrell 1982, JAMA 247:2543); pairs of one stratum only.

    A pair is comparable when one has the event while the other is at risk and stays longer.
    Raises NotEstimable without such a pair.
    """
    pairs, concordant = 0.0, 0.0
    for part in fit.model.strata():
        risks, place = np.unique(part.x @ fit.coef, return_inverse=True)
        events, staying = np.zeros((2, part.times.size, risks.size))
        np.add.at(events.T, place, part.events.T)
        np.add.at(staying.T, place, (part.at_risk - part.events).T)
        lower = np.cumsum(staying, axis=1) - staying
        concordant += float((events * (lower + staying / 2)).sum())
        pairs += float((events.sum(axis=1) * staying.sum(axis=1)).sum())
    if pairs == 0:
        raise NotEstimable("no event while another patient stays longer")
    return concordant / pairs


def _refuse_exact(fit: Cox) -> None:
    if fit.model.ties == "exact":
        raise NotEstimable("not defined for exact ties: fit with Efron's or Breslow's")
