"""Trend over ordered groups, from a log-rank score of any weight, plain or stratified.

Z = s'U / sqrt(s'Vs), with U = O - E and V its covariance (Tarone 1975, Biometrika 62:679; Klein and
Moeschberger 2003, *Survival Analysis*, 7.4). For the log-rank weight Z^2 is the score test of Cox
with the covariate s and exact ties.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np

from analytics.errors import NotEstimable
from analytics.logrank import RANK_TOLERANCE, Score
from analytics.normal import two_sided_p


@dataclass(frozen=True, slots=True)
class Trend:
    """`z` > 0: more events than expected where the score is high; `chi2` = z^2 on 1 df; `p` is
    two-sided."""

    z: float
    chi2: float
    p: float


def trend_test(score: Score, levels: Mapping[str, float]) -> Trend:
    """The test of a trend in `levels`, the number of each group, along which the hazard changes.

    Raises NotEstimable when no event compares two levels, and KeyError for a group without level.
    """
    level = np.array([levels[group] for group in score.groups], dtype=np.float64)
    level -= level.mean() if level.size else 0.0
    variance = float(level @ score.covariance @ level)
    size = float(level @ level * np.trace(score.covariance))
    if variance <= RANK_TOLERANCE * size:
        raise NotEstimable("the events do not compare groups of different levels")
    z = float(level @ (score.observed - score.expected)) / sqrt(variance)
    return Trend(z, z * z, two_sided_p(z))
