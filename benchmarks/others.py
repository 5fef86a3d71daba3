"""What lies beside the Observations in an export: people, visits, drugs, procedures, reports."""

from __future__ import annotations

import random
from collections.abc import Iterator

from benchmarks.facts import LOINC
from benchmarks.pools import Pool, pool
from benchmarks.templates import (
    AT,
    LATER,
    PATIENT,
    Element,
    Template,
    coding,
    concept,
    encounter,
    hl7,
    meta,
    subject,
    template,
)

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
CPT = "http://www.ama-assn.org/go/cpt"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"

SHARES = {
    "Patient": 20_000,
    "Encounter": 100_000,
    "Condition": 60_000,
    "MedicationRequest": 150_000,
    "Procedure": 120_000,
    "Specimen": 60_000,
    "DiagnosticReport": 40_000,
}
"""Resources of each type for 1,300,000 Observations."""

_DRUGS = (
    ("161", "acetaminophen", 30), ("5640", "ibuprofen", 18), ("6809", "metformin", 16),
    ("83367", "atorvastatin", 20), ("29046", "lisinopril", 18), ("10582", "levothyroxine", 12),
    ("7646", "omeprazole", 16), ("2193", "ceftriaxone", 10), ("4603", "furosemide", 12),
    ("11289", "warfarin", 5), ("7052", "morphine", 9), ("26225", "ondansetron", 14),
)  # fmt: skip
_WANTED_DRUGS = (
    ("1424911", "dabrafenib", 4), ("1425099", "trametinib", 4), ("1147220", "vemurafenib", 1),
)  # fmt: skip
_PROCEDURES = (
    (CPT, "71046", "Radiologic examination, chest; 2 views", 30),
    (CPT, "93000", "Electrocardiogram, routine", 30), (CPT, "36415", "Venipuncture", 60),
    (CPT, "70450", "Computed tomography, head", 12), (CPT, "45378", "Colonoscopy", 8),
    (CPT, "97110", "Therapeutic exercises", 20), (SNOMED, "80146002", "Appendectomy", 3),
)  # fmt: skip
_WANTED_PROCEDURES = (
    (CPT, "79005", "Radiopharmaceutical therapy, by oral administration", 3),
    (SNOMED, "228698009", "Iodine 131 therapy", 1),
)  # fmt: skip
_CONDITIONS = (
    ("I10", "Essential (primary) hypertension", 30), ("J18.9", "Pneumonia, unspecified", 10),
    ("E11.9", "Type 2 diabetes mellitus without complications", 20),
    ("N39.0", "Urinary tract infection", 12), ("M54.50", "Low back pain, unspecified", 14),
    ("E03.9", "Hypothyroidism, unspecified", 8), ("K21.9", "Gastro-esophageal reflux disease", 12),
)  # fmt: skip
_WANTED_CONDITIONS = (("C73", "Malignant neoplasm of thyroid gland", 1),)


Weighted = Iterator[tuple[float, Template]]


def relevant(kind: str, rng: random.Random) -> Pool:
    """The pool of what matters to the cohort; of types without such a difference, all."""
    return pool(_KINDS[kind](rng, wanted=True))


def irrelevant(kind: str, rng: random.Random) -> Pool:
    """The pool of what does not; of types without such a difference, all."""
    return pool(_KINDS[kind](rng, wanted=False))


def _frame(kind: str, resource_id: str) -> Element:
    return {
        "resourceType": kind,
        "id": resource_id,
        "meta": meta(f"us-core-{kind.lower()}"),
        "identifier": [
            {
                "use": "official",
                "system": f"urn:oid:1.2.840.114350.1.13.999.2.7.{len(kind)}",
                "value": "%(n)09d",
            }
        ],
    }


def _patients(rng: random.Random, *, wanted: bool) -> Weighted:
    for sex, given in (("female", "Ada"), ("male", "Alan")):
        for year in rng.sample(range(1935, 2004), 40):
            yield (
                1,
                template(
                    {
                        **_frame("Patient", PATIENT),
                        "active": True,
                        "name": [
                            {"use": "official", "family": "Synthetic%(n)06d", "given": [given]}
                        ],
                        "telecom": [
                            {"system": "phone", "value": "+1-555-01%(interface)04d", "use": "home"}
                        ],
                        "gender": sex,
                        "birthDate": f"{year}-06-{rng.randrange(1, 29):02d}",
                        "address": [
                            {
                                "use": "home",
                                "line": ["%(interface)04d Example Street"],
                                "city": "Exampleton",
                                "postalCode": "00000",
                                "country": "US",
                            }
                        ],
                        "maritalStatus": hl7("v3-MaritalStatus", "M", "Married"),
                        "managingOrganization": {"reference": "Organization/org-1"},
                    }
                ),
            )


def _encounters(rng: random.Random, *, wanted: bool) -> Weighted:
    act = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    for code, display, weight in (
        ("AMB", "ambulatory", 7),
        ("IMP", "inpatient encounter", 2),
        ("EMER", "emergency", 1),
    ):
        visit = coding(CPT, "99213", "Office or other outpatient visit")
        yield (
            weight,
            template(
                {
                    **_frame("Encounter", "enc-%(n)07d"),
                    "status": "finished",
                    "class": coding(act, code, display),
                    "type": [concept(visit, text="Visit")],
                    "subject": subject(),
                    "participant": [
                        {"individual": {"reference": "Practitioner/prac-%(interface)04d"}}
                    ],
                    "period": {"start": AT, "end": LATER},
                    "location": [{"location": {"reference": "Location/loc-%(interface)04d"}}],
                    "serviceProvider": {"reference": "Organization/org-1"},
                }
            ),
        )


