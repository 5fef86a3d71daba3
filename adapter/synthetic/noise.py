"""What a hospital's export mostly holds: resources that no outcome needs."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from adapter.synthetic.elements import (
    CLINICIAN,
    HOSPITAL,
    LOINC,
    RXNORM,
    SNOMED,
    Element,
    Resource,
    at,
    coding,
    concept,
    hl7,
    loinc,
    patient,
    quantity,
    reference,
    resource,
)
from adapter.synthetic.observations import laboratory, vital_sign
from adapter.synthetic.tables import Truth

LEVOTHYROXINE = coding(RXNORM, "10582", "levothyroxine")

HEMOGLOBIN = loinc("718-7", "Hemoglobin [Mass/volume] in Blood")
GLUCOSE = loinc("2345-7", "Glucose [Mass/volume] in Serum or Plasma")
CALCIUM = loinc("17861-6", "Calcium [Mass/volume] in Serum or Plasma")
# Laboratories call triglycerides "TG", as endocrinologists call thyroglobulin.
TRIGLYCERIDES = concept(coding(LOINC, "2571-8", "TG"), text="TG")
CALCITONIN = loinc("1992-7", "Calcitonin [Mass/volume] in Serum or Plasma")

LABORATORY_VISITS = ("baseline", "month3", "month6")


def encode(truth: Truth) -> Iterator[Resource]:
    """Vital signs, routine laboratory, thyroid hormone, records and papers of one patient."""
    for ordinal, visit in enumerate(truth.visits):
        yield from vital_signs(truth.patient_id, visit.day, truth.number + ordinal)
        if visit.name in LABORATORY_VISITS:
            yield from routine_laboratory(truth.patient_id, visit.day, truth.number + ordinal)
    start = truth.visits[0].day
    yield laboratory(
        f"{truth.patient_id}-calcitonin",
        truth.patient_id,
        start,
        CALCITONIN,
        valueQuantity=quantity(Decimal(2), "pg/mL", comparator="<"),
    )
    yield from _levothyroxine(truth.patient_id, start)
    yield from records(truth.patient_id, start)
    yield _note(truth.patient_id, start)


def vital_signs(patient_id: str, day: date, step: int) -> Iterator[Resource]:
    """Blood pressure in mm[Hg] and body weight in kg; the values drift with `step`."""
    yield vital_sign(
        f"{patient_id}-blood-pressure-{day.isoformat()}",
        patient_id,
        day,
        loinc("85354-9", "Blood pressure panel with all children optional"),
        component=[
            _pressure("8480-6", "Systolic blood pressure", 112 + 5 * step % 31),
            _pressure("8462-4", "Diastolic blood pressure", 66 + 3 * step % 17),
        ],
    )
    yield vital_sign(
        f"{patient_id}-weight-{day.isoformat()}",
        patient_id,
        day,
        loinc("29463-7", "Body weight"),
        valueQuantity=quantity(_tenths(640 + 17 * step % 220), "kg"),
    )


def routine_laboratory(patient_id: str, day: date, step: int) -> Iterator[Resource]:
    """Hemoglobin, glucose, calcium and triglycerides; the values drift with `step`."""
    for name, code, value, unit in (
        ("hemoglobin", HEMOGLOBIN, _tenths(118 + 7 * step % 36), "g/dL"),
        ("glucose", GLUCOSE, Decimal(84 + 11 * step % 45), "mg/dL"),
        ("calcium", CALCIUM, _tenths(84 + 3 * step % 17), "mg/dL"),
        ("triglycerides", TRIGLYCERIDES, Decimal(90 + 23 * step % 160), "mg/dL"),
    ):
        yield laboratory(
            f"{patient_id}-{name}-{day.isoformat()}",
            patient_id,
            day,
            code,
            valueQuantity=quantity(value, unit),
        )


def records(patient_id: str, day: date) -> Iterator[Resource]:
    """An influenza vaccination, an allergy and the cover of costs."""
    yield resource(
        "Immunization",
        f"{patient_id}-influenza-vaccine",
        day,
        status="completed",
        vaccineCode=concept(
            coding(
                "http://hl7.org/fhir/sid/cvx",
                "140",
                "Influenza, seasonal, injectable, preservative free",
            )
        ),
        patient=patient(patient_id),
        occurrenceDateTime=day.isoformat(),
    )
    yield resource(
        "AllergyIntolerance",
        f"{patient_id}-allergy",
        day,
        clinicalStatus=hl7("allergyintolerance-clinical", "active", "Active"),
        verificationStatus=hl7("allergyintolerance-verification", "confirmed", "Confirmed"),
        code=concept(coding(SNOMED, "91936005", "Allergy to penicillin")),
        patient=patient(patient_id),
        recordedDate=day.isoformat(),
    )
    yield resource(
        "Coverage",
        f"{patient_id}-coverage",
        day,
        status="active",
        beneficiary=patient(patient_id),
        payor=[reference("Organization", HOSPITAL)],
    )


def _pressure(code: str, display: str, value: int) -> Element:
    return {"code": loinc(code, display), "valueQuantity": quantity(Decimal(value), "mm[Hg]")}


def _tenths(value: int) -> Decimal:
    return Decimal(value) / 10


def _levothyroxine(patient_id: str, day: date) -> Iterator[Resource]:
    drug = concept(LEVOTHYROXINE, text="levothyroxine 150 ug daily")
    yield resource(
        "MedicationRequest",
        f"{patient_id}-levothyroxine-order",
        day,
        status="active",
        intent="order",
        medicationCodeableConcept=drug,
        subject=patient(patient_id),
        authoredOn=at(day),
        requester=reference("Practitioner", CLINICIAN),
    )
    yield resource(
        "MedicationStatement",
        f"{patient_id}-levothyroxine",
        day,
        status="active",
        medicationCodeableConcept=drug,
        subject=patient(patient_id),
        effectivePeriod={"start": day.isoformat()},
    )


def _note(patient_id: str, day: date) -> Resource:
    text = f"Synthetic visit note of {patient_id}. Feels well. Continues thyroid hormone."
    return resource(
        "DocumentReference",
        f"{patient_id}-note",
        day,
        status="current",
        type=loinc("11506-3", "Progress note"),
        subject=patient(patient_id),
        date=at(day, "15:10:00"),
        author=[reference("Practitioner", CLINICIAN)],
        content=[
            {
                "attachment": {
                    "contentType": "text/plain",
                    "data": base64.b64encode(text.encode()).decode("ascii"),
                }
            }
        ],
    )
