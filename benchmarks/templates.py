"""FHIR resources as byte templates: made once as dictionaries, then filled in for each resource.

In a template's strings `%(n)07d` and the like are places for what differs between two resources of
one kind, and `%%` is a per cent sign. Filling one in costs about three microseconds, a twentieth of
writing the JSON anew.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from benchmarks.catalogue import Analyte
from benchmarks.facts import LOINC

Element = dict[str, Any]

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
UCUM = "http://unitsofmeasure.org"
LOCAL_TESTS = "urn:oid:1.2.840.114350.1.13.999.2.7.2.768282"
AT = "%(day)sT%(clock)s-05:00"
LATER = "%(day)sT%(later)s-05:00"
PATIENT = "pat-%(patient)06d"


class Result(NamedTuple):
    """What a thyroglobulin result states."""

    value: float
    unit: str
    comparator: str


class Finding(NamedTuple):
    """What a variant Observation states of one gene."""

    gene: str
    p_hgvs: str
    fraction: float | None


class Template(NamedTuple):
    """The bytes of a resource, and the facts that a right answer has of each copy of it."""

    line: bytes
    result: Result | None = None
    findings: tuple[Finding, ...] = ()


def template(
    resource: Element, result: Result | None = None, findings: tuple[Finding, ...] = ()
) -> Template:
    """The resource as one line of NDJSON."""
    text = json.dumps(resource, separators=(",", ":"), ensure_ascii=False)
    return Template(text.encode() + b"\n", result, findings)


def coding(system: str, code: str, display: str) -> Element:
    """A Coding."""
    return {"system": system, "code": code, "display": display}


def concept(*codings: Element, text: str) -> Element:
    """A CodeableConcept."""
    return {"coding": list(codings), "text": text}


def hl7(name: str, code: str, display: str) -> Element:
    """A CodeableConcept of one of HL7's code systems."""
    return concept(coding(f"{TERMINOLOGY}/{name}", code, display), text=display)


def quantity(value: float, unit: str) -> Element:
    """A Quantity in UCUM; a per cent sign is escaped."""
    escaped = unit.replace("%", "%%")
    return {"value": value, "unit": escaped, "system": UCUM, "code": escaped}


def meta(profile: str) -> Element:
    """What servers of electronic health records say of a resource's version."""
    return {
        "versionId": "1",
        "lastUpdated": LATER,
        "source": "urn:hospital.example:interface:hl7v2:%(interface)04d",
        "profile": [f"http://hl7.org/fhir/us/core/StructureDefinition/{profile}"],
        "tag": [coding(f"{TERMINOLOGY}/v3-ActReason", "HTEST", "test health data")],
    }


def subject() -> Element:
    """The patient, with a name beside the reference as vendors write it."""
    return {"reference": f"Patient/{PATIENT}", "display": "Synthetic, Patient %(patient)06d"}


def encounter() -> Element:
    """The encounter, with its visit number."""
    return {
        "reference": "Encounter/enc-%(encounter)07d",
        "identifier": {
            "use": "official",
            "system": "urn:oid:1.2.840.114350.1.13.999.2.7.3.698084.8",
            "value": "3%(encounter)08d",
        },
        "display": "Hospital encounter of %(day)s",
    }


def code_of_test(code: str, display: str, text: str = "") -> Element:
    """A test by its local code and its LOINC code."""
    short = text or display.partition(" [")[0].upper()
    return concept(
        coding(LOCAL_TESTS, f"1{code.replace('-', '')}5", short),
        coding(LOINC, code, display),
        text=short,
    )


def observation(kind: str, code: Element, **elements: Any) -> Element:
    """A laboratory result or vital sign as an electronic health record exports it."""
    names = {"laboratory": "Laboratory", "vital-signs": "Vital Signs"}
    frame = {
        "resourceType": "Observation",
        "id": "obs-%(n)08d",
        "meta": meta("us-core-observation-lab" if kind == "laboratory" else "us-core-vital-signs"),
        "identifier": [
            {
                "use": "official",
                "system": "urn:oid:1.2.840.114350.1.13.999.2.7.2.798268",
                "value": "%(n)010d.%(interface)04d",
            }
        ],
        "status": "final",
        "category": [hl7("observation-category", kind, names[kind])],
        "code": code,
        "subject": subject(),
        "encounter": encounter(),
        "effectiveDateTime": AT,
        "issued": LATER,
        "performer": [
            {
                "reference": "Practitioner/prac-%(interface)04d",
                "type": "Practitioner",
                "display": "Synthetic, Clinician %(interface)04d",
            }
        ],
    }
    return {**frame, **(_drawn() if kind == "laboratory" else {}), **elements}


def _drawn() -> Element:
    """What a result has for having been ordered and drawn."""
    return {
        "basedOn": [{"reference": "ServiceRequest/ord-%(n)08d"}],
        "specimen": {"reference": "Specimen/spec-%(specimen)07d", "display": "Blood, venous"},
    }


def judged(analyte: Analyte, value: float) -> Element:
    """interpretation and referenceRange of a value."""
    code, display = "N", "Normal"
    if value > analyte.high:
        code, display = "H", "High"
    elif value < analyte.low:
        code, display = "L", "Low"
    unit = analyte.unit.replace("%", "%%")
    return {
        "interpretation": [hl7("v3-ObservationInterpretation", code, display)],
        "referenceRange": [
            {
                "low": quantity(analyte.low, analyte.unit),
                "high": quantity(analyte.high, analyte.unit),
                "text": f"{analyte.low} - {analyte.high} {unit}",
            }
        ],
    }


def measured(kind: str, analyte: Analyte, value: float) -> Element:
    """An Observation of a quantity."""
    return observation(
        kind,
        code_of_test(analyte.code, analyte.display),
        valueQuantity=quantity(value, analyte.unit),
        **judged(analyte, value),
    )


def blood_pressure(systolic: int, diastolic: int) -> Element:
    """The panel with its two components."""
    parts = (("8480-6", "Systolic blood pressure", systolic),
             ("8462-4", "Diastolic blood pressure", diastolic))  # fmt: skip
    return observation(
        "vital-signs",
        code_of_test("85354-9", "Blood pressure panel with all children optional"),
        component=[
            {"code": code_of_test(code, display), "valueQuantity": quantity(value, "mm[Hg]")}
            for code, display, value in parts
        ],
    )
