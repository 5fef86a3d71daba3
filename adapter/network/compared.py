"""Whether pooled figures are those of all rows: counts exactly, estimates to 1e-12."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isclose

from adapter.elements import Json
from adapter.measures.definition import MeasureDefinition
from adapter.pooling.exact import NO_VALUES
from analytics.estimate import Estimates
from analytics.figures import Value

SAME = 1e-12
PRINTED = 1e-6
"""Means are summed as reports print them, with six decimals."""
HEADLINE = (
    "n_patients", "followed_n", "progressed_by_192_n", "km_91", "km_183", "km_192", "km_192_se",
    "rmst_192_days", "rmst_192_se", "ttp_median", "logrank_driver_chi2", "logrank_driver_p",
    "redifferentiation_rai_treated_n", "redifferentiation_rai_mci_mean", "prior_rai_mci_mean",
    "mutation_patients_n:BRAF", "tg_prior_to_3m_decrease_n", "ct_prior_to_3m_decrease_n",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compared:
    """figures: how many were compared; differing: the names of those unlike; uncarried: those that
    counts cannot give, such as a median of values.

    rows: of the headline figures, name, pooled and of all rows, as text.
    """

    figures: int
    differing: tuple[str, ...]
    uncarried: tuple[str, ...]
    rows: tuple[tuple[str, str, str], ...]


def compared(pooled: Estimates, whole: Json, measure: MeasureDefinition) -> Compared:
    """Pooled estimates against the `figures` document of all rows in one store."""
    reasons = pooled.overall.not_estimable
    uncarried = tuple(name for name, why in reasons.items() if why == NO_VALUES)
    means = {group.score_figure for group in measure.groups if group.score_figure}
    means = {name for name in means if name.endswith("_mean")}
    found = dict(_pairs(pooled, whole))
    compared = {name: both for name, both in found.items() if name not in uncarried}
    differing = sorted(
        name
        for name, (ours, theirs) in compared.items()
        if not _same(ours, theirs, PRINTED if name in means else SAME)
    )
    rows = tuple(_row(name, *found[name]) for name in HEADLINE if name in found)
    return Compared(len(compared), tuple(differing), uncarried, rows)


def _pairs(pooled: Estimates, whole: Json) -> Iterator[tuple[str, tuple[Value, Value]]]:
    """Each pooled figure and that of all rows, which lacks what nobody has; strata as `of`."""
    yield from _of(pooled.overall.values, whole["figures"], "")
    levels = whole["strata"]["driver"]
    for level, figures in pooled.strata["driver"].items():
        yield from _of(figures.values, levels.get(level, {}), f" of {level}")
    for level in levels:
        if level not in pooled.strata["driver"]:
            yield f"n_patients of {level}", (0, levels[level].get("n_patients"))


def _of(
    ours: Mapping[str, Value], theirs: Mapping[str, Value], suffix: str
) -> Iterator[tuple[str, tuple[Value, Value]]]:
    for name, value in ours.items():
        yield f"{name}{suffix}", (value, theirs.get(name, 0))


def _same(ours: Value, theirs: Value, tolerance: float) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    if isinstance(ours, float) or isinstance(theirs, float):
        return isclose(ours, theirs, rel_tol=tolerance, abs_tol=tolerance)
    return ours == theirs


def _row(name: str, ours: Value, theirs: Value) -> tuple[str, str, str]:
    return name, _shown(ours), _shown(theirs)


def _shown(value: Value) -> str:
    return "-" if value is None else f"{value:.12g}"
