"""The course as an Epic server tells it: no MedicationStatement, drugs named by a reference's
display, results in words, local ids of the organisation (283) and its environment (2)."""

from __future__ import annotations

from pathlib import Path

from tests.lib.mapping import quantity
from tests.lib.vendors import Resource, concept_map

LOCAL = "urn:oid:1.2.840.114350.1.13.283.2.7."
COMPONENT = f"{LOCAL}2.768282"
LOINC, HGVS = "http://loinc.org", "http://varnomen.hgvs.org"
SUBJECT = {"subject": {"reference": "Patient/eq081-VQEgP8drUUqCWzHfw3", "display": "Thyro, Ada"}}
RANGE = {
    "low": quantity(1.6, "ng/mL"),
    "high": quantity(59.9, "ng/mL"),
    "text": "1.6 - 59.9 ng/mL",
}
SIX_WEEKS = {"start": "2021-03-01T06:00:00Z", "end": "2021-04-12T04:59:59Z"}


def own_file(folder: Path) -> str:
    """The file of a hospital with Epic: whose ids they are, and what its components are."""
    concept_map(
        folder / "components.json",
        "urn:raiway:epic:component",
        {
            "1558021": [(LOINC, "3013-0")],
            "1230977": [(LOINC, "69548-6"), (HGVS, "BRAF:p.V600E")],
        },
    )
    file = folder / "hospital.toml"
    file.write_text(
        'extends = "epic"\ntimezone = "America/Chicago"\ntenants = ["283.2", "283.3"]\n'
        'concept_maps = ["components.json"]\n',
        encoding="utf-8",
    )
    return str(file)


def result(resource_id: str, local: str, name: str, at: str, **content: object) -> Resource:
    """A laboratory result under the organisation's component id alone."""
    return {
        "resourceType": "Observation",
        "id": resource_id,
        "status": "final",
        "category": [
            {"coding": [{"system": f"{LOCAL}10.798268.30", "code": "Lab"}], "text": "Lab"}
        ],
        "code": {
            "coding": [{"system": COMPONENT, "code": local, "display": name}],
            "text": name,
        },
        **SUBJECT,
        "effectiveDateTime": at,
        **content,
    }


def _tg(resource_id: str, at: str, *, loinc: bool = False, **content: object) -> Resource:
    found = result(resource_id, "1558021", "THYROGLOBULIN", at, referenceRange=[RANGE], **content)
    if loinc:
        found["code"]["coding"].append({"system": LOINC, "code": "3013-0"})
    return found


