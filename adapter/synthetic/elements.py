"""FHIR R4 elements and the frame that every synthetic resource shares."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

Resource = dict[str, Any]
Element = dict[str, Any]

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
UCUM = "http://unitsofmeasure.org"
CONCEPT = "urn:raiway:concept"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"

SYNTHETIC_TAG: Element = {
    "system": f"{TERMINOLOGY}/v3-ActReason",
    "code": "HTEST",
    "display": "test health data",
}

HOSPITAL = "SYN-HOSPITAL"
LABORATORY = "SYN-LABORATORY"
CLINICIAN = "SYN-PRACTITIONER-1"
CLINIC = "SYN-CLINIC"
TRAMETINIB_TABLET = "SYN-MEDICATION-TRAMETINIB"


def at(day: date, clock: str = "08:15:00") -> str:
    """The moment in the hospital's own time, five hours behind UTC in every season."""
    return f"{day.isoformat()}T{clock}-05:00"


def meta(day: date) -> Element:
    """Version 1, last updated on the evening of the clinical day, tagged as test data."""
    return {
        "versionId": "1",
        "lastUpdated": at(day, "18:30:00"),
        "tag": [dict(SYNTHETIC_TAG)],
    }


def resource(kind: str, resource_id: str, day: date, **elements: Any) -> Resource:
    """A resource of this type with its id, its `meta` and the elements in the order given."""
    # A copy, so that who changes one resource does not change the codes of all others.
    return {"resourceType": kind, "id": resource_id, "meta": meta(day), **deepcopy(elements)}


def coding(system: str, code: str, display: str) -> Element:
    """A Coding."""
    return {"system": system, "code": code, "display": display}


def concept(*codings: Element, text: str = "") -> Element:
    """A CodeableConcept of these codings, with a text where one is given."""
    stated: Element = {"coding": list(codings)} if codings else {}
    return stated | ({"text": text} if text else {})


def loinc(code: str, display: str) -> Element:
    """A CodeableConcept with one LOINC coding."""
    return concept(coding(LOINC, code, display))


def snomed(code: str, display: str) -> Element:
    """A CodeableConcept with one SNOMED CT coding."""
    return concept(coding(SNOMED, code, display))


def hl7(system: str, code: str, display: str) -> Element:
    """A CodeableConcept from a code system of terminology.hl7.org."""
    return concept(coding(f"{TERMINOLOGY}/{system}", code, display))


def quantity(value: Decimal, code: str, unit: str = "", comparator: str = "") -> Element:
    """A Quantity in UCUM; `unit` is what people read, where that differs from the code."""
    return {
        "value": value,
        **({"comparator": comparator} if comparator else {}),
        "unit": unit or code,
        "system": UCUM,
        "code": code,
    }


def reference(kind: str, resource_id: str) -> Element:
    """A relative literal reference."""
    return {"reference": f"{kind}/{resource_id}"}


def patient(patient_id: str) -> Element:
    """A reference to the patient."""
    return reference("Patient", patient_id)


def period(first: date, last: date) -> Element:
    """A Period of whole days, both counted."""
    return {"start": first.isoformat(), "end": last.isoformat()}


def days_after(day: date, days: int) -> date:
    """The day so many days later; earlier where negative."""
    return day + timedelta(days=days)


def birth_date(age: int, on: date, offset: int) -> date:
    """A birthday `offset` days (0 to 364) before the one that makes the person `age` on the day.

    `on` must not be 29 February.
    """
    return days_after(on.replace(year=on.year - age), -offset)
