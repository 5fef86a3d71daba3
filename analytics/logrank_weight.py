"""Weights of the log-rank test, from the pooled table of a stratum (statistics.md 3.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import numpy as np

from analytics.counts import FloatArray
from analytics.life_table import ExitTable
from analytics.survival import kaplan_meier

Weight = Callable[[ExitTable], FloatArray]
"""A stratum's pooled table of K times -> the weight at each, (K,), known just before it."""


@dataclass(frozen=True, slots=True)
class FlemingHarrington:
    """S(t-)^rho (1 - S(t-))^gamma, S the pooled Kaplan-Meier curve of the stratum.

    Fleming and Harrington 1991, *Counting Processes and Survival Analysis*, section 7.2.
    rho = gamma = 0 is the log-rank test; rho = 1 is R `survdiff(rho=1)`. Raises ValueError for a
    negative exponent.
    """

    rho: float = 0.0
    gamma: float = 0.0

    def __post_init__(self) -> None:
        if not all(isfinite(power) and power >= 0 for power in (self.rho, self.gamma)):
            raise ValueError(f"exponents must not be negative: {self.rho}, {self.gamma}")

    def __call__(self, pooled: ExitTable) -> FloatArray:
        before = np.append(1.0, kaplan_meier(pooled).surv[:-1])
        return np.asarray(before**self.rho * (1 - before) ** self.gamma)


def gehan(pooled: ExitTable) -> FloatArray:
    """The number at risk (Gehan 1965, Biometrika 52:203; Breslow 1970, Biometrika 57:579)."""
    return pooled.n_risk.astype(np.float64)


def tarone_ware(pooled: ExitTable) -> FloatArray:
    """The root of the number at risk (Tarone and Ware 1977, Biometrika 64:156)."""
    return np.sqrt(pooled.n_risk.astype(np.float64))


LOG_RANK = FlemingHarrington()
"""Weight 1 at every time."""
