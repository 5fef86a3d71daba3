"""Tobit: the normal linear model where some responses are known only as below or above a limit.

log L = sum over observed of ln h + ln phi(u), over left-censored ln Phi(u), over right-censored
ln Phi(-u), with u = h y - x gamma; gamma = beta / sigma and h = 1 / sigma make it concave (Olsen
1978, Econometrica 46:1211), so Newton's method finds the one maximum. As R's
`survreg(dist = "gaussian")`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr

from analytics.errors import NotEstimable

Floats = NDArray[np.float64]

MAX_STEPS = 100
CONVERGED = 1e-12
STEEPEST = 1e7
"""1/sigma, relative to the largest response: beyond it the values lie on the line itself."""
NO_SPREAD = "no spread about the line: the likelihood has no maximum"


@dataclass(frozen=True, slots=True)
class Tobit:
    """coef: (k,), in the response's unit. covariance: (k + 1, k + 1) of coef and ln sigma, from
    the observed information. n_censored counts the responses known as a bound only."""

    coef: Floats
    sigma: float
    covariance: Floats
    log_likelihood: float
    n_observed: int
    n_censored: int

    @property
    def se(self) -> Floats:
        """(k,), the standard errors of `coef`."""
        return np.asarray(np.sqrt(np.diag(self.covariance)[:-1]))


def tobit(design: ArrayLike, response: ArrayLike, side: ArrayLike) -> Tobit:
    """The maximum-likelihood fit.

    design: (n, k), with a column of ones for an intercept. response: (n,), the value, or the
    limit. side: (n,), 0 for a value, -1 where the truth lies below `response`, 1 where above.
    Raises NotEstimable if the likelihood has no maximum (too few values for the coefficients, or
    values that lie on the fitted line), and ValueError for shapes that do not fit.
    """
    x, y, sides = (np.asarray(each, dtype=float) for each in (design, response, side))
    if x.ndim != 2 or y.shape != (len(x),) or sides.shape != y.shape:
        raise ValueError(f"shapes do not fit: {x.shape}, {y.shape}, {sides.shape}")
    seen = sides == 0
    if seen.sum() <= x.shape[1] or np.linalg.matrix_rank(x[seen]) < x.shape[1]:
        raise NotEstimable("too few values above the limit")
    x_unit, y_unit = np.abs(x).max(axis=0), float(np.abs(y[seen]).max()) or 1.0
    rows = _Rows.of(x / x_unit, y / y_unit, sides)
    theta, information = _newton(rows)
    return _in_units(rows, theta, information, y_unit / x_unit, y_unit)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of (-x, y), so that u = z theta; those of right-censored responses negated."""

    observed: Floats
    censored: Floats

    @classmethod
    def of(cls, x: Floats, y: Floats, sides: Floats) -> _Rows:
        z = np.column_stack((-x, y))
        bounded = sides != 0
        return cls(z[~bounded], z[bounded] * -sides[bounded, None])

    def log_likelihood(self, theta: Floats) -> float:
        u = self.observed @ theta
        seen = len(u) * (log(theta[-1]) - log(2 * pi) / 2) - float(u @ u) / 2
        return seen + float(log_ndtr(self.censored @ theta).sum())

    def slope(self, theta: Floats) -> tuple[Floats, Floats]:
        """The score and the observed information (the negative second derivative)."""
        h, n = theta[-1], len(self.observed)
        u = self.censored @ theta
        mills = np.exp(-u * u / 2 - log(2 * pi) / 2 - log_ndtr(u))
        score = -self.observed.T @ (self.observed @ theta) + self.censored.T @ mills
        information = self.observed.T @ self.observed
        information = information + (self.censored.T * (mills * (u + mills))) @ self.censored
        score[-1] += n / h
        information[-1, -1] += n / h**2
        return score, information


def _newton(rows: _Rows) -> tuple[Floats, Floats]:
    """The maximum (gamma, h) and the observed information there."""
    theta = np.zeros(rows.observed.shape[1])
    theta[-1] = 1.0
    for _ in range(MAX_STEPS):
        score, information = rows.slope(theta)
        step: Floats = np.asarray(np.linalg.solve(information, score), dtype=float)
        if np.abs(step).max() <= CONVERGED * np.abs(theta).max():
            return theta + step, information
        theta = _uphill(rows, theta, step)
        if theta[-1] > STEEPEST:
            raise NotEstimable(NO_SPREAD)
    raise NotEstimable("the fit did not converge")


def _uphill(rows: _Rows, theta: Floats, step: Floats) -> Floats:
    """The next point: the whole step, halved until 1/sigma stays positive and log L rises."""
    height = rows.log_likelihood(theta)
    slack = 1e-12 * max(1.0, abs(height))
    for _ in range(MAX_STEPS):
        there = theta + step
        if there[-1] > 0 and rows.log_likelihood(there) >= height - slack:
            return there
        step = step / 2
    return theta


def _in_units(
    rows: _Rows, theta: Floats, information: Floats, slopes: Floats, y_unit: float
) -> Tobit:
    """The fit of scaled rows in the units as given; the covariance by the delta method.

    slopes: (k,), the unit of each coefficient.
    """
    gamma, h = theta[:-1], theta[-1]
    k = len(gamma)
    # d(gamma / h, -ln h) / d(gamma, h); the score is 0 at the maximum, so this is exact there.
    jacobian = np.zeros((k + 1, k + 1))
    jacobian[:k, :k] = np.eye(k) / h
    jacobian[:k, k] = -gamma / h**2
    jacobian[k, k] = -1 / h
    jacobian[:k] *= slopes[:, None]
    return Tobit(
        coef=gamma / h * slopes,
        sigma=float(y_unit / h),
        covariance=jacobian @ np.linalg.inv(information) @ jacobian.T,
        log_likelihood=rows.log_likelihood(theta) - len(rows.observed) * log(y_unit),
        n_observed=len(rows.observed),
        n_censored=len(rows.censored),
    )
