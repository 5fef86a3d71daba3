"""Time from the index date to the study's endpoint or to the end of observation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from analytics.course import DateSpan, FactRef, Finding, PatientFacts
from analytics.response import Progression, progressions
from analytics.study import Study

CONTACT_STATUSES = frozenset({"arrived", "triaged", "in-progress", "onleave", "finished"})


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Days from finish, cut at the horizon; `reason` says what ended the observation.

    reason: progression, last_contact, horizon, next_course (where each course counts), or
    no_follow_up (no contact after finish: 0 days, left out of the curve and counted).
    death_days: from day 0 to a death within the horizon. It is no contact and ends nothing here;
    it competes with progression where both are counted (`outcome`).
    """

    days: int
    event: bool
    reason: str
    last_contact: date | None
    death_days: int | None = None

    @property
    def outcome(self) -> tuple[str, int] | None:
        """What came first, and its day: progression, death or censored; None for neither an
        outcome nor follow-up."""
        if self.event:
            return ("death" if self.reason == "death" else "progression"), self.days
        if self.death_days is not None:
            return "death", self.death_days
        return None if self.reason == "no_follow_up" else ("censored", self.days)


def follow_up(
    facts: PatientFacts,
    start: date | None,
    until: date | None,
    study: Study,
    findings: list[Finding],
) -> FollowUp:
    """The earliest of event, last contact and horizon; an event precedes a censoring.

    start: the index date (day 0). until: the day on which the next course begins; what happens
    from then on is not this one's.
    """
    if start is None:
        findings.append(Finding("no_index_date", "censored", text=study.index_date))
        return FollowUp(0, False, "no_follow_up", None)
    contacts = [row for row in _contacts(facts, study) if row[0] > start]
    found = (row for row in _events(facts, study) if row.day > start)
    event = next((row for row in found if until is None or row.day < until), None)
    last = max((day for day, _ in contacts), default=None)
    died = _death_days(facts, start, until, study)
    if event and (event.day - start).days <= study.horizon_days:
        reason = "death" if event.source == "death" else "progression"
        findings.append(Finding(reason, "event", event.day, text=event.source, refs=(event.ref,)))
        return FollowUp((event.day - start).days, True, reason, last, died)
    if last is None:
        findings.append(Finding("no_follow_up", "censored", start))
        return FollowUp(0, False, "no_follow_up", None, died)
    end = last if until is None else min(last, until)
    days = (end - start).days
    reason = "horizon" if days >= study.horizon_days else "last_contact"
    if end != last and reason == "last_contact":
        reason = "next_course"
    refs = tuple(sorted(ref for day, ref in contacts if day == end))
    findings.append(Finding(reason, "censored", end, refs=refs))
    return FollowUp(min(days, study.horizon_days), False, reason, last, died)


def _death_days(facts: PatientFacts, start: date, until: date | None, study: Study) -> int | None:
    """Days to the first stated death of any cause, before the next course, within the horizon."""
    found = [each.date.day(study.date_policy) for each in facts.deaths if each.date]
    days = [(day - start).days for day in found if day and (until is None or day < until)]
    return min((day for day in days if 0 <= day <= study.horizon_days), default=None)


def _events(facts: PatientFacts, study: Study) -> list[Progression]:
    """Progressions, and deaths where they count; of one day the progression first."""
    return sorted(
        [*progressions(facts.imaging, facts.statuses, study), *_deaths(facts, study)],
        key=lambda row: (row.day, row.source == "death", row.source, row.ref),
    )


def _deaths(facts: PatientFacts, study: Study) -> Iterator[Progression]:
    if study.death == "censored":
        return
    for death in facts.deaths:
        day = death.date.day(study.date_policy) if death.date else None
        if day and (study.death == "event" or death.cause_cancer):
            yield Progression(day, "death", death.ref)


def _contacts(facts: PatientFacts, study: Study) -> Iterator[tuple[date, FactRef]]:
    """Days on which the patient was seen or measured; plans, orders and deaths are none."""
    seen: list[tuple[DateSpan | None, FactRef]] = [
        (visit.date, visit.ref) for visit in facts.visits if visit.status in CONTACT_STATUSES
    ]
    seen += [(lab.date, lab.ref) for lab in facts.labs]
    seen += [(scan.date, scan.ref) for scan in facts.imaging]
    # A diagnosis tells when a disease began, not that the patient was seen that day.
    diagnosed = ("condition_recurrence", "new_metastasis")
    seen += [(each.date, each.ref) for each in facts.statuses if each.evidence not in diagnosed]
    for span, ref in seen:
        day = span.day(study.date_policy) if span else None
        if day:
            yield day, ref
