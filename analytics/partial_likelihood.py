"""Cox's partial likelihood from count tables, with its derivatives (statistics.md 3.8).

Efron's and Breslow's ties; the exact likelihood of ties is in `analytics.exact_ties`. The patients
of a pattern who have the event on one day are as many separate ties.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Literal

import numpy as np

from analytics.counts import FloatArray, IntArray
from analytics.life_table import ExitTable

Ties = Literal["efron", "breslow", "exact"]


@dataclass(frozen=True, slots=True, eq=False)
class Stratum:
    """K event times, P patterns: at risk and events (K, P), covariates (P, p), and for each of
    the events in order of time its row and the part a_l of the tied that has left (Efron).
    `weight` (K,) multiplies what each time contributes."""

    times: FloatArray
    at_risk: FloatArray
    events: FloatArray
    x: FloatArray
    first_tie: IntArray
    tie_row: IntArray
    tie_part: FloatArray
    weight: FloatArray
    ties: Ties

    def over_ties(self, term: FloatArray) -> FloatArray:
        """Sum a number of each event over the events of a time, (K,)."""
        return np.add.reduceat(term, self.first_tie)

    def phi(self, at_risk: FloatArray, events: FloatArray) -> FloatArray:
        """phi_l of each event, from the risks (K, P) of those at risk and of the tied events."""
        tied = events.sum(axis=1)[self.tie_row]
        return np.asarray(at_risk.sum(axis=1)[self.tie_row] - self.tie_part * tied)


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """Log-likelihood, its gradient (p,) and the information (p, p) at one point."""

    value: float
    gradient: FloatArray
    information: FloatArray

    def __add__(self, other: Likelihood) -> Likelihood:
        return Likelihood(
            self.value + other.value,
            self.gradient + other.gradient,
            self.information + other.information,
        )


def stratum(tables: Mapping[str, ExitTable], x: Mapping[str, FloatArray], ties: Ties) -> Stratum:
    """The stratum of one table per pattern, whose covariates `x` gives, (p,) each."""
    patterns = sorted(tables)
    pooled = reduce(add, tables.values(), ExitTable.empty())
    times = pooled.times[pooled.events > 0]
    at_risk = np.column_stack([tables[key].at_risk(times) for key in patterns])
    events = np.column_stack([tables[key].events_at(times) for key in patterns])
    tied = events.sum(axis=1)
    first_tie = np.cumsum(tied) - tied
    tie_row = np.repeat(np.arange(times.size), tied)
    left = (np.arange(tied.sum()) - first_tie[tie_row]) / tied[tie_row]
    return Stratum(
        times,
        at_risk.astype(np.float64),
        events.astype(np.float64),
        np.array([x[key] for key in patterns]),
        first_tie,
        tie_row,
        left if ties == "efron" else np.zeros_like(left),
        np.ones(times.size),
        ties,
    )


def stratum_likelihood(stratum: Stratum, beta: FloatArray) -> Likelihood:
    """Section 3.8, with the sums over l taken first: phi_l and a_l are scalars, while s and t do
    not depend on l."""
    x, part = stratum.x, stratum.tie_part
    linear = x @ beta
    risk = np.exp(linear)
    at_risk, events = stratum.at_risk * risk, stratum.events * risk
    s1, t1 = at_risk @ x, events @ x
    phi = stratum.phi(at_risk, events)
    weight = stratum.weight[stratum.tie_row]
    over_ties = stratum.over_ties

    patients = stratum.weight @ stratum.events
    value = float(patients @ linear - weight @ np.log(phi))
    mean_weight = over_ties(weight / phi) @ at_risk - over_ties(weight * part / phi) @ events
    cross = s1.T @ (over_ties(weight * part / phi**2)[:, None] * t1)
    squares = (
        s1.T @ (over_ties(weight / phi**2)[:, None] * s1)
        - cross
        - cross.T
        + t1.T @ (over_ties(weight * (part / phi) ** 2)[:, None] * t1)
    )
    information = x.T @ (mean_weight[:, None] * x) - squares
    return Likelihood(value, (patients - mean_weight) @ x, information)