CONDITION: Resource = {
    "resourceType": "Condition",
    "id": "eCond",
    **SUBJECT,
    "code": {
        "coding": [
            {"system": "urn:oid:2.16.840.1.113883.3.247.1.1", "code": "32471"},
            {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C73"},
            {"system": "http://snomed.info/sct", "code": "255029007"},
        ],
        "text": "Papillary thyroid carcinoma (HCC)",
    },
    "onsetDateTime": "2018-05-02",
}
VARIANT = result(
    "eVar", "1230977", "BRAF V600E MUTATION", "2021-01-12T16:00:00Z", valueString="Detected"
)
TG_NUMBER = _tg("eTg0", "2021-02-22T15:30:00Z", loinc=True, valueQuantity=quantity(12.4, "ng/mL"))
TG_TEXT = _tg("eTg3", "2021-08-18T15:30:00Z", loinc=True, valueString="<0.1")
TG_LOCAL = _tg("eTg6", "2021-11-16T15:30:00Z", valueString="< 0.1")
TG_CANCELLED = {**_tg("eTgX", "2021-11-17T15:30:00Z", valueString="CANCELED")}
TG_CANCELLED["status"] = "cancelled"
MEDICATION: Resource = {
    "resourceType": "Medication",
    "id": "eMedDab",
    "identifier": [{"use": "usual", "system": f"{LOCAL}2.698288", "value": "173935"}],
    "code": {
        "coding": [
            {"system": "urn:oid:2.16.840.1.113883.6.253", "code": "6379"},
            {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1424911"},
            {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "999999999"},
        ],
        "text": "DABRAFENIB 75 MG PO CAPS",
    },
}
ORDER: Resource = {
    "resourceType": "MedicationRequest",
    "id": "eOrder",
    "status": "completed",
    "intent": "order",
    "medicationReference": {
        "reference": "Medication/eMedDab",
        "display": "DABRAFENIB 75 MG PO CAPS",
    },
    **SUBJECT,
    "authoredOn": "2021-02-26T20:11:00Z",
    "dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": SIX_WEEKS}}}],
}
OUTSIDE: Resource = {
    "resourceType": "MedicationRequest",
    "id": "eOutside",
    "status": "stopped",
    "intent": "plan",
    "reportedBoolean": True,
    "medicationReference": {"display": "trametinib (MEKINIST) 2 mg tablet"},
    **SUBJECT,
    "authoredOn": "2021-03-09T20:11:00Z",
    "dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": SIX_WEEKS}}}],
}
ADVICE: Resource = {**OUTSIDE, "id": "eAdvice", "reportedBoolean": False}
IODINE: Resource = {
    "resourceType": "MedicationAdministration",
    "id": "eAdm",
    "status": "completed",
    "medicationReference": {"display": "SODIUM IODIDE-131 ORAL CAPSULE"},
    **SUBJECT,
    "effectiveDateTime": "2021-05-20T15:10:00Z",
    "dosage": {"dose": {"value": 150, "unit": "millicurie"}},
}
PROCEDURE: Resource = {
    "resourceType": "Procedure",
    "id": "eProc",
    "status": "completed",
    "code": {
        "coding": [
            {"system": f"{LOCAL}2.696580", "code": "IMG1177", "display": "NM THERAPY ORAL"},
            {"system": "urn:oid:2.16.840.1.113883.6.12", "code": "79005"},
        ],
        "text": "NM THERAPY ORAL",
    },
    **SUBJECT,
    "performedDateTime": "2021-05-20T15:00:00Z",
}
IMPRESSION: Resource = {
    "resourceType": "Observation",
    "id": "eImp",
    "status": "final",
    "code": {"coding": [{"system": LOINC, "code": "19005-8"}], "text": "Impression"},
    **SUBJECT,
    "effectiveDateTime": "2021-10-04T18:00:00Z",
    "valueString": "1. Interval progression of pulmonary metastases.\n2. No new bone lesion.",
}
REPORT: Resource = {
    "resourceType": "DiagnosticReport",
    "id": "eRep",
    "status": "final",
    "code": {"text": "CT CHEST W CONTRAST"},
    **SUBJECT,
    "effectiveDateTime": "2021-10-04T18:00:00Z",
    "result": [{"reference": "Observation/eImp", "display": "Impression"}],
    "presentedForm": [{"contentType": "text/html", "url": "Binary/eBin"}],
}
ENCOUNTER: Resource = {
    "resourceType": "Encounter",
    "id": "eEnc",
    "status": "finished",
    "class": {"system": "urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260", "code": "5"},
    **SUBJECT,
    "period": {"start": "2021-12-01T15:00:00Z", "end": "2021-12-01T15:40:00Z"},
}
PERSON: Resource = {
    "resourceType": "Patient",
    "id": "eq081-VQEgP8drUUqCWzHfw3",
    "identifier": [{"system": f"{LOCAL}5.737384.0", "value": "E4007"}],
    "gender": "female",
    "birthDate": "1961-07-04",
}
PATIENT: list[Resource] = [
    PERSON, CONDITION, VARIANT, TG_NUMBER, TG_TEXT, TG_LOCAL, TG_CANCELLED, MEDICATION, ORDER,
    OUTSIDE, ADVICE, IODINE, PROCEDURE, IMPRESSION, REPORT, ENCOUNTER,
]  # fmt: skip
