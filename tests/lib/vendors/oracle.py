"""The course as Oracle Health Millennium tells it: instants in UTC, the tenant's code sets,
contained Medications, products instead of ingredients, results of reports in words."""

from __future__ import annotations

from pathlib import Path

from tests.lib.vendors import Resource, concept_map

TENANT = "https://fhir.cerner.com/ec2458f2-1e24-41c8-b71b-0e701af7583d"
LOINC, RXNORM = "http://loinc.org", "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
SUBJECT = {"subject": {"reference": "Patient/12724066", "display": "THYRO, ADA"}}
SIX_WEEKS = {"start": "2021-03-01T08:00:00.000-06:00", "end": "2021-04-11T21:00:00.000-05:00"}


def own_file(folder: Path) -> str:
    """The file of a hospital with Millennium: which tenant it is, and what its events are."""
    concept_map(folder / "events.json", "urn:raiway:oracle:event", {"7035350": [(LOINC, "3013-0")]})
    file = folder / "hospital.toml"
    file.write_text(
        'extends = "oracle"\ntimezone = "America/Chicago"\n'
        'tenants = ["ec2458f2-1e24-41c8-b71b-0e701af7583d"]\nconcept_maps = ["events.json"]\n',
        encoding="utf-8",
    )
    return str(file)


def event(resource_id: str, local: str, name: str, at: str, **content: object) -> Resource:
    """A result under the tenant's event code; the coding of LOINC has no code."""
    absent = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason"}]}
    return {
        "resourceType": "Observation",
        "id": resource_id,
        "meta": {"versionId": "1", "lastUpdated": "2021-12-03T10:00:00.000Z"},
        "status": "final",
        "code": {
            "coding": [
                {
                    "system": f"{TENANT}/codeSet/72",
                    "code": local,
                    "display": name,
                    "userSelected": True,
                },
                {"system": LOINC, "_code": absent},
            ],
            "text": name,
        },
        **SUBJECT,
        "effectiveDateTime": at,
        **content,
    }


def _tg(resource_id: str, at: str, **content: object) -> Resource:
    found = event(resource_id, "7035350", "Thyroglobulin", at, **content)
    found["code"]["coding"][1] = {"system": LOINC, "code": "3013-0"}
    return found


def _order(resource_id: str, product: str, name: str, **content: object) -> Resource:
    return {
        "resourceType": "MedicationRequest",
        "id": resource_id,
        "status": "completed",
        "intent": "order",
        "reportedBoolean": False,
        "medicationCodeableConcept": {
            "coding": [
                {"system": RXNORM, "code": product, "userSelected": False},
                {"system": f"{TENANT}/synonym", "code": "19953289", "userSelected": True},
            ],
            "text": name,
        },
        **SUBJECT,
        "authoredOn": "2021-02-26T15:37:13.000-06:00",
        "dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": SIX_WEEKS}}}],
        **content,
    }


PERSON: Resource = {
    "resourceType": "Patient",
    "id": "12724066",
    "gender": "female",
    "birthDate": "1961-07-04",
}
CONDITION: Resource = {
    "resourceType": "Condition",
    "id": "p73077203",
    **SUBJECT,
    "code": {
        "coding": [
            {"system": "http://snomed.info/sct", "code": "255029007", "userSelected": False},
            {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C73", "userSelected": True},
        ],
        "text": "Papillary thyroid carcinoma",
    },
    "onsetDateTime": "2018-05-02",
}
VARIANT = event("L-1", "7711", "BRAF Mutation", "2021-01-12T16:00:00.000Z")
VARIANT["code"]["coding"][1] = {"system": LOINC, "code": "53844-7"}
VARIANT["valueCodeableConcept"] = {"text": "p.V600E mutation detected"}
_LOW = {"value": 0.1, "unit": "ng/mL", "system": UCUM, "code": "ng/mL"}
# A quantity whose unit is words, without system and code.
TG_NUMBER = _tg("L-2", "2021-02-22T15:30:00.000Z", valueQuantity={"value": 12.4, "unit": "ng/mL"})
TG_BELOW = _tg("L-3", "2021-08-18T15:30:00.000Z", valueQuantity={**_LOW, "comparator": "<"})
TG_LOCAL = event(
    "L-4", "7035350", "Thyroglobulin", "2021-11-16T15:30:00.000Z", valueString="<0.1 ng/mL"
)
TG_MASKED: Resource = {
    "resourceType": "Observation",
    "id": "L-5",
    "status": "entered-in-error ",
    "code": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"}]},
    **SUBJECT,
    "dataAbsentReason": {"coding": [{"code": "masked"}]},
}
DABRAFENIB = _order("d", "1424916", "dabrafenib (dabrafenib 75 mg oral capsule)")
OUTSIDE = _order(
    "m", "1425104", "trametinib (Mekinist 2 mg oral tablet)", intent="plan", reportedBoolean=True
)
IODINE: Resource = {
    "resourceType": "MedicationAdministration",
    "id": "197287785",
    "status": "completed",
    "contained": [
        {
            "resourceType": "Medication",
            "id": "197287785",
            "code": {"text": "sodium iodide-131 oral capsule"},
            "ingredient": [{"itemCodeableConcept": {"text": "sodium iodide-131"}}],
        }
    ],
    "medicationReference": {"reference": "#197287785"},
    **SUBJECT,
    "effectiveDateTime": "2021-05-20T15:10:00.000Z",
    "dosage": {"dose": {"value": 150, "unit": "millicurie", "system": UCUM, "code": "mCi"}},
}
PROCEDURE: Resource = {
    "resourceType": "Procedure",
    "id": "2572382193",
    "status": "completed",
    "code": {
        "coding": [
            {"system": "http://www.ama-assn.org/go/cpt", "code": "79005", "userSelected": True}
        ],
        "text": "Radiopharmaceutical therapy, by oral administration",
    },
    **SUBJECT,
    "performedDateTime": "2021-05-20",
    "note": [{"text": "I-131 150 mCi PO given."}],
}
REPORT: Resource = {
    "resourceType": "DiagnosticReport",
    "id": "197292001",
    "status": "final",
    "code": {
        "coding": [{"system": f"{TENANT}/codeSet/72", "code": "2820522", "userSelected": True}],
        "text": "CT Chest w/ Contrast",
    },
    **SUBJECT,
    "effectiveDateTime": "2021-10-04T18:00:00.000Z",
    "presentedForm": [{"contentType": "application/pdf", "url": "Binary/XR-197292001"}],
    "conclusion": "Interval progression of pulmonary metastases. No new bone lesion.",
}
# 3 o'clock in the night of the 2nd in UTC is the evening of the 1st in Chicago.
ENCOUNTER: Resource = {
    "resourceType": "Encounter",
    "id": "97953477",
    "status": "finished",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
    **SUBJECT,
    "period": {"start": "2021-12-01T22:00:00.000Z", "end": "2021-12-02T03:00:00.000Z"},
}
PATIENT: list[Resource] = [
    PERSON, CONDITION, VARIANT, TG_NUMBER, TG_BELOW, TG_LOCAL, TG_MASKED, DABRAFENIB, OUTSIDE,
    IODINE, PROCEDURE, REPORT, ENCOUNTER,
]  # fmt: skip
