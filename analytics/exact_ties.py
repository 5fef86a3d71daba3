"""Cox's exact (discrete, conditional logistic) partial likelihood of tied events, from counts.

Cox 1972, J R Stat Soc B 34:187; R `coxph(ties="exact")`. The term of a time with D events is the
odds of these D among all subsets of size D of the risk set. With a chance of its own for each
patient, odds proportional to e^{x beta}, the subsets' sum is the chance of D events in all: that
distribution and its first two moments of x are built up pattern by pattern (Gail, Lubin and
Rubinstein 1981, Biometrika 68:703), for all times with the same D at once.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from analytics.counts import FloatArray
from analytics.partial_likelihood import Likelihood, Stratum

Moments = tuple[FloatArray, FloatArray, FloatArray]


def exact_likelihood(stratum: Stratum, beta: FloatArray) -> Likelihood:
    """Log-likelihood, gradient and information of one stratum; `stratum.weight` plays no part."""
    x, linear = stratum.x, stratum.x @ beta
    tied = stratum.events.sum(axis=1).astype(np.int64)
    patients = stratum.events.sum(axis=0)
    value, gradient = float(patients @ linear), patients @ x
    information = np.zeros((beta.size, beta.size))
    for size in np.unique(tied):
        subsets, mean, covariance = _subsets(stratum.at_risk[tied == size], int(size), linear, x)
        value -= float(subsets.sum())
        gradient = gradient - mean.sum(axis=0)
        information += covariance.sum(axis=0)
    return Likelihood(value, gradient, information)


def _subsets(at_risk: FloatArray, size: int, linear: FloatArray, x: FloatArray) -> Moments:
    """Of T risk sets (T, P): the log of the sum over subsets of `size` patients of e^{linear}
    (T,), and mean (T, p) and covariance (T, p, p) of the sum of x over such a subset."""
    total = at_risk.sum(axis=1)
    # any factor gives the same subsets; this one makes `size` events about the likeliest number
    factor = np.log(size / (total - size + 1)) - at_risk @ linear / total
    log_odds = factor[:, None] + linear
    log_none = -np.logaddexp(0, log_odds)
    moments = (
        np.zeros((total.size, size + 1)),
        np.zeros((total.size, size + 1, x.shape[1])),
        np.zeros((total.size, size + 1, x.shape[1], x.shape[1])),
    )
    moments[0][:, 0] = 1
    for pattern in np.flatnonzero(at_risk.any(axis=0)):
        chance = _binomial(at_risk[:, pattern], size, log_odds[:, pattern], log_none[:, pattern])
        moments = _with_pattern(moments, chance, x[pattern])
    chance_of_size = moments[0][:, size]
    mean = moments[1][:, size] / chance_of_size[:, None]
    square = moments[2][:, size] / chance_of_size[:, None, None]
    sums = np.log(chance_of_size) - (at_risk * log_none).sum(axis=1) - size * factor
    return sums, mean, square - mean[:, :, None] * mean[:, None, :]


def _binomial(n: FloatArray, size: int, log_odds: FloatArray, log_none: FloatArray) -> FloatArray:
    """The chance of 0 .. `size` events among `n` patients, (T, size + 1)."""
    k, n = np.arange(size + 1), n[:, None]
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return np.asarray(np.exp(ways + k * log_odds[:, None] + n * log_none[:, None]))


def _with_pattern(moments: Moments, chance: FloatArray, x: FloatArray) -> Moments:
    """The distribution of the number of events, and that times the sums of x and xx', after
    one more pattern whose numbers of events have the chances `chance`."""
    numbers, sums, squares = moments
    k = np.arange(chance.shape[1])
    before = k[:, None] - k
    plain = np.where(before >= 0, chance[:, np.maximum(before, 0)], 0.0)  # (T, after, before)
    once, twice = plain * np.maximum(before, 0), plain * before**2
    new_numbers = np.einsum("tab,tb->ta", plain, numbers)
    new_sums = np.einsum("tab,tbi->tai", plain, sums)
    new_sums += np.einsum("tab,tb->ta", once, numbers)[..., None] * x
    mixed = np.einsum("tab,tbi->tai", once, sums)[..., None] * x
    new_squares = np.einsum("tab,tbij->taij", plain, squares) + mixed + mixed.swapaxes(2, 3)
    new_squares += np.einsum("tab,tb->ta", twice, numbers)[..., None, None] * np.outer(x, x)
    return new_numbers, new_sums, new_squares
