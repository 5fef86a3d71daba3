"""RECIST 1.1 categories: those that a reader stated, and those that the sums of diameters give.

Eisenhauer 2009, Eur J Cancer 45:228. Which of the two is taken is the study's (`recist_source`);
where both exist for a day and differ, the day is a disagreement. A complete response is read from
a sum of 0 mm: a node below 10 mm that counts as normal keeps its diameter in the sum, which
numbers alone cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from analytics.course import DateSpan, DiseaseStatus, FactRef, ImagingAssessment
from analytics.followup import FollowUp
from analytics.response import LesionSum
from analytics.study import Landmark, Study

BEST_FIRST = ("CR", "PR", "SD", "PD", "NE")
CONTROLLED = frozenset({"CR", "PR", "SD"})

Source = Literal["stated", "computed"]


@dataclass(frozen=True, slots=True, order=True)
class Assessment:
    """One category at one day, by a reader (`stated`) or by the sums (`computed`)."""

    day: date
    ref: FactRef
    source: Source
    category: str


@dataclass(frozen=True, slots=True)
class StructuralResponse:
    """Of one episode: the assessments that the study takes, the best response after finish, the
    category at each landmark (`missing` without one), and the days on which reader and sums
    disagree."""

    assessments: tuple[Assessment, ...]
    best: str
    at: dict[str, str]
    disagreements: tuple[date, ...]


def structural_response(
    imaging: Iterable[ImagingAssessment],
    baseline: LesionSum | None,
    finish: date,
    study: Study,
) -> StructuralResponse:
    """The response of one episode; `baseline` is the sum before the first drug day."""
    found = assessments(imaging, baseline, study)
    taken = chosen(found, study)
    after = [each for each in taken if 0 < (each.day - finish).days <= study.horizon_days]
    return StructuralResponse(
        assessments=tuple(taken),
        best=best_response(after, study),
        at={mark.name: at_landmark(taken, finish, mark) for mark in study.landmarks},
        disagreements=disagreements(found),
    )


def assessments(
    imaging: Iterable[ImagingAssessment], baseline: LesionSum | None, study: Study
) -> list[Assessment]:
    """Every stated category, and every computed one after the baseline scan, by day."""
    dated = sorted(
        (
            (day, scan)
            for scan in imaging
            if scan.date and (day := scan.date.day(study.date_policy))
        ),
        key=lambda row: (row[0], row[1].ref),
    )
    stated = [
        Assessment(day, scan.ref, "stated", scan.recist)
        for day, scan in dated
        if scan.recist in BEST_FIRST
    ]
    return sorted(stated + _computed(dated, baseline, study))


def _computed(
    dated: Sequence[tuple[date, ImagingAssessment]], baseline: LesionSum | None, study: Study
) -> list[Assessment]:
    """Each scan against the baseline and the smallest sum of earlier days."""
    found: list[Assessment] = []
    nadir = smallest = baseline.sum_mm if baseline else None
    before = baseline.day if baseline else date.min
    for day, scan in dated:
        if day <= (baseline.day if baseline else date.min):
            continue
        if day != before:
            nadir, before = smallest, day
        total = scan.sum_diam_mm
        if total is None and not scan.new_lesion:
            continue
        category = "PD" if scan.new_lesion else "NE"
        if total is not None and not scan.new_lesion and baseline and nadir is not None:
            category = category_of(total, baseline.sum_mm, nadir, study)
        found.append(Assessment(day, scan.ref, "computed", category))
        if total is not None and smallest is not None:
            smallest = min(smallest, total)
    return found


def category_of(total: Decimal, baseline: Decimal, nadir: Decimal, study: Study) -> str:
    """CR, PR, SD or PD of a sum (mm) without a new lesion; NE where no target was measurable.

    PD: at least 20 % and 5 mm above the nadir (the smallest sum so far, the baseline included).
    PR: at least 30 % below the baseline. The cuts are the study's.
    """
    if baseline == 0:
        return "NE"
    growth = total - nadir
    by_percent = 100 * growth >= Decimal(str(study.ct_increase_pct)) * nadir
    if by_percent and growth > 0 and growth >= Decimal(str(study.ct_increase_mm)):
        return "PD"
    if total == 0:
        return "CR"
    shrunk = 100 * (total - baseline) <= Decimal(str(study.ct_decrease_pct)) * baseline
    return "PR" if shrunk else "SD"


def chosen(found: Iterable[Assessment], study: Study) -> list[Assessment]:
    """The assessments of the study's `recist_source`, by day.

    stated_first: on a day with a statement the statement, else what the sums give.
    """
    everything = sorted(found)
    if study.recist_source != "stated_first":
        return [each for each in everything if each.source == study.recist_source]
    read = {each.day for each in everything if each.source == "stated"}
    return [each for each in everything if each.source == "stated" or each.day not in read]


def disagreements(found: Iterable[Assessment]) -> tuple[date, ...]:
    """The days on which what a reader stated is not what the sums give; NE says nothing."""
    by_day: dict[date, dict[str, set[str]]] = {}
    for each in found:
        if each.category != "NE":
            by_day.setdefault(each.day, {}).setdefault(each.source, set()).add(each.category)
    return tuple(
        day
        for day, said in sorted(by_day.items())
        if len(said) == 2 and said["stated"] != said["computed"]
    )


def computed_progressions(
    imaging: Iterable[ImagingAssessment], baseline: LesionSum | None, study: Study
) -> tuple[DiseaseStatus, ...]:
    """Each scan that the sums make a progression, as a statement of source `recist_computed`."""
    return tuple(
        DiseaseStatus(
            ref=each.ref,
            disease_status="PD",
            date=DateSpan.of(each.day),
            evidence="recist_computed",
        )
        for each in assessments(imaging, baseline, study)
        if (each.source, each.category) == ("computed", "PD")
    )


def best_response(taken: Sequence[Assessment], study: Study) -> str:
    """The best overall response of assessments in any order; `missing` without one.

    any: of all. until_progression: up to the first PD (RECIST 1.1). confirmed: as before, and
    complete or partial only if a later assessment, `recist_confirmation_days` on, says at least
    as much; else stable.
    """
    ordered = sorted(taken)
    if study.best_response != "any":
        first_pd = min((each.day for each in ordered if each.category == "PD"), default=date.max)
        ordered = [each for each in ordered if each.day <= first_pd]
    said = {each.category for each in ordered}
    if study.best_response == "confirmed":
        said = {_confirmed(each, ordered, study) for each in ordered}
    return next((category for category in BEST_FIRST if category in said), "missing")


def _confirmed(each: Assessment, ordered: Sequence[Assessment], study: Study) -> str:
    if each.category not in ("CR", "PR"):
        return each.category
    as_good = BEST_FIRST[: BEST_FIRST.index(each.category) + 1]
    again = any(
        other.category in as_good and (other.day - each.day).days >= study.recist_confirmation_days
        for other in ordered
    )
    return each.category if again else "SD"


def at_landmark(taken: Iterable[Assessment], finish: date, mark: Landmark) -> str:
    """The category nearest to the landmark: of two days the later, of two on one day the worse."""
    near = [
        (
            abs((each.day - finish).days - mark.day),
            -each.day.toordinal(),
            -BEST_FIRST.index(each.category),
        )
        for each in taken
        if mark.holds((each.day - finish).days) and each.category != "NE"
    ]
    return BEST_FIRST[-min(near)[2]] if near else "missing"


def durable_control(
    response: StructuralResponse, finish: date, seen: FollowUp, study: Study
) -> str:
    """Whether disease was controlled for `durable_control_days` after finish.

    yes: complete, partial or stable at a scan after finish, and no progression in that time. no:
    progression in that time. not_evaluable: observation ended before, or no scan shows control.
    """
    if seen.event and seen.days <= study.durable_control_days:
        return "no"
    controlled = any(
        each.category in CONTROLLED and (each.day - finish).days > 0
        for each in response.assessments
    )
    return "yes" if controlled and seen.days >= study.durable_control_days else "not_evaluable"
