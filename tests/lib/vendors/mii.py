"""The course as a German university hospital tells it: MII core data set, oncology and molecular
modules, with ICD-10-GM, ICD-O-3, OPS and ATC."""

from __future__ import annotations

from tests.lib.mapping import component, concept, quantity
from tests.lib.vendors import Resource

ONKO = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko"
BFARM = "http://fhir.de/CodeSystem/bfarm"
SUBJECT = {"subject": {"reference": "Patient/mii-1"}}
MORPHOLOGY = f"{ONKO}/StructureDefinition/mii-ex-onko-histology-morphology-behavior-icdo3"
DOSE = f"{ONKO}/StructureDefinition/mii-ex-onko-strahlentherapie-bestrahlung"
SIX_WEEKS = {"start": "2021-03-01", "end": "2021-04-11"}


def diagnosis(icd: str, morphology: str, system: str = f"{BFARM}/icd-10-gm") -> Resource:
    """A primary tumour: ICD-10-GM says where, the extension's ICD-O-3 says what."""
    icd_o_3 = concept(morphology, "http://terminology.hl7.org/CodeSystem/icd-o-3")
    return {
        "resourceType": "Condition",
        "id": "diagnose",
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/condition-assertedDate",
                "valueDateTime": "2018-05-02",
            },
            {"url": MORPHOLOGY, "valueCodeableConcept": icd_o_3},
        ],
        "code": concept(icd, system),
        **SUBJECT,
        "onsetDateTime": "2018-05-02",
        "recordedDate": "2018-05-09",
    }


def _tg(resource_id: str, at: str, **value: object) -> Resource:
    return {
        "resourceType": "Observation",
        "id": resource_id,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "3013-0"}], "text": "hTg i.S."},
        **SUBJECT,
        "effectiveDateTime": at,
        **value,
    }


def radioiodine(ops: str, **doses: object) -> Resource:
    """A nuclear medicine irradiation; the doses are extensions by the end of their name."""
    return {
        "resourceType": "Procedure",
        "id": "rjt",
        "status": "completed",
        "category": concept("399315003", "http://snomed.info/sct"),
        "code": concept(ops, f"{BFARM}/ops"),
        **SUBJECT,
        "performedPeriod": {"start": "2021-05-20", "end": "2021-05-22"},
        "extension": [
            {"url": f"{DOSE}-{name}", "valueQuantity": dose} for name, dose in doses.items()
        ],
    }


PERSON: Resource = {
    "resourceType": "Patient",
    "id": "mii-1",
    "gender": "female",
    "birthDate": "1961-07-04",
}
CONDITION = diagnosis("C73", "8260/3")
VARIANT: Resource = {
    "resourceType": "Observation",
    "id": "variante",
    "status": "final",
    "category": [concept("GE", "http://terminology.hl7.org/CodeSystem/v2-0074")],
    "code": concept("69548-6"),
    **SUBJECT,
    "effectiveDateTime": "2021-01-12",
    "valueCodeableConcept": concept("LA9633-4"),
    "component": [
        component(
            "48018-6", valueCodeableConcept=concept("HGNC:1097", "http://www.genenames.org/geneId")
        ),
        component(
            "48005-3", valueCodeableConcept=concept("p.(Val600Glu)", "http://varnomen.hgvs.org")
        ),
        component("81258-6", valueQuantity={"value": 30.25, "code": "%"}),
    ],
}
TG_NUMBER = _tg("tg0", "2021-02-22T09:30:00+01:00", valueQuantity=quantity(12.4, "ug/L"))
TG_BELOW = _tg(
    "tg3", "2021-08-18T09:30:00+02:00", valueQuantity={**quantity(0.1, "ug/L"), "comparator": "<"}
)
TG_TEXT = _tg("tg6", "2021-11-16T09:30:00+01:00", valueString="< 0,1 µg/l")
MEDICATION: Resource = {
    "resourceType": "Medication",
    "id": "mekinist",
    "code": {
        "coding": [
            {"system": "http://fhir.de/CodeSystem/ifa/pzn", "code": "00000000"},
            {"system": f"{BFARM}/atc", "code": "L01EE01", "display": "Trametinib"},
        ]
    },
}
DABRAFENIB: Resource = {
    "resourceType": "MedicationStatement",
    "id": "dabrafenib",
    "status": "completed",
    "medicationCodeableConcept": concept("L01EC02", f"{BFARM}/atc"),
    **SUBJECT,
    "effectivePeriod": SIX_WEEKS,
}
TRAMETINIB: Resource = {
    **DABRAFENIB,
    "id": "trametinib",
    "medicationReference": {"reference": "Medication/mekinist"},
}
del TRAMETINIB["medicationCodeableConcept"]
ADVICE: Resource = {
    "resourceType": "MedicationRequest",
    "id": "empfehlung",
    "status": "active",
    "intent": "proposal",
    "medicationCodeableConcept": concept("L01EC02", f"{BFARM}/atc"),
    **SUBJECT,
    "authoredOn": "2021-01-20",
}
IODINE = radioiodine(
    "8-531.21", gesamtdosis=quantity(5.55, "GBq"), einzeldosis=quantity(5.55, "GBq")
)
# Overall assessment P: progression.
STATUS: Resource = {
    "resourceType": "Observation",
    "id": "verlauf",
    "status": "final",
    "code": concept("396432002", "http://snomed.info/sct"),
    **SUBJECT,
    "effectiveDateTime": "2021-10-04",
    "valueCodeableConcept": concept(
        "P", f"{ONKO}/CodeSystem/mii-cs-onko-verlauf-gesamtbeurteilung"
    ),
}
ENCOUNTER: Resource = {
    "resourceType": "Encounter",
    "id": "kontakt",
    "status": "finished",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
    **SUBJECT,
    "period": {"start": "2021-12-01T10:00:00+01:00", "end": "2021-12-01T10:30:00+01:00"},
}
PATIENT: list[Resource] = [
    PERSON, CONDITION, VARIANT, TG_NUMBER, TG_BELOW, TG_TEXT, MEDICATION, DABRAFENIB, TRAMETINIB,
    ADVICE, IODINE, STATUS, ENCOUNTER,
]  # fmt: skip
