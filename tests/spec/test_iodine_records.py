"""Radioactive iodine in other records than a Procedure (R6 to R9), and what each of them says.

R10, a DICOM dose report, is no FHIR resource; it is met when a site maps it to an Observation of
the administered activity (R7).
"""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest

from adapter.errors import InvalidValue
from adapter.mapping.iodine_text import mentions
from tests.lib.iodine import ATC, CPT, HCPCS, PATIENT, administration, given
from tests.lib.mapping import concept, mapped, observation, quantity, rows

NAMED = {"text": "Sodium iodide I-131 therapeutic capsule"}


@pytest.mark.parametrize(
    ("resource", "row"),
    [
        (
            administration(
                medicationCodeableConcept=concept("V10XA01", ATC),
                dosage={"dose": {"value": 5.8, "unit": "GBq"}},
            ),
            "I-131 | therapeutic | administered | 5800 | 5.8 GBq | 2021-05-03 | -",
        ),
        # By name alone.
        (
            administration(medicationCodeableConcept=NAMED, dosage={"dose": quantity(150, "mCi")}),
            "I-131 | therapeutic | administered | 5550 | 150 mCi | 2021-05-03 | -",
        ),
        # By the display of a reference that leads nowhere.
        (
            administration(
                medicationReference={"display": "I-131 NaI"}, dosage={"dose": quantity(4, "mCi")}
            ),
            "I-131 | unknown | administered | 148 | 4 mCi | 2021-05-03 | -",
        ),
        # By a contained Medication.
        (
            administration(
                contained=[
                    {"resourceType": "Medication", "id": "m", "code": concept("V10XA01", ATC)}
                ],
                medicationReference={"reference": "#m"},
                dosage={"dose": quantity(150, "mCi")},
            ),
            "I-131 | therapeutic | administered | 5550 | 150 mCi | 2021-05-03 | -",
        ),
        # By a Medication elsewhere: the link says later what it was.
        (
            administration(
                medicationReference={"reference": "Medication/m"},
                dosage={"dose": quantity(150, "mCi")},
            ),
            "? | unknown | administered | 5550 | 150 mCi | 2021-05-03 | -",
        ),
        # Iodine-123 treats nobody.
        (
            administration(
                medicationCodeableConcept=concept("V09FX02", ATC),
                dosage={"dose": quantity(5, "mCi")},
            ),
            "I-123 | diagnostic | administered | 185 | 5 mCi | 2021-05-03 | -",
        ),
        # A therapy outside 20 to 600 mCi is rather a wrong unit.
        (
            administration(
                medicationCodeableConcept=concept("V10XA01", ATC),
                dosage={"dose": quantity(5.5, "mCi")},
            ),
            "I-131 | therapeutic | administered | 203.5 | 5.5 mCi | 2021-05-03"
            " | activity_implausible",
        ),
        (
            administration(
                status="in-progress",
                medicationCodeableConcept=concept("V10XA01", ATC),
                dosage={"dose": quantity(601, "mCi")},
            ),
            "I-131 | therapeutic | administered | 22237 | 601 mCi | 2021-05-03"
            " | status_unsure,activity_implausible",
        ),
    ],
)
def test_r6_medication_administered(resource: dict[str, Any], row: str) -> None:
    assert given(resource) == [row]


@pytest.mark.parametrize(
    "medication",
    [
        {"medicationCodeableConcept": concept("L01EC02", ATC)},
        {"medicationReference": {"reference": "Medication/dabrafenib"}},
        {"medicationCodeableConcept": {"text": "Iobenguane MIBG I-131 diagnostic 7 mCi"}},
    ],
)
def test_r6_a_drug_by_weight_is_no_iodine(medication: dict[str, Any]) -> None:
    assert given(administration(**medication, dosage={"dose": quantity(150, "mg")})) == []


def test_r6_iodine_by_weight_is_refused() -> None:
    dose = {"dose": quantity(150, "mg")}
    with pytest.raises(InvalidValue, match="unknown unit 'mg' for activity"):
        mapped(administration(medicationCodeableConcept=concept("V10XA01", ATC), dosage=dose))


ACTIVITY = {"system": "urn:raiway:concept", "code": "activity"}


def test_r7_observation_of_the_activity() -> None:
    resource = observation(
        "activity",
        "urn:raiway:concept",
        valueQuantity=quantity(150, "mCi"),
        partOf=[{"reference": "Procedure/rai"}],
    )
    assert given(resource) == ["I-131 | unknown | observation | 5550 | 150 mCi | 2021-05-03 | -"]
    del resource["effectiveDateTime"]
    (link,) = [row for row in rows(resource) if row["table"] == "link"]
    assert (link["role"], link["target_type"], link["target_id"]) == ("part_of", "Procedure", "rai")


def test_r7_as_a_component() -> None:
    part = {"code": {"coding": [ACTIVITY]}, "valueQuantity": quantity(5.55, "GBq")}
    resource = observation("NM-THERAPY", "urn:hospital", component=[part])
    (row,) = given(resource)
    assert row == "I-131 | unknown | observation | 5550 | 5.55 GBq | 2021-05-03 | -"


def _charge(code: str, units: float, **content: Any) -> dict[str, Any]:
    return {
        "resourceType": "ChargeItem",
        "id": "c",
        "status": "billed",
        "subject": PATIENT,
        "code": concept(code, HCPCS),
        "quantity": {"value": units},
        "occurrenceDateTime": "2021-05-03",
        **content,
    }


