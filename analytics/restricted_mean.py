"""Restricted mean survival time: the area under Kaplan-Meier up to a horizon (statistics.md 3.4).

The standard error is Greenwood's form without small-sample factor, as R `print(survfit, rmean=)`,
survRM2 and Stata `stci, rmean` give it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, hypot, isfinite, log, sqrt

import numpy as np

from analytics.errors import NotEstimable
from analytics.life_table import ExitTable
from analytics.normal import two_sided_p, two_sided_z
from analytics.survival import kaplan_meier


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """Mean time to the event, cut at `tau`, in the table's unit; limits mean -/+ z se.

    `follow_up_reaches_tau` is False when the last exit lies before tau and leaves someone free of
    the event: the curve was then carried on flat, and the mean leans on that.
    """

    tau: float
    mean: float
    se: float
    low: float
    high: float
    follow_up_reaches_tau: bool


@dataclass(frozen=True, slots=True)
class RestrictedMeanRatio:
    """First mean over second, with limits and the two-sided z test of ratio 1, on the log scale;
    `log_se` is the standard error of the logarithm."""

    ratio: float
    log_se: float
    low: float
    high: float
    z: float
    p: float


@dataclass(frozen=True, slots=True)
class RestrictedMeanDifference:
    """First mean minus second, with limits and the two-sided z test of no difference."""

    difference: float
    se: float
    low: float
    high: float
    z: float
    p: float


def restricted_mean(table: ExitTable, tau: float, level: float = 0.95) -> RestrictedMean:
    """The mean up to `tau`. Without an event before `tau` it is tau, with standard error 0.

    Raises NotEstimable for a table of no patients and ValueError unless tau > 0.
    """
    if not (isfinite(tau) and tau > 0):
        raise ValueError(f"the horizon must be a positive time, not {tau}")
    curve = kaplan_meier(table)
    steps = int(np.searchsorted(curve.times, tau, side="right"))
    heights = np.append(1.0, curve.surv[:steps])
    areas = heights * np.diff(np.concatenate([[0.0], curve.times[:steps], [tau]]))
    mean = float(areas.sum())

    area_after = np.cumsum(areas[::-1])[::-1][1:]
    at_risk, events = (
        column[:steps].astype(np.float64) for column in (curve.n_risk, curve.n_event)
    )
    # where all fall at once no area is left, and the term is 0 by its limit
    survived = at_risk > events
    left = np.where(survived, at_risk - events, 1.0)
    terms = np.where(survived, area_after**2 * events / (at_risk * left), 0.0)
    se = sqrt(float(terms.sum()))

    reaches = bool(curve.times[-1] >= tau or curve.surv[-1] == 0)
    margin = two_sided_z(level) * se
    return RestrictedMean(tau, mean, se, mean - margin, mean + margin, reaches)


def restricted_mean_difference(
    a: RestrictedMean, b: RestrictedMean, level: float = 0.95
) -> RestrictedMeanDifference:
    """a minus b, for independent groups.

    Raises ValueError for unequal horizons and NotEstimable when neither mean has an error.
    """
    _refuse_incomparable(a, b)
    difference, se = a.mean - b.mean, hypot(a.se, b.se)
    margin, z = two_sided_z(level) * se, difference / se
    return RestrictedMeanDifference(
        difference, se, difference - margin, difference + margin, z, two_sided_p(z)
    )


def restricted_mean_ratio(
    a: RestrictedMean, b: RestrictedMean, level: float = 0.95
) -> RestrictedMeanRatio:
    """a over b, for independent groups, by the delta method on the logarithm, as survRM2 does.

    Raises as `restricted_mean_difference` does, and NotEstimable for a mean of 0.
    """
    _refuse_incomparable(a, b)
    if a.mean == 0 or b.mean == 0:
        raise NotEstimable("a restricted mean is 0")
    logarithm, se = log(a.mean / b.mean), hypot(a.se / a.mean, b.se / b.mean)
    margin, z = two_sided_z(level) * se, logarithm / se
    low, high = exp(logarithm - margin), exp(logarithm + margin)
    return RestrictedMeanRatio(a.mean / b.mean, se, low, high, z, two_sided_p(z))


def _refuse_incomparable(a: RestrictedMean, b: RestrictedMean) -> None:
    if a.tau != b.tau:
        raise ValueError(f"means to different horizons: {a.tau} and {b.tau}")
    if a.se == 0 and b.se == 0:
        raise NotEstimable("neither group's restricted mean has a standard error")
