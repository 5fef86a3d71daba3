"""`derive`: one patient's facts and a study definition -> the patient's course.

Pure, and looks at one patient only. Every date carries the rule that set it and the facts behind
it; a patient who is out carries the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from analytics import response, thyroglobulin
from analytics.course import Dosimetry, Finding, PatientFacts, Person, Uptake
from analytics.exposure import DrugCourse, RaiDose, drug_courses, rai_doses
from analytics.followup import FollowUp, follow_up
from analytics.genomics import TumourProfile, tumour_profile
from analytics.response import LesionSum
from analytics.study import Study
from analytics.thyroglobulin import TgValue

# Why a patient is out, in the order in which the rules are asked (the attrition).
ATTRITION = (
    "no_thyroid_cancer",
    "excluded_histology",
    "no_index_drug",
    "no_dosimetry_or_rai_in_window",
    "no_finish_date",
    "finish_outside_period",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One protocol episode: index drugs, dosimetry, therapeutic I-131, and what followed."""

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
    ct: dict[str, LesionSum | None]
    ct_change: dict[str, str]
    best_recist: str
    follow_up: FollowUp
    deviations: tuple[str, ...]

    @property
    def prior_rai_mbq(self) -> Decimal:
        return sum((dose.activity_mbq or Decimal(0) for dose in self.prior_rai), Decimal(0))


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
    findings: list[Finding] = []

    def out(reason: str, text: str) -> Course:
        findings.append(Finding(reason, "out", text=text))
        return Course(
            patient_key=facts.patient_key,
            site=facts.site,
            attrition=reason,
            findings=tuple(findings),
        )

    histology, reason = _histology(facts, study, findings)
    if reason:
        return out(reason, "no diagnosis that the study includes")
    courses = drug_courses(facts.drugs, study)
    if not courses:
        return out("no_index_drug", f"no drug of class {', '.join(study.index_drug_classes)}")
    doses = rai_doses(facts.rai, study)
    profile = tumour_profile(facts.variants, facts.biomarkers, study)
    episodes: list[Episode] = []
    for drugs in courses:
        steps: list[Finding] = []
        setting = _Setting(facts, study, histology, profile, drugs, doses, steps)
        episode = _episode(setting, number=len(episodes) + 1)
        if episode:
            episodes.append(episode)
            findings.extend(steps)
    if not episodes:
        return out(
            "no_dosimetry_or_rai_in_window",
            f"neither dosimetry nor I-131 within {study.window_after_days} d of an index drug",
        )
    return Course(
        patient_key=facts.patient_key,
        site=facts.site,
        episodes=tuple(episodes),
        findings=tuple(findings),
    )


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
class _Setting:
    """What one drug course is judged with; `findings` collects the steps."""

    facts: PatientFacts
    study: Study
    histology: str
    profile: TumourProfile
    drugs: DrugCourse
    doses: list[RaiDose]
    findings: list[Finding]

    def within_window(self, day: date) -> bool:
        first = self.drugs.first_day
        before = timedelta(days=self.study.window_before_days)
        after = timedelta(days=self.study.window_after_days)
        return first - before <= day <= first + after


def _histology(
    facts: PatientFacts, study: Study, findings: list[Finding]
) -> tuple[str, str | None]:
    """The most specific included diagnosis, or the reason why none counts."""
    valid = [
        fact
        for fact in facts.diagnoses
        if fact.verification_status not in ("refuted", "entered-in-error")
    ]
    excluded = [fact for fact in valid if fact.concept in study.exclude_diagnoses]
    if excluded:
        return "", "excluded_histology"
    rank = {concept: place for place, concept in enumerate(study.include_diagnoses)}
    included = sorted(
        (fact for fact in valid if fact.concept in rank),
        key=lambda fact: (rank[fact.concept], fact.ref),
    )
    if not included:
        return "", "no_thyroid_cancer"
    first = included[0]
    day = first.onset or first.recorded
    findings.append(
        Finding(
            "diagnosis", "in", day.earliest if day else None, text=first.concept, refs=(first.ref,)
        )
    )
    return first.concept, None


def _episode(setting: _Setting, number: int) -> Episode | None:
    study, facts, drugs = setting.study, setting.facts, setting.drugs
    rai = _therapeutic(setting)
    scans = _scan_days(setting, until=rai.day if rai else None)
    if rai is None and not scans:
        return None
    finish, rule = _finish(setting, rai, scans)
    if finish is None:
        return None
    setting.findings[:0] = [
        Finding("index_drug", "in", drugs.first_day, text=drugs.regimen, refs=drugs.refs)
    ]
    tg, ct = _tg(setting, finish), _ct(setting, finish)
    person = next(iter(sorted(facts.persons, key=lambda fact: fact.ref)), None)
    return Episode(
        patient_key=facts.patient_key,
        site=facts.site,
        number=number,
        sex=person.sex if person else "",
        race=person.race if person else "",
        ethnicity=person.ethnicity if person else "",
        age_years=_age(person, drugs.first_day),
        histology=setting.histology,
        profile=setting.profile,
        drugs=drugs,
        uptake=_uptake(setting, rai),
        max_tolerated_mbq=_max_tolerated(setting),
        prior_rai=tuple(
            dose
            for dose in setting.doses
            if dose.purpose == "therapeutic" and dose.day < drugs.first_day
        ),
        rai=rai,
        finish=finish,
        finish_rule=rule,
        tg=tg,
        tg_change={
            f"{a}_to_{b}": thyroglobulin.category(tg[a], tg[b], study) for a, b in pairs(study)
        },
        ct=ct,
        ct_change={
            f"{a}_to_{b}": response.ct_category(ct[a], ct[b], study) for a, b in pairs(study)
        },
        best_recist=response.best_response(facts.imaging, finish, study),
        follow_up=follow_up(facts, finish, study, setting.findings),
        deviations=_deviations(setting, rai),
    )


