"""Relative dose intensity: of each index drug, the dose stated over the dose of its label.

Delivered is the stated daily dose summed over the days that records cover, planned the label's
daily dose (`Study.label_doses`) on every day from the drug's first to its last, protocol finish at
the latest. So a day without a record counts as one without the drug, as a paused day does (Hryniuk
and Bush 1984, J Clin Oncol 2:1281, for the term). A dose is never guessed: one day whose dose is
not known makes the drug's intensity not estimable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from analytics.course import DrugExposure
from analytics.exposure import TAKEN, DrugCourse
from analytics.study import Study

EVIDENCE = ("administered", "dispensed", "stated", "ordered")
"""Whose dose is taken where records of one day differ, best first."""
UNCLEAR = frozenset({"several_doses", "dose_conflict"})
"""Flags of a record that states doses of which it is not known which held."""
CLASSES = ("from_90_pct", "70_to_89_pct", "under_70_pct", "not_stated")
_HIGH, _LOW = Decimal("0.9"), Decimal("0.7")


@dataclass(frozen=True, slots=True)
class DoseIntensity:
    """One drug of a course; doses in mg, both None with the `reason` why."""

    ingredient: str
    delivered_mg: Decimal | None = None
    planned_mg: Decimal | None = None
    reason: str = ""

    @property
    def relative(self) -> Decimal | None:
        """Delivered over planned; more than 1 above the label's dose."""
        if self.delivered_mg is None or not self.planned_mg:
            return None
        return self.delivered_mg / self.planned_mg

    @property
    def category(self) -> str:
        """from_90_pct, 70_to_89_pct (less than 90), under_70_pct, or not_stated."""
        if self.relative is None:
            return "not_stated"
        if self.relative >= _HIGH:
            return "from_90_pct"
        return "70_to_89_pct" if self.relative >= _LOW else "under_70_pct"


def dose_intensities(
    drugs: Iterable[DrugExposure], course: DrugCourse, finish: date, study: Study
) -> tuple[DoseIntensity, ...]:
    """One for each ingredient of the course, by name; `finish` is protocol finish."""
    named: dict[str, list[DrugExposure]] = {}
    for drug in drugs:
        named.setdefault(drug.ingredient, []).append(drug)
    ingredients = sorted({span.ingredient for span in course.spans})
    return tuple(
        _intensity(name, named.get(name, []), course, finish, study) for name in ingredients
    )


def _intensity(
    ingredient: str,
    drugs: list[DrugExposure],
    course: DrugCourse,
    finish: date,
    study: Study,
) -> DoseIntensity:
    label = study.label_doses.get(ingredient)
    if label is None:
        return DoseIntensity(ingredient, reason="no_label_dose")
    spans = [span for span in course.spans if span.ingredient == ingredient]
    first = min(span.first_day for span in spans)
    ends = [span.last_day for span in spans if span.last_day and not span.end_assumed]
    if len(ends) < len(spans):
        return DoseIntensity(ingredient, reason="drug_end_unknown")
    last = min(finish, max(ends))
    if first > last:
        return DoseIntensity(ingredient, reason="begun_after_finish")
    records = [span for drug in drugs if (span := _record(drug, study))]
    delivered = Decimal(0)
    for day, days in _stretches(first, last, records):
        dose = _dose_on(day, records)
        if isinstance(dose, str):
            return DoseIntensity(ingredient, reason=dose)
        delivered += dose * days
    days = (last - first).days + 1
    return DoseIntensity(ingredient, delivered, Decimal(str(label)) * days)


@dataclass(frozen=True, slots=True)
class _Record:
    """One exposure as the days it covers; without an end it covers all that follow."""

    drug: DrugExposure
    first: date
    last: date | None

    def covers(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)

    @property
    def daily_mg(self) -> Decimal | None:
        drug = self.drug
        if drug.dose_mg is None or drug.doses_per_day is None:
            return None
        return drug.dose_mg * drug.doses_per_day


def _record(drug: DrugExposure, study: Study) -> _Record | None:
    first = drug.start.day(study.date_policy) if drug.start else None
    last = drug.end.day(study.date_policy) if drug.end else None
    return _Record(drug, first, last) if first else None


def _dose_on(day: date, records: list[_Record]) -> Decimal | str:
    """The dose of the day in mg, 0 where no record says that it was taken; or why not."""
    covering = [record for record in records if record.covers(day)]
    taken = [record for record in covering if record.drug.evidence in TAKEN]
    if not taken and (not covering or any(each.drug.evidence in TAKEN for each in records)):
        return Decimal(0)
    stating = [each for each in covering if each.daily_mg is not None or _unclear(each)]
    if not stating:
        partly = any(each.drug.dose_mg is not None for each in covering)
        return "frequency_not_stated" if partly else "dose_not_stated"
    best = min(EVIDENCE.index(each.drug.evidence) for each in stating)
    of_best = [each for each in stating if EVIDENCE.index(each.drug.evidence) == best]
    # A later prescription supersedes the one whose supply still lasts.
    latest = max(each.first for each in of_best)
    doses = {each.daily_mg for each in of_best if each.first == latest}
    dose = doses.pop() if len(doses) == 1 else None
    return "doses_disagree" if dose is None else dose


def _unclear(record: _Record) -> bool:
    return not UNCLEAR.isdisjoint(record.drug.flags)


def _stretches(first: date, last: date, records: list[_Record]) -> Iterator[tuple[date, int]]:
    """The days from first to last as runs that the same records cover: first day, and how many."""
    ends = (record.last + timedelta(days=1) for record in records if record.last)
    turns = {first, *(record.first for record in records), *ends}
    cuts = sorted(day for day in turns if first <= day <= last)
    for day, following in zip(cuts, [*cuts[1:], last + timedelta(days=1)], strict=True):
        yield day, (following - day).days
