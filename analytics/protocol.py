"""Which doses and scans belong to which course of index drugs, and when its protocol finished."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from analytics.course import Dosimetry, FactRef, Finding, PatientFacts, Uptake
from analytics.exposure import DrugCourse, RaiDose
from analytics.study import Study


@dataclass(frozen=True, slots=True)
class Protocol:
    """One qualifying course: `rai` the first therapeutic dose, `scans` the days of dosimetry and
    uptake from the first drug day to that dose, `finish` day 0 and the rule that set it."""

    drugs: DrugCourse
    rai: RaiDose | None
    scans: tuple[tuple[date, FactRef], ...]
    finish: date
    finish_rule: str

    def findings(self) -> Iterator[Finding]:
        """Each date of the protocol with its rule and its facts."""
        drugs = self.drugs
        yield Finding("index_drug", "in", drugs.first_day, text=drugs.regimen, refs=drugs.refs)
        if self.scans:
            last = self.scans[-1][0]
            refs = tuple(sorted(ref for day, ref in self.scans if day == last))
            yield Finding("dosimetry", "in", last, refs=refs)
        if self.rai:
            activity = self.rai.activity_mbq
            mci = "activity unknown" if activity is None else f"{float(activity / 37):g} mCi"
            yield Finding("rai", "in", self.rai.day, text=mci, refs=self.rai.refs)
        yield Finding("finish", "finish", self.finish, text=self.finish_rule)


def protocols(
    facts: PatientFacts, courses: Sequence[DrugCourse], doses: Sequence[RaiDose], study: Study
) -> list[Protocol]:
    """The courses that qualify, earliest first.

    A course qualifies by therapeutic I-131, dosimetry or an uptake scan in its window. A dose or
    scan belongs to the latest course that had begun by then, so that none is counted twice.
    """
    scans = sorted(_scan_days(facts, study))
    found = []
    for number, drugs in enumerate(courses):
        following = courses[number + 1].first_day if number + 1 < len(courses) else None
        protocol = _protocol(_Window(drugs, following, study), doses, scans)
        if protocol:
            found.append(protocol)
    return found


@dataclass(frozen=True, slots=True)
class _Window:
    """The days of one course: from its first drug day until the next course begins."""

    drugs: DrugCourse
    following: date | None
    study: Study

    def holds(self, day: date) -> bool:
        after = timedelta(days=self.study.window_after_days)
        first = self.drugs.first_day
        return first <= day <= first + after and (self.following is None or day < self.following)

    def shortly_before(self, day: date) -> bool:
        first = self.drugs.first_day
        return first - timedelta(days=self.study.window_before_days) <= day < first


def _protocol(
    window: _Window, doses: Sequence[RaiDose], scans: Sequence[tuple[date, FactRef]]
) -> Protocol | None:
    given = [dose for dose in doses if dose.purpose == "therapeutic" and window.holds(dose.day)]
    rai = given[0] if given else None
    seen = tuple(
        (day, ref) for day, ref in scans if window.holds(day) and (rai is None or day <= rai.day)
    )
    planned = any(window.shortly_before(day) for day, _ in scans)
    if rai is None and not seen and not planned:
        return None
    candidates = {
        "therapeutic_rai": rai.day if rai else None,
        "last_dosimetry": seen[-1][0] if seen else None,
        "last_drug_day": window.drugs.last_day,
    }
    rule = next((name for name in window.study.finish_rules if candidates[name]), None)
    day = candidates[rule] if rule else None
    if rule is None or day is None:
        return None
    last_drug = window.drugs.last_day
    if window.study.finish_waits_for_drug and last_drug and last_drug > day:
        return Protocol(window.drugs, rai, seen, last_drug, f"{rule}+last_drug_day")
    return Protocol(window.drugs, rai, seen, day, rule)


def _scan_days(facts: PatientFacts, study: Study) -> Iterator[tuple[date, FactRef]]:
    scans: tuple[Dosimetry | Uptake, ...] = (*facts.dosimetry, *facts.uptake)
    for scan in scans:
        day = scan.date.day(study.date_policy) if scan.date else None
        if day:
            yield day, scan.ref


def index_date(protocol: Protocol, study: Study) -> date | None:
    """Day 0 of the curve; None where the study counts from a dose that was not given."""
    match study.index_date:
        case "first_drug_day":
            return protocol.drugs.first_day
        case "therapeutic_rai":
            return protocol.rai.day if protocol.rai else None
        case _:
            return protocol.finish
