"""Who a resource is about, and which resources are refused or retract what they said."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from adapter.errors import InvalidResource
from tests.lib.mapping import concept, mapped, observation, quantity, rows

SNOMED = "http://snomed.info/sct"


def test_the_most_specific_diagnosis_of_a_condition() -> None:
    resource = {
        "resourceType": "Condition",
        "id": "c",
        "subject": {"reference": "Patient/p"},
        "code": {
            "coding": [
                {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C73"},
                {"system": SNOMED, "code": "255029007"},
            ]
        },
        "verificationStatus": concept("confirmed"),
        "onsetDateTime": "2015",
    }
    (row,) = rows(resource)
    assert (row["concept"], row["code"]) == ("PTC", "255029007")
    assert (row["onset_earliest"], row["onset_latest"]) == (date(2015, 1, 1), date(2015, 12, 31))
    assert row["verification_status"] == "confirmed"


def test_a_patient() -> None:
    us_core = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
    omb = "urn:oid:2.16.840.1.113883.6.238"
    resource = {
        "resourceType": "Patient",
        "id": "p",
        "gender": "female",
        "birthDate": "1961-07-02",
        "deceasedDateTime": "2022-01-05",
        "extension": [
            {
                "url": us_core + "race",
                "extension": [
                    {"url": "ombCategory", "valueCoding": {"system": omb, "code": "2054-5"}},
                    {"url": "text", "valueString": "Black or African American"},
                ],
            }
        ],
    }
    patient, death = sorted(rows(resource), key=lambda row: row["table"] != "patient")
    assert (patient["sex"], patient["race"]) == ("female", "2054-5")
    assert patient["birth_earliest"] == date(1961, 7, 2)
    assert death["date_earliest"] == date(2022, 1, 5)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"resourceType": None}, "no resourceType"),
        ({"resourceType": "Observations"}, "FHIR R4 does not have"),
        ({"id": None}, "no id"),
        ({"id": "a b"}, "an id that FHIR does not allow"),
        ({"subject": None}, "no patient"),
    ],
)
def test_what_is_no_resource_is_refused(change: dict[str, Any], complaint: str) -> None:
    resource = observation("3013-0", valueQuantity=quantity(5, "ng/mL")) | change
    resource = {key: value for key, value in resource.items() if value is not None}
    with pytest.raises(InvalidResource, match=complaint):
        mapped(resource)


@pytest.mark.parametrize("status", ["entered-in-error", "entered-in-error ", " entered-in-error"])
def test_entered_in_error_states_nothing_and_retracts(status: str) -> None:
    found = mapped({**observation("3013-0"), "status": status})
    assert found.rows == ()
    assert found.stamp.retracted
