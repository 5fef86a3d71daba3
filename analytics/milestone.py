"""Curves compared at one time: the difference of two survival or incidence probabilities.

For independent groups, SE = sqrt(SE_a^2 + SE_b^2), limits difference -/+ z SE, and the z test of
no difference (Klein, Logan, Harhoff and Andersen 2007, Stat Med 26:4505, the plain form).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

from analytics.competing_risks import IncidencePoint
from analytics.errors import NotEstimable
from analytics.normal import two_sided_p, two_sided_z
from analytics.survival import CurvePoint

Point = CurvePoint | IncidencePoint


@dataclass(frozen=True, slots=True)
class MilestoneDifference:
    """First probability minus second at `time`, with limits and the two-sided z test."""

    time: float
    difference: float
    se: float
    low: float
    high: float
    z: float
    p: float


def milestone_difference(a: Point, b: Point, level: float = 0.95) -> MilestoneDifference:
    """a minus b, both of one kind and at one time; limits are cut to [-1, 1].

    Raises ValueError for unequal times or kinds, and NotEstimable where a curve has no standard
    error, and where neither has an event yet.
    """
    if a.time != b.time or type(a) is not type(b):
        raise ValueError("milestones differ in time or in kind")
    if a.se is None or b.se is None:
        raise NotEstimable("a group has no survivor left, and no standard error")
    difference, se = _probability(a) - _probability(b), hypot(a.se, b.se)
    if se == 0:
        raise NotEstimable("neither group has an event by then")
    margin, z = two_sided_z(level) * se, difference / se
    low, high = max(-1.0, difference - margin), min(1.0, difference + margin)
    return MilestoneDifference(a.time, difference, se, low, high, z, two_sided_p(z))


def _probability(point: Point) -> float:
    return point.surv if isinstance(point, CurvePoint) else point.incidence
