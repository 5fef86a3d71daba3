"""Response to therapy by the American Thyroid Association's 2015 classes, at one time.

Haugen 2016, Thyroid 26:1, table 13, after total thyroidectomy and radioiodine. The classes judge
remission and are reported apart from changes; suppressed and stimulated thyroglobulin have their
own cuts and are never mixed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from analytics.response import LesionSum
from analytics.study import Landmark
from analytics.thyroglobulin import TgValue

CUTS = {"suppressed": (Decimal("0.2"), Decimal(1)), "stimulated": (Decimal(1), Decimal(10))}
"""TSH state -> Tg in ng/mL: excellent below the first, biochemical incomplete from the second."""
CLASSES = (
    "structural_incomplete",
    "biochemical_incomplete",
    "indeterminate",
    "excellent",
    "not_evaluable",
    "missing",
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known beside Tg at the time: structural disease on imaging (None: no imaging), and
    whether TgAb rose since the value before (None: no two values)."""

    structural: bool | None
    tgab_rising: bool | None


def ata_class(value: TgValue | None, seen: Evidence) -> str:
    """The class of one Tg value with its evidence, one of `CLASSES`.

    missing: no value was taken in that TSH state. not_evaluable: the state is unknown, or a bound
    straddles a cut. Without imaging the class
    says nothing of structure. Where TgAb is positive, a low Tg proves nothing: indeterminate,
    unless TgAb rises.
    """
    if value is None:
        return "missing"
    if seen.structural:
        return "structural_incomplete"
    if seen.tgab_rising:
        return "biochemical_incomplete"
    if value.tsh_state not in CUTS:
        return "not_evaluable"
    found = _by_value(value, *CUTS[value.tsh_state])
    return "indeterminate" if value.tgab_positive and found == "excellent" else found


def _by_value(value: TgValue, excellent: Decimal, incomplete: Decimal) -> str:
    low = value.low if value.low is not None else Decimal(0)
    if low >= incomplete:
        return "biochemical_incomplete"
    if value.high is None:
        return "not_evaluable"
    # A result below its limit never reaches the limit itself.
    if value.high < excellent or (value.below_limit and value.high <= excellent):
        return "excellent"
    within = value.high < incomplete or (value.below_limit and value.high <= incomplete)
    return "indeterminate" if within and low >= excellent else "not_evaluable"


def value_at(
    series: Iterable[TgValue], finish: date, mark: Landmark, tsh_state: str
) -> TgValue | None:
    """The value off the drugs in this TSH state nearest to the landmark; of two, the later."""
    near = [
        (abs((value.day - finish).days - mark.day), -value.day.toordinal(), value.ref, value)
        for value in series
        if value.tsh_state == tsh_state
        and not value.on_drug
        and mark.holds((value.day - finish).days)
    ]
    return min(near, key=lambda row: row[:3])[3] if near else None


def evidence_at(
    value: TgValue | None,
    series: Sequence[TgValue],
    scan: LesionSum | None,
    category: str,
) -> Evidence:
    """The evidence at the landmark of `value`: the scan of the landmark, and its RECIST category.

    TgAb rises where it is positive and above that of the last earlier Tg value that has one.
    """
    return Evidence(_structural(scan, category), _rising(value, series))


def _structural(scan: LesionSum | None, category: str) -> bool | None:
    if scan is not None and (scan.sum_mm > 0 or scan.new_lesion):
        return True
    if category in ("PR", "SD", "PD"):
        return True
    return None if scan is None and category != "CR" else False


def _rising(value: TgValue | None, series: Sequence[TgValue]) -> bool | None:
    if value is None or value.tgab is None:
        return None
    earlier = [
        (each.day, each.ref, each.tgab)
        for each in series
        if each.day < value.day and each.tgab is not None and each.assay == value.assay
    ]
    if not earlier:
        return None
    return bool(value.tgab_positive) and value.tgab > max(earlier)[2]
