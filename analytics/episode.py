"""`derive`: one patient's facts and a study definition -> the patient's course.

Pure, and looks at one patient only. Every date carries the rule that set it and the facts behind
it; a patient who is out carries the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

from analytics import recist, response, thyroglobulin
from analytics.course import Finding, PatientFacts, Person
from analytics.exposure import DrugCourse, RaiDose, drug_courses, rai_doses
from analytics.followup import FollowUp, follow_up
from analytics.genomics import TumourProfile, tumour_profile
from analytics.protocol import Protocol, protocols
from analytics.recist import StructuralResponse
from analytics.response import LesionSum
from analytics.study import Study
from analytics.thyroglobulin import TgValue
from analytics.undated import left_out, partial_progression

# Why a patient is out, in the order in which the rules are asked (the attrition).
ATTRITION = (
    "no_thyroid_cancer",
    "excluded_histology",
    "no_index_drug",
    "index_drug_without_start",
    "no_dosimetry_or_rai_in_window",
    "finish_outside_period",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One protocol episode: index drugs, dosimetry, therapeutic I-131, and what followed.

    tg_series and ct_series: all that the patient has, oldest first. other_treatment: days on which
    another drug or dose began, or had ended before this episode.
    """

    patient_key: str
    site: str
    number: int
    sex: str
    race: str
    ethnicity: str
    age_years: int | None
    histology: str
    profile: TumourProfile
    drugs: DrugCourse
    uptake: str
    max_tolerated_mbq: Decimal | None
    prior_rai: tuple[RaiDose, ...]
    rai: RaiDose | None
    finish: date
    finish_rule: str
    tg: dict[str, TgValue | None]
    tg_change: dict[str, str]
    tg_series: tuple[TgValue, ...]
    ct: dict[str, LesionSum | None]
    ct_change: dict[str, str]
    ct_series: tuple[LesionSum, ...]
    response: StructuralResponse
    durable_control: str
    follow_up: FollowUp
    other_treatment: tuple[date, ...]
    deviations: tuple[str, ...]

    @property
    def best_recist(self) -> str:
        """The best response after finish, by the study's rule; `missing` without one."""
        return self.response.best

    @property
    def prior_rai_mbq(self) -> Decimal | None:
        """The sum of prior therapeutic activities; None without a record, or if one is unknown."""
        activities = [dose.activity_mbq for dose in self.prior_rai]
        known = [activity for activity in activities if activity is not None]
        return sum(known, Decimal(0)) if known and len(known) == len(activities) else None

    @property
    def rai_mbq(self) -> Decimal | None:
        """The therapeutic activity of this episode; None if not given or unknown."""
        return self.rai.activity_mbq if self.rai else None

    @property
    def cumulative_rai_mbq(self) -> Decimal | None:
        """Prior therapeutic activities and this episode's; None if any of them is unknown."""
        if self.prior_rai_mbq is None or (self.rai and self.rai.activity_mbq is None):
            return None
        return self.prior_rai_mbq + (self.rai_mbq or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What `derive` returns: the episodes, or the reason why there is none, and every step."""

    patient_key: str
    site: str
    episodes: tuple[Episode, ...] = ()
    attrition: str | None = None
    findings: tuple[Finding, ...] = ()


def derive(facts: PatientFacts, study: Study) -> Course:
    """The patient's protocol episodes under the study, earliest first."""
    course = Course(patient_key=facts.patient_key, site=facts.site)
    unplaced = tuple(left_out(facts, study))
    diagnosis, reason = _diagnosis(facts, study)
    if reason:
        return replace(course, attrition=reason, findings=(diagnosis, *unplaced))
    courses = drug_courses(facts.drugs, study)
    if not courses:
        return replace(course, attrition=_no_drug(facts, study), findings=(diagnosis, *unplaced))
    doses = rai_doses(facts.rai, study)
    found = protocols(facts, courses, doses, study)
    if not found:
        reason = "no_dosimetry_or_rai_in_window"
        text = f"no dosimetry, uptake scan or I-131 in {study.window_after_days} d of an index drug"
        drug = Finding("index_drug", "in", courses[0].first_day, text=courses[0].regimen)
        steps = (diagnosis, drug, *unplaced, Finding(reason, "out", text=text))
        return replace(course, attrition=reason, findings=steps)
    profile = tumour_profile(facts.variants, facts.biomarkers, study)
    judge = _Judge(facts, study, diagnosis.text, profile, tuple(doses), courses)
    findings = [diagnosis]
    episodes = []
    for number, protocol in enumerate(found, start=1):
        findings += protocol.findings()
        # Where every course counts, what follows the next one is the next one's.
        following = found[number].drugs.first_day if number < len(found) else None
        until = following if study.unit == "episode" else None
        episodes.append(judge.episode(protocol, number, until, findings))
    return replace(course, episodes=tuple(episodes), findings=(*findings, *unplaced))


def in_period(course: Course, start: date | None, end: date | None) -> Course:
    """The course with only the episodes whose protocol finish lies in the period."""
    kept = tuple(
        episode
        for episode in course.episodes
        if (start is None or episode.finish >= start) and (end is None or episode.finish <= end)
    )
    if len(kept) == len(course.episodes):
        return course
    reason = None if kept else "finish_outside_period"
    return replace(course, episodes=kept, attrition=reason)


def pairs(study: Study) -> list[tuple[str, str]]:
    """The changes that are reported: from before to each landmark, and between neighbours."""
    names = [landmark.name for landmark in study.landmarks]
    return [("prior", name) for name in names] + list(pairwise(names))


def _diagnosis(facts: PatientFacts, study: Study) -> tuple[Finding, str | None]:
    """The most specific included diagnosis, or why the patient is out."""
    valid = sorted(
        (
            fact
            for fact in facts.diagnoses
            if fact.verification_status not in ("refuted", "entered-in-error")
        ),
        key=lambda fact: fact.ref,
    )
    for fact in valid:
        if fact.concept in study.exclude_diagnoses:
            reason = "excluded_histology"
            return Finding(reason, "out", text=fact.concept, refs=(fact.ref,)), reason
    rank = {concept: place for place, concept in enumerate(study.include_diagnoses)}
    included = sorted(
        (fact for fact in valid if fact.concept in rank),
        key=lambda fact: (rank[fact.concept], fact.ref),
    )
    if not included:
        reason = "no_thyroid_cancer"
        return Finding(reason, "out", text="no diagnosis that the study includes"), reason
    first = included[0]
    stated = first.onset or first.recorded
    day = stated.earliest if stated and stated.is_day else None
    return Finding("diagnosis", "in", day, text=first.concept, refs=(first.ref,)), None


def _no_drug(facts: PatientFacts, study: Study) -> str:
    named = any(drug.drug_class in study.index_drug_classes for drug in facts.drugs)
    return "index_drug_without_start" if named else "no_index_drug"


@dataclass(frozen=True, slots=True)
class _Judge:
    """What the episodes of one patient share."""

    facts: PatientFacts
    study: Study
    histology: str
    profile: TumourProfile
    doses: tuple[RaiDose, ...]
    courses: list[DrugCourse]

    def episode(
        self, protocol: Protocol, number: int, until: date | None, findings: list[Finding]
    ) -> Episode:
        """One protocol's episode; its steps are added to `findings`."""
        study, facts, drugs = self.study, self.facts, protocol.drugs
        person = next(iter(sorted(facts.persons, key=lambda fact: fact.ref)), None)
        tg_series = self._tg_series()
        tg = self._tg(protocol, tg_series)
        sums = response.lesion_sums(facts.imaging, study)
        ct = self._ct(protocol, sums)
        structural = recist.structural_response(facts.imaging, ct["prior"], protocol.finish, study)
        tg_change = {
            f"{a}_to_{b}": thyroglobulin.category(tg[a], tg[b], study) for a, b in pairs(study)
        }
        ct_change = {
            f"{a}_to_{b}": response.ct_category(ct[a], ct[b], study) for a, b in pairs(study)
        }
        findings += _measured(tg, ct, tg_change, ct_change)
        judged = self._with_computed_progressions(ct["prior"])
        seen = follow_up(judged, protocol.finish, until, study, findings)
        return Episode(
            patient_key=facts.patient_key,
            site=facts.site,
            number=number,
            sex=person.sex if person else "",
            race=person.race if person else "",
            ethnicity=person.ethnicity if person else "",
            age_years=_age(person, drugs.first_day),
            histology=self.histology,
            profile=self.profile,
            drugs=drugs,
            uptake=self._uptake(protocol),
            max_tolerated_mbq=self._max_tolerated(protocol),
            prior_rai=self._prior(drugs),
            rai=protocol.rai,
            finish=protocol.finish,
            finish_rule=protocol.finish_rule,
            tg=tg,
            tg_change=tg_change,
            tg_series=tg_series,
            ct=ct,
            ct_change=ct_change,
            ct_series=tuple(sums),
            response=structural,
            durable_control=recist.durable_control(structural, protocol.finish, seen, study),
            follow_up=seen,
            other_treatment=self._other_treatment(protocol),
            deviations=self._deviations(protocol, structural),
        )

    def _tg_series(self) -> tuple[TgValue, ...]:
        series = thyroglobulin.tg_series(self.facts.labs, self.facts.drugs, self.study)
        return tuple(
            replace(value, on_drug=True)
            if any(course.takes(value.day) for course in self.courses)
            else value
            for value in series
        )

    def _tg(self, protocol: Protocol, series: Sequence[TgValue]) -> dict[str, TgValue | None]:
        study = self.study
        # The drugs themselves can raise thyroglobulin: a value on them is no outcome.
        off_drug = [value for value in series if not value.on_drug]
        first = protocol.drugs.first_day
        values = {"prior": thyroglobulin.baseline(off_drug, first, study.baseline_days)}
        for mark in study.landmarks:
            at = (protocol.finish, mark.day, mark.tolerance)
            values[mark.name] = thyroglobulin.nearest_to(off_drug, *at)
        return values

    def _ct(self, protocol: Protocol, sums: Sequence[LesionSum]) -> dict[str, LesionSum | None]:
        study = self.study
        first = protocol.drugs.first_day
        values = {"prior": response.baseline_sum(sums, first, study.baseline_days)}
        for mark in study.landmarks:
            at = (protocol.finish, mark.day, mark.tolerance)
            values[mark.name] = response.sum_nearest_to(sums, *at)
        return values

    def _with_computed_progressions(self, prior: LesionSum | None) -> PatientFacts:
        """The facts, with what the sums say of progression where the study counts it."""
        if "recist_computed" not in self.study.progression_sources:
            return self.facts
        found = recist.computed_progressions(self.facts.imaging, prior, self.study)
        return replace(self.facts, statuses=(*self.facts.statuses, *found))

    def _other_treatment(self, protocol: Protocol) -> tuple[date, ...]:
        """Days that cut a series of thyroglobulin: another drug or dose began, or had ended."""
        first, policy = protocol.drugs.first_day, self.study.date_policy
        days = {dose.day for dose in self.doses if dose.purpose == "therapeutic"}
        for drug in self.facts.drugs:
            ends = [span.day(policy) for span in (drug.start, drug.end) if span]
            if drug.drug_class != "RhTSH" and ends and ends[0]:
                days |= {day for day in ends if day and (day == ends[0] or day < first)}
        return tuple(sorted(day for day in days if not first <= day <= protocol.finish))

    def _uptake(self, protocol: Protocol) -> str:
        """Uptake at the last scan on or after the first drug day, up to the therapeutic dose."""
        own = {ref: day for day, ref in protocol.scans}
        seen = [
            (own[scan.ref], scan.ref, scan.uptake) for scan in self.facts.uptake if scan.ref in own
        ]
        return max(seen)[2] if seen else "not_assessed"

    def _max_tolerated(self, protocol: Protocol) -> Decimal | None:
        own = {ref: day for day, ref in protocol.scans}
        stated = [
            (own[fact.ref], fact.ref, fact.max_tolerated_mbq)
            for fact in self.facts.dosimetry
            if fact.ref in own and fact.max_tolerated_mbq is not None
        ]
        return max(stated)[2] if stated else None

    def _prior(self, drugs: DrugCourse) -> tuple[RaiDose, ...]:
        return tuple(
            dose
            for dose in self.doses
            if dose.purpose == "therapeutic" and dose.day < drugs.first_day
        )

    def _deviations(self, protocol: Protocol, structural: StructuralResponse) -> tuple[str, ...]:
        drugs, rai = protocol.drugs, protocol.rai
        arm = frozenset(self.study.driver(self.profile.driver).arm)
        prior = self._prior(drugs)
        found = {
            "arm_does_not_match_driver": bool(arm) and drugs.classes != arm,
            "drug_end_unknown": drugs.last_day is None,
            "drug_end_assumed": any(span.end_assumed for span in drugs.spans),
            "rai_not_given": rai is None,
            "prior_activity_missing": any(dose.activity_mbq is None for dose in prior),
            "rai_purpose_unknown": any(dose.purpose == "unknown" for dose in self.doses),
            "progression_date_partial": partial_progression(
                self.facts, protocol.finish, self.study
            ),
            "recist_disagreement": any(day > protocol.finish for day in structural.disagreements),
            **dict.fromkeys(rai.flags if rai else (), True),
        }
        return tuple(sorted(name for name, holds in found.items() if holds))


def _measured(
    tg: dict[str, TgValue | None],
    ct: dict[str, LesionSum | None],
    tg_change: dict[str, str],
    ct_change: dict[str, str],
) -> Iterator[Finding]:
    """Which values were taken at which time, and what their changes were."""
    for name, value in tg.items():
        if value:
            yield Finding(f"tg:{name}", "measured", value.day, value.text, (value.ref,))
    for name, scan in ct.items():
        if scan:
            yield Finding(f"ct:{name}", "measured", scan.day, f"{scan.sum_mm} mm", (scan.ref,))
    for what, changes in (("tg", tg_change), ("ct", ct_change)):
        for change, category in changes.items():
            yield Finding(f"{what}:{change}", "category", text=category)


def _age(person: Person | None, day: date) -> int | None:
    """Completed years, from the earliest day that the birth date may mean."""
    if person is None or person.birth is None:
        return None
    born = person.birth.earliest
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
