"""Drugs and radioactive iodine: courses of index drugs, and single I-131 administrations.

Records overlap: refills are merged by a gap rule, and the same administration stated by a
Procedure, a MedicationAdministration and a charge is counted once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from analytics.course import MBQ_PER_MCI, DrugExposure, FactRef, RaiAdministration
from analytics.dose_records import DATE_OF_DOCUMENT, DISAGREEMENT, IMPLAUSIBLE
from analytics.study import Study

# What a record proves of intake; a prescription alone is used only where nothing better exists.
TAKEN = frozenset({"administered", "dispensed", "stated"})

# Whose activity is taken when records of one administration differ, best first.
ACTIVITY_SOURCES = ("administered", "procedure", "observation", "charge", "text")
# Statuses of a record that say that the dose was given; "" is a source without a status.
GIVEN = frozenset(
    [
        "completed",
        "final",
        "amended",
        "corrected",
        "appended",
        "partial",
        "active",
        "current",
        "billable",
        "billed",
    ]
) | {"not-billable", ""}


@dataclass(frozen=True, slots=True)
class DrugSpan:
    """One ingredient, both days counted; `last_day` None: no end was stated.

    `end_assumed`: a record without an end was followed by a later one of the same ingredient, and
    counts for its own day alone.
    """

    ingredient: str
    drug_class: str
    first_day: date
    last_day: date | None
    refs: tuple[FactRef, ...]
    end_assumed: bool = False

    @property
    def days(self) -> int | None:
        return (self.last_day - self.first_day).days + 1 if self.last_day else None


@dataclass(frozen=True, slots=True)
class DrugCourse:
    """Index drugs without a gap longer than the study's `merge_gap_days`."""

    spans: tuple[DrugSpan, ...]
    first_day: date = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Asked for dozens of times.
        object.__setattr__(self, "first_day", min(span.first_day for span in self.spans))

    @property
    def last_day(self) -> date | None:
        ends = [span.last_day for span in self.spans]
        return None if None in ends else max(end for end in ends if end)

    def takes(self, day: date) -> bool:
        """Whether a drug of the course is known to be taken on the day."""
        return any(
            span.last_day is not None and span.first_day <= day <= span.last_day
            for span in self.spans
        )

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
        if courses and _adjoins(courses[-1], span.first_day, study):
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
        if not merged:
            merged.append(span)
            continue
        last = _closed(merged.pop(), before=span)
        if _adjoins([last], span.first_day, study):
            merged.append(_joined(last, span))
        else:
            merged += [last, span]
    return merged


def _closed(last: DrugSpan, before: DrugSpan) -> DrugSpan:
    if last.last_day is not None or before.first_day == last.first_day:
        return last
    # Its own days are certain; that it went on until the later record is not.
    return replace(last, last_day=last.first_day, end_assumed=True)


def _joined(last: DrugSpan, span: DrugSpan) -> DrugSpan:
    ends = [last.last_day, span.last_day]
    return replace(
        last,
        last_day=None if None in ends else max(end for end in ends if end),
        refs=last.refs + span.refs,
        end_assumed=last.end_assumed or span.end_assumed,
    )


def _adjoins(spans: list[DrugSpan], start: date, study: Study) -> bool:
    """No more than `merge_gap_days` drug-free days lie between the spans and the next start.

    A span without an end reaches as far as a course may wait for its iodine.
    """
    reach = timedelta(days=study.window_after_days)
    last = max(span.last_day or span.first_day + reach for span in spans)
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
        near = [
            (abs((day - first_day).days), place)
            for place, (first_day, known, members) in enumerate(clusters)
            if abs((day - first_day).days) <= study.rai_merge_days
            and purpose in (known, "unknown")
            and _same_isotope(record, members)
        ]
        if near:
            clusters[min(near)[1]][2].append(record)
        else:
            clusters.append((day, purpose, [record]))
    doses = [_dose(day, purpose, members) for day, purpose, members in clusters]
    return _once(sorted(doses, key=lambda dose: (dose.day, dose.refs)))


def _once(doses: list[RaiDose]) -> list[RaiDose]:
    """The doses without those that a later document only tells of again, by the same activity."""
    kept: list[RaiDose] = []
    for dose in doses:
        told = DATE_OF_DOCUMENT in dose.flags
        same = next((at for at, each in enumerate(kept) if told and _agree(each, dose)), None)
        if same is None:
            kept.append(dose)
        else:
            refs = tuple(sorted({*kept[same].refs, *dose.refs}))
            kept[same] = replace(kept[same], refs=refs)
    return kept


def _agree(one: RaiDose, other: RaiDose) -> bool:
    if one.activity_mbq is None or other.activity_mbq is None:
        return False
    return abs(one.activity_mbq - other.activity_mbq) <= DISAGREEMENT * one.activity_mbq


def _same_isotope(record: RaiAdministration, members: list[RaiAdministration]) -> bool:
    named = {record.isotope, *(member.isotope for member in members)} - {""}
    return len(named) <= 1


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
    """One administration; of plausible activities that of the best source."""
    stated = sorted(
        (
            IMPLAUSIBLE in record.flags,
            ACTIVITY_SOURCES.index(record.evidence),
            record.ref,
            record.activity_mbq,
        )
        for record in members
        if record.activity_mbq is not None
    )
    implausible, _, _, activity = stated[0] if stated else (False, 0, None, None)
    flags = []
    if activity is None:
        flags.append("activity_missing")
    elif any(abs(other - activity) > DISAGREEMENT * activity for *_, other in stated):
        flags.append("activity_disagreement")
    if implausible:
        flags.append(IMPLAUSIBLE)
    if not any(record.status in GIVEN for record in members):
        flags.append("not_confirmed_given")
    if all(DATE_OF_DOCUMENT in record.flags for record in members):
        flags.append(DATE_OF_DOCUMENT)
    refs = tuple(sorted({record.ref for record in members}))
    return RaiDose(day, purpose, activity, refs, tuple(flags))
