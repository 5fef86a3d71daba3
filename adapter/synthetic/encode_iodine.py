"""Dosimetry and radioiodine: who got how much I-131, and in which shape the record says so.

FHIR has no element for administered activity, so three shapes are written (`domain.md` 2.4, R5
and R6): a Procedure with our extension in mCi, a MedicationAdministration in MBq or GBq, or both.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from adapter.synthetic.elements import (
    ATC,
    CONCEPT,
    Element,
    Resource,
    coding,
    concept,
    patient,
    quantity,
    reference,
    resource,
    snomed,
)
from adapter.synthetic.encode_treatment import administration
from adapter.synthetic.observations import assessment
from adapter.synthetic.tables import Iodine, Truth

ACTIVITY_URL = "https://raiway.example/fhir/StructureDefinition/administered-activity"
GIGABECQUEREL_PATIENT = 4

_THERAPEUTIC = concept(
    coding(ATC, "V10XA01", "sodium iodide (131I)"), text="Sodium iodide I-131, therapeutic"
)
_DIAGNOSTIC = concept(
    coding(ATC, "V09FX03", "sodium iodide (131I)"), text="Sodium iodide I-131, diagnostic"
)
_ORAL = snomed("26643006", "Oral route")


def encode(truth: Truth) -> Iterator[Resource]:
    """Tracer and dosimetry, then every course of I-131."""
    yield from _dosimetry(truth)
    for ordinal, course in enumerate(truth.iodine, 1):
        yield from _course(truth, ordinal, course)


def therapy(patient_id: str, resource_id: str, day: date, status: str, mci: Decimal) -> Resource:
    """A Procedure of I-131 therapy with its activity in mCi."""
    return resource(
        "Procedure",
        resource_id,
        day,
        extension=[{"url": ACTIVITY_URL, "valueQuantity": quantity(mci, "mCi")}],
        status=status,
        code=concept(*snomed("228698009", "Iodine 131 therapy")["coding"], text="RAI therapy"),
        subject=patient(patient_id),
        performedDateTime=day.isoformat(),
        usedCode=[snomed("1368003", "Iodine-131")],
    )


def _course(truth: Truth, ordinal: int, course: Iodine) -> Iterator[Resource]:
    procedure_id = f"{truth.patient_id}-rai-{ordinal}"
    both = truth.number % 2 == 1
    if both or course.course == "prior":
        yield therapy(truth.patient_id, procedure_id, course.day, "completed", course.mci)
    if both or course.course != "prior":
        part_of = {"partOf": [reference("Procedure", procedure_id)]} if both else {}
        yield administration(
            truth.patient_id,
            f"{truth.patient_id}-rai-dose-{ordinal}",
            course.day,
            _THERAPEUTIC,
            dosage={"route": _ORAL, "dose": _activity(truth, course)},
            **part_of,
        )


def _activity(truth: Truth, course: Iodine) -> Element:
    if truth.number == GIGABECQUEREL_PATIENT:
        return quantity(course.mbq / 1000, "GBq")
    return quantity(course.mbq, "MBq")


def _dosimetry(truth: Truth) -> Iterator[Resource]:
    for study in truth.dosimetry:
        yield administration(
            truth.patient_id,
            f"{truth.patient_id}-tracer",
            study.tracer_day,
            _DIAGNOSTIC,
            dosage={"route": _ORAL, "dose": quantity(study.tracer_mci, "mCi")},
        )
        yield assessment(
            f"{truth.patient_id}-tolerated-activity",
            truth.patient_id,
            study.last_scan,
            concept(coding(CONCEPT, "max_tolerated_mci", "Maximum tolerated activity")),
            valueQuantity=quantity(study.tolerated_mci, "mCi"),
        )
        yield assessment(
            f"{truth.patient_id}-uptake",
            truth.patient_id,
            study.last_scan,
            concept(coding(CONCEPT, "uptake", "Radioiodine uptake in lesions")),
            valueCodeableConcept=_seen(study.uptake),
        )


def _seen(uptake: bool) -> Element:
    return snomed("52101004", "Present") if uptake else snomed("2667000", "Absent")