def pairs(study: Study) -> list[tuple[str, str]]:
    """The changes that are reported: from before to each landmark, and between neighbours."""
    names = [landmark.name for landmark in study.landmarks]
    return [("prior", name) for name in names] + list(pairwise(names))


def _therapeutic(setting: _Setting) -> RaiDose | None:
    """The first therapeutic I-131 from the first index-drug day on, inside the window."""
    for dose in setting.doses:
        after_start = dose.day >= setting.drugs.first_day
        if dose.purpose == "therapeutic" and after_start and setting.within_window(dose.day):
            mci = f"{dose.activity_mbq / 37:.4g} mCi" if dose.activity_mbq else "activity unknown"
            setting.findings.append(Finding("rai", "in", dose.day, text=mci, refs=dose.refs))
            return dose
    return None


def _scan_days(setting: _Setting, until: date | None) -> list[date]:
    """Days of dosimetry or uptake scans in the window, up to the therapeutic dose."""
    policy = setting.study.date_policy
    facts = setting.facts
    scans: tuple[Dosimetry | Uptake, ...] = (*facts.dosimetry, *facts.uptake)
    found = [
        (day, fact.ref)
        for fact in scans
        if fact.date and (day := fact.date.day(policy)) and setting.within_window(day)
    ]
    found = [(day, ref) for day, ref in found if until is None or day <= until]
    if found:
        last = max(day for day, _ in found)
        refs = tuple(sorted(ref for day, ref in found if day == last))
        setting.findings.append(Finding("dosimetry", "in", last, refs=refs))
    return sorted(day for day, _ in found)


def _finish(setting: _Setting, rai: RaiDose | None, scans: list[date]) -> tuple[date | None, str]:
    """Protocol finish by the first of the study's rules that gives a day."""
    candidates = {
        "therapeutic_rai": rai.day if rai else None,
        "last_dosimetry": scans[-1] if scans else None,
        "last_drug_day": setting.drugs.last_day,
    }
    rule = next((name for name in setting.study.finish_rules if candidates[name]), None)
    day = candidates[rule] if rule else None
    if rule is None or day is None:
        return None, ""
    last_drug = setting.drugs.last_day
    waits = setting.study.finish_waits_for_drug and last_drug and last_drug > day
    day, name = (last_drug, f"{rule}+last_drug_day") if waits else (day, str(rule))
    setting.findings.append(Finding("finish", "finish", day, text=name))
    return day, name


def _tg(setting: _Setting, finish: date) -> dict[str, TgValue | None]:
    study = setting.study
    series = thyroglobulin.tg_series(setting.facts.labs, setting.facts.drugs, study)
    values = {"prior": thyroglobulin.baseline(series, setting.drugs.first_day, study.baseline_days)}
    for mark in study.landmarks:
        values[mark.name] = thyroglobulin.nearest_to(series, finish, mark.day, mark.tolerance)
    _report(setting, "tg", {name: (v.day, v.ref) for name, v in values.items() if v})
    return values


def _ct(setting: _Setting, finish: date) -> dict[str, LesionSum | None]:
    study = setting.study
    sums = response.lesion_sums(setting.facts.imaging, study)
    values = {"prior": response.baseline_sum(sums, setting.drugs.first_day, study.baseline_days)}
    for mark in study.landmarks:
        values[mark.name] = response.sum_nearest_to(sums, finish, mark.day, mark.tolerance)
    _report(setting, "ct", {name: (v.day, v.ref) for name, v in values.items() if v})
    return values


def _report(setting: _Setting, what: str, chosen: dict[str, tuple[date, object]]) -> None:
    for name, (day, ref) in chosen.items():
        setting.findings.append(
            Finding(f"{what}:{name}", "measured", day, refs=(ref,))  # type: ignore[arg-type]
        )


def _uptake(setting: _Setting, rai: RaiDose | None) -> str:
    """Uptake at the last scan on the drugs, before the therapeutic dose."""
    seen = [
        (day, fact.ref, fact.uptake)
        for fact in setting.facts.uptake
        if fact.date
        and (day := fact.date.day(setting.study.date_policy))
        and day >= setting.drugs.first_day
        and setting.within_window(day)
        and (rai is None or day <= rai.day)
    ]
    return max(seen)[2] if seen else "not_assessed"


def _max_tolerated(setting: _Setting) -> Decimal | None:
    stated = [
        (day, fact.ref, fact.max_tolerated_mbq)
        for fact in setting.facts.dosimetry
        if fact.date
        and (day := fact.date.day(setting.study.date_policy))
        and setting.within_window(day)
        and fact.max_tolerated_mbq is not None
    ]
    return max(stated)[2] if stated else None


def _deviations(setting: _Setting, rai: RaiDose | None) -> tuple[str, ...]:
    study, drugs = setting.study, setting.drugs
    found = []
    arm = frozenset(study.driver(setting.profile.driver).arm)
    if arm and drugs.classes != arm:
        found.append("arm_does_not_match_driver")
    if drugs.last_day is None:
        found.append("drug_end_unknown")
    if rai is None:
        found.append("rai_not_given")
    elif rai.flags:
        found.extend(rai.flags)
    return tuple(sorted(found))


def _age(person: Person | None, day: date) -> int | None:
    if person is None or person.birth is None:
        return None
    born = person.birth.earliest
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def courses(patients: Iterable[PatientFacts], study: Study) -> Iterable[Course]:
    """`derive` over many patients, one at a time."""
    return (derive(facts, study) for facts in patients)
