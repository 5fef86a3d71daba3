"""Structural disease: target-lesion sums at the landmarks, their change, progression.

RECIST 1.1 (Eisenhauer 2009, Eur J Cancer 45:228). Biochemical progression is kept apart and
counts only where the study says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from analytics.course import DiseaseStatus, FactRef, ImagingAssessment
from analytics.study import Study

# Evidence of a disease status that is a source of its own: the study says whether it counts.
CANDIDATES = frozenset(
    {"condition_recurrence", "new_metastasis", "report_text", "recist_computed", "tg_increase"}
)


@dataclass(frozen=True, slots=True)
class LesionSum:
    """The sum of target diameters (mm) at one day."""

    day: date
    sum_mm: Decimal
    new_lesion: bool
    ref: FactRef


def lesion_sums(imaging: Iterable[ImagingAssessment], study: Study) -> list[LesionSum]:
    """All dated sums, oldest first."""
    sums = [
        LesionSum(day, scan.sum_diam_mm, bool(scan.new_lesion), scan.ref)
        for scan in imaging
        if scan.sum_diam_mm is not None and scan.date and (day := scan.date.day(study.date_policy))
    ]
    return sorted(sums, key=lambda scan: (scan.day, scan.ref))


def baseline_sum(sums: Sequence[LesionSum], drug_start: date, days: int) -> LesionSum | None:
    """The last sum in the `days` up to the first index-drug day."""
    before = [scan for scan in sums if 0 <= (drug_start - scan.day).days <= days]
    return before[-1] if before else None


def sum_nearest_to(
    sums: Sequence[LesionSum], finish: date, day: int, tolerance: int
) -> LesionSum | None:
    """The sum nearest to `day` after finish; of two equally near, the later."""
    near = [
        (abs((scan.day - finish).days - day), -scan.day.toordinal(), scan.ref, scan)
        for scan in sums
        if abs((scan.day - finish).days - day) <= tolerance
    ]
    return min(near, key=lambda row: row[:3])[3] if near else None


def ct_category(before: LesionSum | None, after: LesionSum | None, study: Study) -> str:
    """decrease, increase, stable or missing, by the change between two scans."""
    if before is None or after is None:
        return "missing"
    change = after.sum_mm - before.sum_mm
    percent = 100 * change
    larger = percent >= Decimal(str(study.ct_increase_pct)) * before.sum_mm
    if after.new_lesion or (larger and change >= Decimal(str(study.ct_increase_mm))):
        return "increase"
    smaller = percent <= Decimal(str(study.ct_decrease_pct)) * before.sum_mm
    return "decrease" if smaller and change < 0 else "stable"


@dataclass(frozen=True, slots=True, order=True)
class Progression:
    """A statement of progression, and by which of the study's sources."""

    day: date
    source: str
    ref: FactRef


def progressions(
    imaging: Iterable[ImagingAssessment], statuses: Iterable[DiseaseStatus], study: Study
) -> list[Progression]:
    """All dated statements of progression that the study accepts, earliest first."""
    found = []
    for scan in imaging if study.endpoint != "biochemical" else ():
        day = scan.date.day(study.date_policy) if scan.date else None
        if day and scan.recist == "PD" and "recist" in study.progression_sources:
            found.append(Progression(day, "recist", scan.ref))
        if day and scan.new_lesion and "new_lesion" in study.progression_sources:
            found.append(Progression(day, "new_lesion", scan.ref))
    for status in statuses:
        day = status.date.day(study.date_policy) if status.date else None
        source = status.evidence if status.evidence in CANDIDATES else "disease_status"
        kind = "biochemical" if status.biochemical else "structural"
        counts = study.endpoint in ("any", kind) and source in study.progression_sources
        if day and counts and status.disease_status == "PD":
            found.append(Progression(day, source, status.ref))
    return sorted(found)
