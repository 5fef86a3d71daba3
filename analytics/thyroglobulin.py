"""Thyroglobulin (Tg) at baseline and at the landmarks, and the category of a change.

Rules: a pair counts between results of one assay, none of them TSH-stimulated, with TgAb as the
study allows. A result below the limit is an interval, never a point. ATA 2015; the biological
variation behind profile `rcv` is that of the EFLM data base (docs/definitions.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from analytics.course import DrugExposure, FactRef, LabResult
from analytics.study import Study

TGAB_DAYS = 7


@dataclass(frozen=True, slots=True)
class TgValue:
    """One thyroglobulin result (ng/mL) with the state it was taken in.

    on_drug: an index drug was taken that day, which can itself raise thyroglobulin.
    """

    day: date
    low: Decimal | None
    high: Decimal | None
    below_limit: bool
    assay: str
    tsh_state: str
    tgab: Decimal | None
    tgab_positive: bool | None
    ref: FactRef
    on_drug: bool = False

    @property
    def exact(self) -> bool:
        return self.low is not None and self.low == self.high

    @property
    def text(self) -> str:
        """The value for eyes."""
        sign = "<" if self.below_limit else "" if self.exact else ">"
        return f"{sign}{self.high if self.below_limit else self.low} ng/mL"


def tg_series(
    labs: Iterable[LabResult], drugs: Iterable[DrugExposure], study: Study
) -> list[TgValue]:
    """All dated results, oldest first, each with the TSH and TgAb state that it was taken in."""
    rows = [(day, lab) for lab in labs if lab.date and (day := lab.date.day(study.date_policy))]
    rhtsh = [
        day
        for drug in drugs
        if drug.drug_class == "RhTSH" and drug.start and (day := drug.start.day(study.date_policy))
    ]
    of = {
        analyte: [(day, lab) for day, lab in rows if lab.analyte == analyte]
        for analyte in ("Tg", "TgAb", "TSH")
    }
    values = []
    for day, lab in sorted(of["Tg"], key=lambda row: (row[0], row[1].ref)):
        antibody = _nearest(of["TgAb"], day, TGAB_DAYS)
        values.append(
            TgValue(
                day=day,
                low=lab.value_low,
                high=lab.value_high,
                below_limit=lab.below_limit,
                assay=lab.assay,
                tsh_state=_tsh_state(day, of["TSH"], rhtsh, study),
                tgab=antibody.value_low if antibody else None,
                tgab_positive=_tgab_positive(antibody),
                ref=lab.ref,
            )
        )
    return values


def _nearest(rows: list[tuple[date, LabResult]], day: date, within: int) -> LabResult | None:
    near = [(abs((at - day).days), lab.ref, lab) for at, lab in rows]
    near = [row for row in near if row[0] <= within]
    return min(near, key=lambda row: row[:2])[2] if near else None


def _tsh_state(
    day: date, tsh: list[tuple[date, LabResult]], rhtsh: list[date], study: Study
) -> str:
    if any(0 <= (day - given).days <= study.rhtsh_days for given in rhtsh):
        return "stimulated"
    nearest = _nearest(tsh, day, study.tsh_days)
    if nearest is None or nearest.value_low is None:
        return "unknown"
    high = nearest.value_low >= Decimal(str(study.stimulated_tsh_miu_l))
    return "stimulated" if high else "suppressed"


def _tgab_positive(lab: LabResult | None) -> bool | None:
    """By that result's own interpretation or reference range; cut-offs differ between assays."""
    if lab is None:
        return None
    if lab.interpretation in ("POS", "H", "HH"):
        return True
    if lab.interpretation in ("NEG", "N"):
        return False
    if lab.reference_high is None or lab.value_low is None:
        return None
    return lab.value_low > lab.reference_high


def nearest_to(values: Iterable[TgValue], finish: date, day: int, tolerance: int) -> TgValue | None:
    """The unstimulated result nearest to `day` after finish; of two equally near, the later."""
    near = [
        (abs((value.day - finish).days - day), -value.day.toordinal(), value.ref, value)
        for value in values
        if value.tsh_state != "stimulated" and abs((value.day - finish).days - day) <= tolerance
    ]
    return min(near, key=lambda row: row[:3])[3] if near else None


def baseline(values: Sequence[TgValue], drug_start: date, days: int) -> TgValue | None:
    """The last unstimulated result in the `days` before the first index-drug day."""
    before = [
        value
        for value in values
        if value.tsh_state != "stimulated" and 0 < (drug_start - value.day).days <= days
    ]
    return max(before, key=lambda value: (value.day, value.ref), default=None)


def category(before: TgValue | None, after: TgValue | None, study: Study) -> str:
    """decrease, increase, stable, indeterminate, not_evaluable or missing."""
    if before is None or after is None:
        return "missing"
    if before.assay != after.assay or not _tgab_allows(before, after, study):
        return "not_evaluable"
    if before.below_limit and after.below_limit:
        return "stable"
    return _ratio_category(before, after, *_cuts(study))


def _tgab_allows(before: TgValue, after: TgValue, study: Study) -> bool:
    positive = bool(before.tgab_positive), bool(after.tgab_positive)
    if study.tgab == "include" or positive == (False, False):
        return True
    if study.tgab == "exclude" or positive != (True, True):
        return False
    if before.tgab is None or after.tgab is None:
        return False
    change = abs(after.tgab - before.tgab) * 100
    return change <= Decimal(str(study.tgab_stable_pct)) * before.tgab


def _cuts(study: Study) -> tuple[Fraction, Fraction]:
    """The ratios after/before below which Tg decreased and above which it increased."""
    match study.tg_profile:
        case "abstract":
            return Fraction(1), Fraction(1)
        case "band":
            band = Fraction(str(study.tg_band_pct)) / 100
            return 1 - band, 1 + band
        case "half":
            return Fraction(1, 2), Fraction(3, 2)
        case "rcv":
            variance = math.log1p(study.tg_cv_analytical**2) + math.log1p(study.tg_cv_biological**2)
            spread = 1.96 * math.sqrt(2 * variance)
            return Fraction(math.exp(-spread)), Fraction(math.exp(spread))


def _ratio_category(before: TgValue, after: TgValue, down: Fraction, up: Fraction) -> str:
    """Where the whole interval of possible ratios lies; an open end is never reached itself."""
    exact = before.exact and after.exact
    if after.high is not None and before.low is not None:
        highest, cut = after.high, _times(down, before.low)
        if highest < cut or (not exact and 0 < highest == cut):
            return "decrease"
    if after.low is not None and before.high is not None:
        lowest, cut = after.low, _times(up, before.high)
        if lowest > cut or (not exact and lowest == cut):
            return "increase"
    return "stable" if exact else "indeterminate"


def _times(cut: Fraction, value: Decimal) -> Fraction | Decimal:
    """The product, exactly; a Decimal compares exactly with either."""
    return value if cut == 1 else cut * Fraction(value)