@pytest.mark.parametrize(
    ("resource", "row"),
    [
        (_charge("A9517", 157), "I-131 | therapeutic | charge | 5809 | 157 mCi | 2021-05-03 | -"),
        (_charge("A9530", 157), "I-131 | therapeutic | charge | 5809 | 157 mCi | 2021-05-03 | -"),
        (_charge("A9528", 4), "I-131 | diagnostic | charge | 148 | 4 mCi | 2021-05-03 | -"),
        (_charge("A9531", 100), "I-131 | diagnostic | charge | 3.7 | 100 uCi | 2021-05-03 | -"),
        (_charge("A9516", 2), "I-123 | diagnostic | charge | 7.4 | 200 uCi | 2021-05-03 | -"),
        # One capsule is not one millicurie.
        (
            _charge("A9517", 1),
            "I-131 | therapeutic | charge | 37 | 1 mCi | 2021-05-03 | activity_implausible",
        ),
    ],
)
def test_r8_charges_by_the_millicurie(resource: dict[str, Any], row: str) -> None:
    assert given(resource) == [row]


def _claim(kind: str, **content: Any) -> dict[str, Any]:
    line = {"sequence": 1, "productOrService": concept("A9517", HCPCS), "quantity": {"value": 157}}
    other = {"sequence": 2, "productOrService": concept("99213", CPT), "quantity": {"value": 1}}
    return {
        "resourceType": kind,
        "id": "c",
        "status": "active",
        "use": "claim",
        "patient": PATIENT,
        "created": "2021-06-01",
        "item": [other, {**line, "servicedDate": "2021-05-03"}],
        **content,
    }


@pytest.mark.parametrize("kind", ["Claim", "ExplanationOfBenefit"])
def test_r8_a_line_of_a_claim(kind: str) -> None:
    row = "I-131 | therapeutic | charge | 5809 | 157 mCi | 2021-05-03 | -"
    assert given(_claim(kind)) == [row]
    # Asked for in advance, or withdrawn.
    assert given(_claim(kind, use="preauthorization")) == []
    assert given(_claim(kind, status="cancelled")) == []


@pytest.mark.parametrize("status", ["planned", "aborted", "entered-in-error"])
def test_r8_a_charge_that_was_not_made(status: str) -> None:
    assert given(_charge("A9517", 157, status=status)) == []


def _report(text: str, **content: Any) -> dict[str, Any]:
    return {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "subject": PATIENT,
        "code": {"text": "Nuclear medicine"},
        "effectiveDateTime": "2021-05-05",
        "conclusion": text,
        **content,
    }


GIVEN_ON_REPORT_DAY = (
    "I-131 | unknown | text | 5500 | 5.5 GBq | 2021-05-05 | from_text,date_of_document"
)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("The patient received 5.5 GBq (150 mCi) I-131.", GIVEN_ON_REPORT_DAY),
        (
            "Treated with radioactive iodine therapy, 157.3 mCi, on 2021-05-03.",
            "I-131 | therapeutic | text | 5820.1 | 157.3 mCi | 2021-05-03 | from_text",
        ),
        # History belongs to the year that it names, or to no day.
        (
            "s/p 100 mCi radioiodine in 2015. No uptake.",
            "I-131 | unknown | text | 3700 | 100 mCi | 2015-01-01 | from_text",
        ),
        (
            "Previously received 100 mCi of RAI.",
            "I-131 | unknown | text | 3700 | 100 mCi | - | from_text,history",
        ),
    ],
)
def test_r9_iodine_in_a_report(text: str, row: str) -> None:
    assert given(_report(text)) == [row]


@pytest.mark.parametrize(
    "text",
    [
        "150 mCi I-131 is planned.",
        "Recommend I-131 therapy with 150 mCi; the patient will receive it in May.",
        "The patient did not receive I-131 150 mCi.",
        "The patient was not given 150 mCi I-131.",
        "Received a total of 450 mCi I-131.",  # several treatments
        "Declined treatment with 150 mCi of radioactive iodine.",
        "Maximum tolerated activity of I-131 is 300 mCi, dosimetry was administered.",
        "Received 7.4 GBq Lu-177 dotatate.",
        "Received 150 mCi.",  # of what?
        "Patient received I-131.",
    ],
)
def test_r9_iodine_that_was_not_given(text: str) -> None:
    assert given(_report(text)) == []


def test_r9_a_document_with_attached_text() -> None:
    text = "<p>The patient received 5.5&nbsp;GBq</p> <b>Received 5.5 GBq (150 mCi) I-131</b>"
    data = base64.b64encode(text.encode()).decode()
    resource = {
        "resourceType": "DocumentReference",
        "id": "d",
        "status": "current",
        "subject": PATIENT,
        "context": {"period": {"start": "2021-05-05", "end": "2021-05-05"}},
        "content": [
            {"attachment": {"contentType": "application/pdf", "data": data}},
            {"attachment": {"contentType": "text/html", "data": data}},
        ],
    }
    assert given(resource) == [GIVEN_ON_REPORT_DAY]
    assert given({**resource, "status": "superseded"}) == []


def test_r9_one_sentence_one_unit() -> None:
    (mention,) = mentions("He received 5.5 GBq of I-131 without complications. Weight 80 kg.")
    assert (mention.activity.values, mention.activity.unit) == ((Decimal("5.5"),), "GBq")
