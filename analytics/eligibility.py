"""Who is in the study by diagnosis, driver and drug, and why others are out."""

from __future__ import annotations

from analytics.course import Finding, PatientFacts
from analytics.genomics import TumourProfile
from analytics.study import Study

# Why a patient is out, in the order in which the rules are asked (the attrition).
ATTRITION = (
    "no_thyroid_cancer",
    "excluded_histology",
    "driver_not_included",
    "no_index_drug",
    "index_drug_without_start",
    "no_dosimetry_or_rai_in_window",
    "finish_outside_period",
)


def reasons(study: Study) -> tuple[str, ...]:
    """Those that the study's rules can give."""
    asked = {"driver_not_included": bool(study.include_drivers)}
    return tuple(reason for reason in ATTRITION if asked.get(reason, True))


def diagnosis(facts: PatientFacts, study: Study) -> tuple[Finding, str | None]:
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


def driver_refused(profile: TumourProfile, study: Study) -> Finding | None:
    """Why the patient's driver keeps the patient out; None where the study takes it."""
    if not study.include_drivers or profile.driver in study.include_drivers:
        return None
    return Finding("driver_not_included", "out", text=profile.driver, refs=profile.driver_refs)


def no_drug(facts: PatientFacts, study: Study) -> str:
    """Why there is no course of index drugs."""
    named = any(drug.drug_class in study.index_drug_classes for drug in facts.drugs)
    return "index_drug_without_start" if named else "no_index_drug"
