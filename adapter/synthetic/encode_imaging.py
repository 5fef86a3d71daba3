"""CT: the study, the sum of target diameters, RECIST 1.1 and the mCODE disease status."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.synthetic.elements import (
    CONCEPT,
    Element,
    Resource,
    at,
    coding,
    concept,
    loinc,
    patient,
    quantity,
    reference,
    resource,
    snomed,
)
from adapter.synthetic.observations import assessment
from adapter.synthetic.tables import Scan, Truth

EVIDENCE_URL = (
    "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-cancer-disease-status-evidence-type"
)
BASELINE = "baseline"

_RESPONSE = {"PR": "Partial response", "SD": "Stable disease", "PD": "Progressive disease"}
_STATUS = {
    "PR": snomed("268910001", "Patient's condition improved"),
    "SD": snomed("359746009", "Patient's condition stable"),
    "PD": snomed("271299001", "Patient's condition worsened"),
}


def encode(truth: Truth) -> Iterator[Resource]:
    """Per CT its study and measurement; after the baseline also response and status."""
    for scan in truth.scans:
        yield _study(truth, scan)
        yield _measurement(truth, scan)
        if scan.response != BASELINE:
            yield _response(truth, scan)
            yield _status(truth, scan)


def _study_id(truth: Truth, scan: Scan) -> str:
    return f"{truth.patient_id}-ct-{scan.timepoint}"


def _study(truth: Truth, scan: Scan) -> Resource:
    dicom = "http://dicom.nema.org/resources/ontology/DCM"
    return resource(
        "ImagingStudy",
        _study_id(truth, scan),
        scan.day,
        status="available",
        modality=[coding(dicom, "CT", "Computed Tomography")],
        subject=patient(truth.patient_id),
        started=at(scan.day, "11:30:00"),
        description="CT neck and chest with contrast",
    )


def _measurement(truth: Truth, scan: Scan) -> Resource:
    return assessment(
        f"{truth.patient_id}-diameters-{scan.timepoint}",
        truth.patient_id,
        scan.day,
        _local("sum_diam_mm", "Sum of target lesion diameters"),
        valueQuantity=quantity(scan.sum_mm, "mm"),
        derivedFrom=[reference("ImagingStudy", _study_id(truth, scan))],
        component=[
            {
                "code": _local("target_lesions", "Number of target lesions"),
                "valueInteger": scan.target_lesions,
            },
            {"code": _local("new_lesion", "New lesion"), "valueBoolean": scan.new_lesion},
        ],
    )


def _response(truth: Truth, scan: Scan) -> Resource:
    answer = _RESPONSE[scan.response]
    return assessment(
        f"{truth.patient_id}-recist-{scan.timepoint}",
        truth.patient_id,
        scan.day,
        concept(coding(CONCEPT, "recist", "RECIST response"), text="RECIST 1.1 overall response"),
        valueCodeableConcept=concept(coding(CONCEPT, scan.response, answer), text=answer),
        method=concept(text="RECIST 1.1"),
    )


def _status(truth: Truth, scan: Scan) -> Resource:
    evidence = snomed("363679005", "Imaging")
    return assessment(
        f"{truth.patient_id}-status-{scan.timepoint}",
        truth.patient_id,
        scan.day,
        loinc("97509-4", "Cancer disease progression"),
        extension=[{"url": EVIDENCE_URL, "valueCodeableConcept": evidence}],
        focus=[reference("Condition", f"{truth.patient_id}-thyroid-cancer")],
        valueCodeableConcept=_STATUS[scan.response],
    )


def _local(code: str, display: str) -> Element:
    return concept(coding(CONCEPT, code, display))
