"""Kaplan-Meier with Greenwood's error, its confidence limits and quantiles, and Nelson-Aalen.

Formulas: statistics.md 3.1 to 3.3; they agree with R survival's `survfit`. Everything is computed
from an `ExitTable` and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analytics.counts import FloatArray, IntArray
from analytics.errors import NotEstimable
from analytics.life_table import ExitTable
from analytics.normal import two_sided_z

ConfidenceType = Literal["plain", "log", "log-log", "logit", "arcsin"]
Limits = tuple[FloatArray, FloatArray]

# R's tolerance for "the curve lies at this height" (quantile.survfit)
HEIGHT_TOLERANCE = 1.5e-8


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The curve at one time. None: does not exist, which is so where `surv` is 0.

    `n_risk` is 0 after the last exit: the curve is carried on flat there, not observed.
    """

    time: float
    n_risk: int
    surv: float
    se: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A Kaplan-Meier curve of `table`, one value per distinct exit time (K,), censored or not.

    `surv` holds from its time on; before the first it is 1. `greenwood` is the sum
    d/(n(n-d)) up to each time, infinite once `surv` is 0, where `se` is NaN.
    """

    table: ExitTable
    n_risk: IntArray
    surv: FloatArray
    greenwood: FloatArray
    se: FloatArray

    @property
    def times(self) -> FloatArray:
        return self.table.times

    @property
    def n_event(self) -> IntArray:
        return self.table.events

    def at(self, time: float, ci: ConfidenceType = "log-log", level: float = 0.95) -> CurvePoint:
        """The curve at `time`, an event at `time` included."""
        step = int(np.searchsorted(self.times, time, side="right")) - 1
        surv, greenwood = (self.surv[step], self.greenwood[step]) if step >= 0 else (1.0, 0.0)
        low, high = survival_limits(np.array([surv]), np.array([greenwood]), ci, level)
        return CurvePoint(
            time=time,
            n_risk=int(self.table.at_risk(time)),
            surv=float(surv),
            se=_number(self.se[step]) if step >= 0 else 0.0,
            low=_number(low[0]),
            high=_number(high[0]),
        )

    def limits(self, ci: ConfidenceType = "log-log", level: float = 0.95) -> Limits:
        """Lower and upper limit at each time, (K,) each; NaN where `surv` is 0."""
        return survival_limits(self.surv, self.greenwood, ci, level)


def kaplan_meier(table: ExitTable) -> Curve:
    """The product-limit estimate (Kaplan and Meier 1958, J Am Stat Assoc 53:457).

    With delayed entry it is the estimate of those who were under observation (Lynden-Bell 1971,
    MNRAS 155:95): where all of an early, small risk set have the event, it stays 0 from there.
    Raises NotEstimable for a table of no patients.
    """
    if table.n_patients == 0:
        raise NotEstimable("no patients")
    at_risk, events = table.n_risk.astype(np.float64), table.events.astype(np.float64)
    surv = np.cumprod((at_risk - events) / at_risk, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(events / (at_risk * (at_risk - events)), dtype=np.float64)
        se = surv * np.sqrt(greenwood)
    return Curve(table, table.n_risk, surv, greenwood, se)


def survival_limits(
    surv: FloatArray, greenwood: FloatArray, ci: ConfidenceType, level: float
) -> Limits:
    """Pointwise limits of survival, clipped to [0, 1] (statistics.md 3.2).

    At S = 1 both are 1 (R gives NA for log-log). At S = 0 there are none: NaN, as in R. Raises
    KeyError for an unknown type and ValueError for a level outside (0, 1).
    """
    z = two_sided_z(level)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        low, high = _LIMITS[ci](surv, z * np.sqrt(greenwood))
    sure, none = surv == 1, surv == 0
    low, high = (
        np.where(sure, 1.0, np.where(none, np.nan, np.clip(limit, 0, 1))) for limit in (low, high)
    )
    return low, high


def _plain(surv: FloatArray, zs: FloatArray) -> Limits:
    return surv - surv * zs, surv + surv * zs


def _log(surv: FloatArray, zs: FloatArray) -> Limits:
    return surv * np.exp(-zs), surv * np.exp(zs)


def _log_log(surv: FloatArray, zs: FloatArray) -> Limits:
    shift = zs / np.log(surv)  # negative
    return surv ** np.exp(-shift), surv ** np.exp(shift)


def _logit(surv: FloatArray, zs: FloatArray) -> Limits:
    odds, shift = surv / (1 - surv), zs / (1 - surv)
    low, high = odds * np.exp(-shift), odds * np.exp(shift)
    return low / (1 + low), 1 / (1 + 1 / high)


def _arcsin(surv: FloatArray, zs: FloatArray) -> Limits:
    angle, shift = np.arcsin(np.sqrt(surv)), 0.5 * zs * np.sqrt(surv / (1 - surv))
    low, high = np.maximum(0, angle - shift), np.minimum(np.pi / 2, angle + shift)
    return np.sin(low) ** 2, np.sin(high) ** 2


_LIMITS: dict[str, Callable[[FloatArray, FloatArray], Limits]] = {
    "plain": _plain,
    "log": _log,
    "log-log": _log_log,
    "logit": _logit,
    "arcsin": _arcsin,
}


@dataclass(frozen=True, slots=True)
class Quantile:
    """A time and its confidence limits; None: not reached."""

    value: float | None
    low: float | None
    high: float | None


def quantile(
    curve: Curve, p: float = 0.5, ci: ConfidenceType = "log-log", level: float = 0.95
) -> Quantile:
    """The time by which a fraction `p` had the event, by the rule of R's `quantile.survfit`.

    The limits are where the limits of the curve cross the same height (Brookmeyer and Crowley
    1982, Biometrics 38:29). Raises ValueError unless 0 < p < 1.
    """
    if not 0 < p < 1:
        raise ValueError(f"p must lie between 0 and 1, not {p}")
    low, high = curve.limits(ci, level)
    value, first, last = (_crossing(curve.times, line, 1 - p) for line in (curve.surv, low, high))
    return Quantile(value, first, last)


def _crossing(times: FloatArray, line: FloatArray, height: float) -> float | None:
    """The first time at which `line` falls to `height`; NaN never does.

    A flat piece at `height` counts to its middle, and to the last exit if it is the end.
    """
    reached = np.flatnonzero(line < height + HEIGHT_TOLERANCE)
    if reached.size == 0:
        return None
    start = float(times[reached[0]])
    if line[reached[0]] <= height - HEIGHT_TOLERANCE:
        return start
    below = np.flatnonzero(line < height - HEIGHT_TOLERANCE)
    return (start + float(times[below[0]] if below.size else times[-1])) / 2


@dataclass(frozen=True, slots=True, eq=False)
class CumulativeHazard:
    """Nelson-Aalen: the cumulative hazard and its standard error at each exit time, (K,)."""

    times: FloatArray
    hazard: FloatArray
    se: FloatArray

    def at(self, time: float) -> tuple[float, float]:
        """Hazard and standard error at `time`; both 0 before the first exit."""
        step = int(np.searchsorted(self.times, time, side="right")) - 1
        return (float(self.hazard[step]), float(self.se[step])) if step >= 0 else (0.0, 0.0)


def nelson_aalen(table: ExitTable) -> CumulativeHazard:
    """Sum d/n and root of sum d/n^2 (statistics.md 3.1; R `survfit(ctype=1)`).

    Raises NotEstimable for a table of no patients.
    """
    if table.n_patients == 0:
        raise NotEstimable("no patients")
    at_risk = table.n_risk.astype(np.float64)
    hazard = np.cumsum(table.events / at_risk)
    return CumulativeHazard(table.times, hazard, np.sqrt(np.cumsum(table.events / at_risk**2)))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
