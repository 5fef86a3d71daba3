"""Drugs and radioactive iodine: courses of index drugs, and single I-131 administrations.

Records overlap: refills are merged by a gap rule, and the same administration stated by a
Procedure, a MedicationAdministration and a charge is counted once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from analytics.course import MBQ_PER_MCI, DrugExposure, FactRef, RaiAdministration
from analytics.study import Study

# What a record proves of intake; a prescription alone is used only where nothing better exists.
TAKEN = frozenset({"administered", "dispensed", "stated"})

# Whose activity is taken when records of one administration differ, best first.
ACTIVITY_SOURCES = ("administered", "procedure", "observation", "charge", "text")
DISAGREEMENT = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class DrugSpan:
    """One ingredient, both days counted; `last_day` None: no end was stated."""

    ingredient: str
    drug_class: str
    first_day: date
    last_day: date | None
    refs: tuple[FactRef, ...]

    @property
    def days(self) -> int | None:
        return (self.last_day - self.first_day).days + 1 if self.last_day else None


@dataclass(frozen=True, slots=True)
class DrugCourse:
    """Index drugs without a gap longer than the study's `merge_gap_days`."""

    spans: tuple[DrugSpan, ...]

    @property
    def first_day(self) -> date:
        return min(span.first_day for span in self.spans)

    @property
    def last_day(self) -> date | None:
        ends = [span.last_day for span in self.spans]
        return None if None in ends else max(end for end in ends if end)

    @property
    def regimen(self) -> str:
        return "+".join(sorted({span.ingredient for span in self.spans}))

    @property
    def classes(self) -> frozenset[str]:
        return frozenset(span.drug_class for span in self.spans)

    @property
    def refs(self) -> tuple[FactRef, ...]:
        return tuple(sorted({ref for span in self.spans for ref in span.refs}))


def drug_courses(drugs: Iterable[DrugExposure], study: Study) -> list[DrugCourse]:
    """The courses of the study's index drugs, earliest first."""
    spans = sorted(
        (span for group in _by_ingredient(drugs, study) for span in _merged(group, study)),
        key=lambda span: (span.first_day, span.ingredient),
    )
    courses: list[list[DrugSpan]] = []
    for span in spans:
        if courses and _adjoins([item.last_day for item in courses[-1]], span.first_day, study):
            courses[-1].append(span)
        else:
            courses.append([span])
    return [DrugCourse(tuple(course)) for course in courses]


def _by_ingredient(drugs: Iterable[DrugExposure], study: Study) -> list[list[DrugSpan]]:
    groups: dict[str, list[DrugExposure]] = {}
    for drug in drugs:
        if drug.drug_class in study.index_drug_classes and _first_day(drug, study):
            groups.setdefault(drug.ingredient, []).append(drug)
    best = []
    for group in groups.values():
        taken = [drug for drug in group if drug.evidence in TAKEN]
        best.append([_span(drug, study) for drug in (taken or group)])
    return best


def _first_day(drug: DrugExposure, study: Study) -> date | None:
    return drug.start.day(study.date_policy) if drug.start else None


def _span(drug: DrugExposure, study: Study) -> DrugSpan:
    first_day = _first_day(drug, study)
    assert first_day is not None  # noqa: S101 - kept by _by_ingredient
    last_day = drug.end.day(study.date_policy) if drug.end else None
    return DrugSpan(drug.ingredient, drug.drug_class, first_day, last_day, (drug.ref,))


def _merged(spans: list[DrugSpan], study: Study) -> list[DrugSpan]:
    merged: list[DrugSpan] = []
    for span in sorted(spans, key=lambda span: (span.first_day, span.refs)):
        if merged and _adjoins([merged[-1].last_day], span.first_day, study):
            last = merged[-1]
            ends = [last.last_day, span.last_day]
            merged[-1] = DrugSpan(
                span.ingredient,
                span.drug_class,
                last.first_day,
                None if None in ends else max(end for end in ends if end),
                last.refs + span.refs,
            )
        else:
            merged.append(span)
    return merged


def _adjoins(ends: list[date | None], start: date, study: Study) -> bool:
    """No more than `merge_gap_days` drug-free days lie between the ends and the next start."""
    if None in ends:
        return True
    last = max(end for end in ends if end)
    return (start - last).days - 1 <= study.merge_gap_days


@dataclass(frozen=True, slots=True)
class RaiDose:
    """One administration of radioiodine, with every record that states it."""

    day: date
    purpose: str
    activity_mbq: Decimal | None
    refs: tuple[FactRef, ...]
    flags: tuple[str, ...] = ()


def rai_doses(records: Iterable[RaiAdministration], study: Study) -> list[RaiDose]:
    """The administrations, earliest first: records of one purpose within `rai_merge_days`."""
    dated = sorted(
        (day, _purpose(record, study), record.ref, record)
        for record in records
        if record.date and (day := record.date.day(study.date_policy))
    )
    clusters: list[tuple[date, str, list[RaiAdministration]]] = []
    # Records of a stated purpose first, so that one without joins what it belongs to.
    for day, purpose, _, record in sorted(dated, key=lambda row: (row[1] == "unknown", *row[:3])):
        for first_day, known, members in clusters:
            near = abs((day - first_day).days) <= study.rai_merge_days
            if near and purpose in (known, "unknown"):
                members.append(record)
                break
        else:
            clusters.append((day, purpose, [record]))
    doses = [_dose(day, purpose, members) for day, purpose, members in clusters]
    return sorted(doses, key=lambda dose: (dose.day, dose.refs))


def _purpose(record: RaiAdministration, study: Study) -> str:
    """As stated; else by isotope and activity (thresholds are the study's)."""
    if record.purpose != "unknown":
        return "diagnostic" if record.purpose == "dosimetry" else record.purpose
    if record.isotope in ("I-123", "I-124"):
        return "diagnostic"
    if record.activity_mbq is None:
        return "unknown"
    mci = record.activity_mbq / MBQ_PER_MCI
    if mci <= Decimal(str(study.rai_diagnostic_to_mci)):
        return "diagnostic"
    return "therapeutic" if mci >= Decimal(str(study.rai_therapeutic_from_mci)) else "unknown"


def _dose(day: date, purpose: str, members: list[RaiAdministration]) -> RaiDose:
    stated = sorted(
        (ACTIVITY_SOURCES.index(record.evidence), record.ref, record.activity_mbq)
        for record in members
        if record.activity_mbq is not None
    )
    activity = stated[0][2] if stated else None
    flags = []
    if activity is None:
        flags.append("activity_missing")
    elif any(abs(other - activity) > DISAGREEMENT * activity for _, _, other in stated):
        flags.append("activity_disagreement")
    refs = tuple(sorted({record.ref for record in members}))
    return RaiDose(day, purpose, activity, refs, tuple(flags))