def _conditions(rng: random.Random, *, wanted: bool) -> Weighted:
    for code, display, weight in _WANTED_CONDITIONS if wanted else _CONDITIONS:
        yield (
            weight,
            template(
                {
                    **_frame("Condition", "cond-%(n)07d"),
                    "clinicalStatus": hl7("condition-clinical", "active", "Active"),
                    "verificationStatus": hl7("condition-ver-status", "confirmed", "Confirmed"),
                    "category": [hl7("condition-category", "encounter-diagnosis", "Diagnosis")],
                    "code": concept(coding(ICD10CM, code, display), text=display),
                    "subject": subject(),
                    "encounter": encounter(),
                    "onsetDateTime": "%(day)s",
                    "recordedDate": LATER,
                }
            ),
        )


def _medication_requests(rng: random.Random, *, wanted: bool) -> Weighted:
    for code, name, weight in _WANTED_DRUGS if wanted else _DRUGS:
        for status in ("completed", "active", "stopped"):
            made = _medication_request(code, name, status)
            yield weight, template(made)
            if not wanted:
                # The digits of a wanted ingredient where they are none.
                note = [{"text": "Pharmacy ticket 1424911, formulary row 1425099."}]
                yield weight * 0.004, template({**made, "note": note})


def _medication_request(code: str, name: str, status: str) -> Element:
    return {
        **_frame("MedicationRequest", "med-%(n)07d"),
        "status": status,
        "intent": "order",
        "category": [hl7("medicationrequest-category", "outpatient", "Outpatient")],
        "medicationCodeableConcept": concept(coding(RXNORM, code, name), text=f"{name} tablet"),
        "subject": subject(),
        "encounter": encounter(),
        "authoredOn": AT,
        "requester": {"reference": "Practitioner/prac-%(interface)04d"},
        "recorder": {"reference": "Practitioner/prac-%(interface)04d"},
        "dosageInstruction": [
            {
                "text": "Take 1 tablet by mouth twice daily",
                "timing": {
                    "repeat": {
                        "boundsPeriod": {"start": "%(day)s"},
                        "frequency": 2,
                        "period": 1,
                        "periodUnit": "d",
                    }
                },
                "route": concept(coding(SNOMED, "26643006", "Oral route"), text="Oral"),
            }
        ],
        "dispenseRequest": {
            "validityPeriod": {"start": "%(day)s"},
            "numberOfRepeatsAllowed": 2,
            "expectedSupplyDuration": {"value": 30, "unit": "day", "code": "d"},
        },
    }


def _procedures(rng: random.Random, *, wanted: bool) -> Weighted:
    for system, code, display, weight in _WANTED_PROCEDURES if wanted else _PROCEDURES:
        made = {
            **_frame("Procedure", "proc-%(n)07d"),
            "status": "completed",
            "category": concept(
                coding(SNOMED, "387713003", "Surgical procedure"), text="Procedure"
            ),
            "code": concept(coding(system, code, display), text=display),
            "subject": subject(),
            "encounter": encounter(),
            "performedDateTime": AT,
            "performer": [{"actor": {"reference": "Practitioner/prac-%(interface)04d"}}],
            "location": {"reference": "Location/loc-%(interface)04d"},
        }
        yield weight, template(made)
        if not wanted:
            note = [{"text": "Phone extension 79005; see chart 228698009."}]
            yield weight * 0.004, template({**made, "note": note})


def _specimens(rng: random.Random, *, wanted: bool) -> Weighted:
    for code, display in (("119297000", "Blood specimen"), ("122575003", "Urine specimen")):
        yield (
            1,
            template(
                {
                    **_frame("Specimen", "spec-%(n)07d"),
                    "accessionIdentifier": {"value": "A%(n)09d"},
                    "status": "available",
                    "type": concept(coding(SNOMED, code, display), text=display),
                    "subject": subject(),
                    "receivedTime": LATER,
                    "collection": {"collectedDateTime": AT},
                }
            ),
        )


def _reports(rng: random.Random, *, wanted: bool) -> Weighted:
    panels = (("58410-2", "CBC panel - Blood by Automated count"),
              ("24323-8", "Comprehensive metabolic 2000 panel - Serum or Plasma"))  # fmt: skip
    for code, display in panels:
        yield (
            1,
            template(
                {
                    **_frame("DiagnosticReport", "rep-%(n)07d"),
                    "status": "final",
                    "category": [hl7("v2-0074", "LAB", "Laboratory")],
                    "code": concept(coding(LOINC, code, display), text=display),
                    "subject": subject(),
                    "encounter": encounter(),
                    "effectiveDateTime": AT,
                    "issued": LATER,
                    "performer": [{"reference": "Organization/org-lab-1"}],
                    "result": [
                        {"reference": "Observation/obs-%(n)08d"},
                        {"reference": "Observation/obs-9%(n)07d"},
                    ],
                }
            ),
        )


_KINDS = {
    "Patient": _patients,
    "Encounter": _encounters,
    "Condition": _conditions,
    "MedicationRequest": _medication_requests,
    "Procedure": _procedures,
    "Specimen": _specimens,
    "DiagnosticReport": _reports,
}
