"""`derive`: one patient's facts and a study definition -> the patient's course.

Pure, and looks at one patient only. Every date carries the rule that set it and the facts behind
it; a patient who is out carries the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from analytics import recist
from analytics.absorbed_dose import AbsorbedDose, absorbed_dose
from analytics.computed_progression import with_computed_progressions
from analytics.course import FactRef, Finding, PatientFacts, Person
from analytics.dose_intensity import DoseIntensity, dose_intensities
from analytics.eligibility import diagnosis, driver_refused, no_drug
from analytics.exposure import DrugCourse, RaiDose, drug_courses, rai_doses
from analytics.followup import FollowUp, follow_up
from analytics.genomics import TumourProfile, tumour_profile
from analytics.measurement import measurements
from analytics.measurement import pairs as pairs  # callers of derive find it here
from analytics.protocol import Protocol, index_date, protocols
from analytics.recist import StructuralResponse
from analytics.response import LesionSum
from analytics.study import Study
from analytics.thyroglobulin import TgValue
from analytics.undated import left_out, partial_progression


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
    absorbed_dose: AbsorbedDose
    dose_intensity: tuple[DoseIntensity, ...]
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


def derive(facts: PatientFacts, study: Study, *, explained: bool = True) -> Course:
    """The patient's protocol episodes under the study, earliest first.

    explained: with every step in `findings`, which takes a quarter of the time.
    """
    course = Course(patient_key=facts.patient_key, site=facts.site)
    unplaced = tuple(left_out(facts, study)) if explained else ()
    cancer, reason = diagnosis(facts, study)
    if reason:
        return replace(course, attrition=reason, findings=(cancer, *unplaced))
    profile = tumour_profile(facts.variants, facts.biomarkers, study)
    if refused := driver_refused(profile, study):
        return replace(course, attrition=refused.rule, findings=(cancer, *unplaced, refused))
    courses = drug_courses(facts.drugs, study)
    if not courses:
        return replace(course, attrition=no_drug(facts, study), findings=(cancer, *unplaced))
    doses = rai_doses(facts.rai, study)
    found = protocols(facts, courses, doses, study)
    if not found:
        reason = "no_dosimetry_or_rai_in_window"
        text = f"no dosimetry, uptake scan or I-131 in {study.window_after_days} d of an index drug"
        drug = Finding("index_drug", "in", courses[0].first_day, text=courses[0].regimen)
        steps = (cancer, drug, *unplaced, Finding(reason, "out", text=text))
        return replace(course, attrition=reason, findings=steps)
    judge = _Judge(facts, study, cancer.text, profile, tuple(doses), courses, explained)
    findings = [cancer]
    episodes = []
    for number, protocol in enumerate(found, start=1):
        if explained:
            findings += protocol.findings()
        # Where every course counts, what follows the next one is the next one's.
        following = found[number].drugs.first_day if number < len(found) else None
        until = following if study.unit == "episode" else None
        episodes.append(judge.episode(protocol, number, until, findings))
    steps = (*findings, *unplaced) if explained else ()
    return replace(course, episodes=tuple(episodes), findings=steps)


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


@dataclass(frozen=True, slots=True)
class _Judge:
    """What the episodes of one patient share."""

    facts: PatientFacts
    study: Study
    histology: str
    profile: TumourProfile
    doses: tuple[RaiDose, ...]
    courses: list[DrugCourse]
    explained: bool

    def episode(
        self, protocol: Protocol, number: int, until: date | None, findings: list[Finding]
    ) -> Episode:
        """One protocol's episode; its steps are added to `findings`."""
        study, facts, drugs = self.study, self.facts, protocol.drugs
        person = next(iter(sorted(facts.persons, key=lambda fact: fact.ref)), None)
        measured = measurements(facts, protocol, self.courses, study)
        structural = recist.structural_response(
            facts.imaging, measured.ct["prior"], protocol.finish, study
        )
        if self.explained:
            findings += measured.findings()
        judged = with_computed_progressions(facts, measured, protocol.finish, study)
        seen = follow_up(judged, index_date(protocol, study), until, study, findings)
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
            absorbed_dose=self._absorbed(drugs.first_day),
            dose_intensity=dose_intensities(facts.drugs, drugs, protocol.finish, study),
            prior_rai=self._prior(drugs),
            rai=protocol.rai,
            finish=protocol.finish,
            finish_rule=protocol.finish_rule,
            tg=measured.tg,
            tg_change=measured.tg_change,
            tg_series=measured.tg_series,
            ct=measured.ct,
            ct_change=measured.ct_change,
            ct_series=measured.ct_series,
            response=structural,
            durable_control=recist.durable_control(structural, protocol.finish, seen, study),
            follow_up=seen,
            other_treatment=self._other_treatment(protocol),
            deviations=self._deviations(protocol, structural),
        )

    def _absorbed(self, first: date) -> AbsorbedDose:
        later = (course.first_day for course in self.courses if course.first_day > first)
        following = min(later, default=None)
        return absorbed_dose(self.facts.dosimetry, first, following, self.study)

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
        if self.study.uptake_criterion == "absorbed_dose":
            return self._uptake_by_dose(own)
        seen = [
            (own[scan.ref], scan.ref, scan.uptake) for scan in self.facts.uptake if scan.ref in own
        ]
        return max(seen)[2] if seen else "not_assessed"

    def _uptake_by_dose(self, own: dict[FactRef, date]) -> str:
        """Restored where the last day of dosimetry predicts enough for any lesion."""
        doses = [
            (own[fact.ref], fact.absorbed_dose_gy)
            for fact in self.facts.dosimetry
            if fact.ref in own and fact.absorbed_dose_gy is not None
        ]
        if not doses:
            return "not_assessed"
        enough = max(doses)[1] >= Decimal(str(self.study.absorbed_dose_from_gy))
        return "present" if enough else "absent"

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


def _age(person: Person | None, day: date) -> int | None:
    """Completed years, from the earliest day that the birth date may mean."""
    if person is None or person.birth is None:
        return None
    born = person.birth.earliest
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
