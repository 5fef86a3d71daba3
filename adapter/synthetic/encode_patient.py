"""Patient (US Core race and ethnicity), Conditions and Encounters."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from adapter.synthetic.elements import (
    CLINIC,
    CLINICIAN,
    HOSPITAL,
    ICD10CM,
    SNOMED,
    TERMINOLOGY,
    Element,
    Resource,
    at,
    birth_date,
    coding,
    concept,
    days_after,
    hl7,
    meta,
    patient,
    reference,
    resource,
)
from adapter.synthetic.tables import Person, Truth

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
OMB = "urn:oid:2.16.840.1.113883.6.238"
NULL_FLAVOR = f"{TERMINOLOGY}/v3-NullFlavor"

THYROID_CANCER = coding(ICD10CM, "C73", "Malignant neoplasm of thyroid gland")
PAPILLARY = coding(SNOMED, "255029007", "Papillary thyroid carcinoma")
FOLLICULAR = coding(SNOMED, "255028004", "Follicular thyroid carcinoma")

_RACE = {
    "White": coding(OMB, "2106-3", "White"),
    "Black or African American": coding(OMB, "2054-5", "Black or African American"),
    "Unknown": coding(NULL_FLAVOR, "UNK", "unknown"),
}
_ETHNICITY = {
    "Hispanic or Latino": coding(OMB, "2135-2", "Hispanic or Latino"),
    "Not Hispanic": coding(OMB, "2186-5", "Not Hispanic or Latino"),
}
_GENDER = {"F": "female", "M": "male"}
_HISTOLOGY = {
    "PTC": (PAPILLARY, "Papillary thyroid carcinoma"),
    "PTC, follicular variant": (PAPILLARY, "Papillary thyroid carcinoma, follicular variant"),
    "FTC": (FOLLICULAR, "Follicular thyroid carcinoma"),
}

PLANNED_AFTER_LAST_VISIT = 100
CANCELLED_AFTER_LAST_VISIT = 35


def patient_resource(patient_id: str, day: date, gender: str, born: date) -> Resource:
    """A Patient whose identifier and name say that there is no such person."""
    kind, number = patient_id.removeprefix("SYN-").split("-")
    return resource(
        "Patient",
        patient_id,
        day,
        identifier=[{"system": "urn:raiway:synthetic", "value": patient_id}],
        active=True,
        name=[{"family": "Synthetic", "given": [f"{kind.title()}-{number}"]}],
        gender=gender,
        birthDate=born.isoformat(),
        generalPractitioner=[reference("Practitioner", CLINICIAN)],
        managingOrganization=reference("Organization", HOSPITAL),
    )


def condition(patient_id: str, suffix: str, onset: date, code: Element) -> Resource:
    """An active, confirmed problem, recorded a week after its onset."""
    recorded = days_after(onset, 7)
    return resource(
        "Condition",
        f"{patient_id}-{suffix}",
        recorded,
        clinicalStatus=hl7("condition-clinical", "active", "Active"),
        verificationStatus=hl7("condition-ver-status", "confirmed", "Confirmed"),
        category=[hl7("condition-category", "problem-list-item", "Problem List Item")],
        code=code,
        subject=patient(patient_id),
        onsetDateTime=onset.isoformat(),
        recordedDate=recorded.isoformat(),
    )


def encounter(patient_id: str, status: str, name: str, day: date) -> Resource:
    """An ambulatory visit of one day."""
    return resource(
        "Encounter",
        f"{patient_id}-visit-{day.isoformat()}",
        day,
        status=status,
        **{"class": coding(f"{TERMINOLOGY}/v3-ActCode", "AMB", "ambulatory")},
        type=[concept(text=name)],
        subject=patient(patient_id),
        period={"start": at(day, "08:00:00"), "end": at(day, "16:30:00")},
        location=[{"location": reference("Location", CLINIC)}],
        serviceProvider=reference("Organization", HOSPITAL),
    )


def encode(truth: Truth) -> Iterator[Resource]:
    """The patient, the cancer and its lung metastases, every visit."""
    yield _with_race(truth)
    yield from _conditions(truth)
    yield from _encounters(truth)


def _with_race(truth: Truth) -> Resource:
    person = truth.person
    born = birth_date(person.age, person.drug_start, (20 + 17 * truth.number) % 365)
    made = patient_resource(truth.patient_id, person.drug_start, _GENDER[person.sex], born)
    return made | {"extension": [_race(person), _ethnicity(person)]}


def _race(person: Person) -> Element:
    return _us_core("us-core-race", _RACE[person.race], person.race)


def _ethnicity(person: Person) -> Element:
    return _us_core("us-core-ethnicity", _ETHNICITY[person.ethnicity], person.ethnicity)


def _us_core(name: str, omb: Element, text: str) -> Element:
    return {
        "url": f"{US_CORE}/{name}",
        "extension": [
            {"url": "ombCategory", "valueCoding": omb},
            {"url": "text", "valueString": text},
        ],
    }


def _conditions(truth: Truth) -> Iterator[Resource]:
    first_iodine = min(course.day for course in truth.iodine)
    histology, text = _HISTOLOGY[truth.person.histology]
    yield condition(
        truth.patient_id,
        "thyroid-cancer",
        days_after(first_iodine, -120),
        concept(histology, THYROID_CANCER, text=text),
    )
    lung = concept(
        coding(ICD10CM, "C78.00", "Secondary malignant neoplasm of unspecified lung"),
        coding(SNOMED, "94391008", "Metastatic malignant neoplasm to lung"),
        text="Lung metastases of thyroid carcinoma",
    )
    yield condition(
        truth.patient_id, "lung-metastasis", days_after(truth.person.drug_start, -400), lung
    )


def _encounters(truth: Truth) -> Iterator[Resource]:
    for visit in truth.visits:
        yield encounter(truth.patient_id, "finished", visit.name, visit.day)
    # Neither ever took place, so neither may lengthen the follow-up.
    for status, days in (
        ("planned", PLANNED_AFTER_LAST_VISIT),
        ("cancelled", CANCELLED_AFTER_LAST_VISIT),
    ):
        day = days_after(truth.last_visit, days)
        booked = encounter(truth.patient_id, status, "follow-up", day)
        yield booked | {"meta": meta(truth.last_visit)}
