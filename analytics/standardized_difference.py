"""Standardised differences between two groups: how far apart they are, whatever their size.

A difference of 0.1 is the usual bound of a good balance (Austin 2009, Stat Med 28:3083). Unlike a p
value it does not grow with the number of patients. Missing values are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, sqrt

import numpy as np

from analytics.errors import NotEstimable


def continuous_difference(a: Sequence[float], b: Sequence[float]) -> float:
    """|mean_a - mean_b| / sqrt((s_a^2 + s_b^2) / 2), s^2 with n - 1 (Cohen's d, unweighted).

    Infinite for unequal means without spread. Raises NotEstimable for fewer than two values in a
    group.
    """
    if min(len(a), len(b)) < 2:
        raise NotEstimable("a group has fewer than two values")
    difference = abs(float(np.mean(a)) - float(np.mean(b)))
    spread = sqrt((float(np.var(a, ddof=1)) + float(np.var(b, ddof=1))) / 2)
    if difference == 0:
        return 0.0
    return difference / spread if spread else inf


def categorical_difference(a: Mapping[str, int], b: Mapping[str, int]) -> float:
    """The Mahalanobis distance of the two multinomial proportions, for counts by category.

    sqrt(d' S^-1 d) over all categories but one, S the mean of the two covariances (Yang and Dalton
    2012, SAS Global Forum 335); with two categories |p_a - p_b| / sqrt((p_a q_a + p_b q_b) / 2).
    It does not depend on which category is left out. Infinite where categories fall apart into
    those of one group and those of the other, which is when S has no inverse. Raises NotEstimable
    for an empty group.
    """
    n_a, n_b = sum(a.values()), sum(b.values())
    if not n_a or not n_b:
        raise NotEstimable("a group has no values")
    names = [name for name in sorted({*a, *b}) if a.get(name, 0) + b.get(name, 0)]
    p_a = np.array([a.get(name, 0) / n_a for name in names[1:]])
    p_b = np.array([b.get(name, 0) / n_b for name in names[1:]])
    difference = p_a - p_b
    if not np.any(difference):
        return 0.0
    covariance = sum(np.diag(p) - np.outer(p, p) for p in (p_a, p_b)) / 2
    if np.linalg.matrix_rank(covariance, hermitian=True) < len(difference):
        return inf
    return sqrt(float(difference @ np.linalg.solve(covariance, difference)))
