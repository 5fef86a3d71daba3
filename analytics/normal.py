"""The standard normal distribution, as the two-sided intervals and tests need it."""

from __future__ import annotations

from scipy.special import ndtr, ndtri


def two_sided_z(level: float) -> float:
    """The z with P(|Z| <= z) = `level`; 1.959963984540054 for 0.95.

    Raises ValueError unless 0 < level < 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"the confidence level must lie between 0 and 1, not {level}")
    return float(ndtri(0.5 + level / 2))


def two_sided_p(z: float) -> float:
    """P(|Z| >= |z|)."""
    return float(2 * ndtr(-abs(z)))
