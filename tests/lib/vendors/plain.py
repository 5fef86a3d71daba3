"""The course in the shapes that the standards foresee, with standard codes."""

from __future__ import annotations

from tests.lib.mapping import component, concept, quantity
from tests.lib.vendors import Resource

SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SUBJECT = {"subject": {"reference": "Patient/p"}}


def _observation(resource_id: str, code: str, day: str, **content: object) -> Resource:
    return {
        "resourceType": "Observation",
        "id": resource_id,
        "status": "final",
        "code": concept(code),
        **SUBJECT,
        "effectiveDateTime": day,
        **content,
    }


def _statement(resource_id: str, ingredient: str) -> Resource:
    return {
        "resourceType": "MedicationStatement",
        "id": resource_id,
        "status": "completed",
        **SUBJECT,
        "medicationCodeableConcept": concept(ingredient, RXNORM),
        "effectivePeriod": {"start": "2021-03-01", "end": "2021-04-11"},
    }


PATIENT: list[Resource] = [
    {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1961-07-04"},
    {
        "resourceType": "Condition",
        "id": "c",
        **SUBJECT,
        "code": concept("255029007", SNOMED),
        "onsetDateTime": "2018-05-02",
    },
    _observation(
        "v",
        "69548-6",
        "2021-01-12",
        valueCodeableConcept=concept("LA9633-4"),
        component=[
            component(
                "48018-6", valueCodeableConcept=concept("HGNC:1097", "http://www.genenames.org")
            ),
            component(
                "48005-3", valueCodeableConcept=concept("p.Val600Glu", "http://varnomen.hgvs.org")
            ),
        ],
    ),
    _observation("t0", "3013-0", "2021-02-22", valueQuantity=quantity(12.4, "ng/mL")),
    _observation(
        "t3", "3013-0", "2021-08-18", valueQuantity=quantity(0.1, "ng/mL", comparator="<")
    ),
    _observation(
        "t6", "3013-0", "2021-11-16", valueQuantity=quantity(0.1, "ng/mL", comparator="<")
    ),
    _statement("d", "1424911"),
    _statement("m", "1425099"),
    {
        "resourceType": "MedicationAdministration",
        "id": "i",
        "status": "completed",
        **SUBJECT,
        "medicationCodeableConcept": concept("V10XA01", "http://www.whocc.no/atc"),
        "effectiveDateTime": "2021-05-20",
        "dosage": {"dose": quantity(150, "mCi")},
    },
    {
        "resourceType": "DiagnosticReport",
        "id": "ct",
        "status": "final",
        **SUBJECT,
        "code": {"text": "CT chest"},
        "effectiveDateTime": "2021-10-04",
        "conclusion": "Interval progression of the pulmonary metastases.",
    },
    {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        **SUBJECT,
        "class": {"code": "AMB"},
        "period": {"start": "2021-12-01", "end": "2021-12-01"},
    },
]
