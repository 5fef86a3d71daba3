"""Codes, units and extensions across the border: what is of a known system stays."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.lib.mapping import observation
from tests.lib.privacy import limited, patient

NAME = "Quillfeather"


@pytest.mark.parametrize(
    ("coding", "stays"),
    [
        ({"system": "http://loinc.org", "code": "3013-0"}, ...),
        ({"system": "urn:oid:2.16.840.1.113883.6.1", "code": "3013-0"}, ...),
        ({"system": "http://loinc.org", "code": "3013-0", "display": "Thyroglobulin"}, ...),
        ({"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C73"}, ...),
        ({"system": "http://loinc.org", "code": "3013-0", "display": NAME},
         {"system": "http://loinc.org", "code": "3013-0",
          "display": "Thyroglobulin [Mass/volume] in Serum or Plasma"}),
        ({"system": "http://loinc.org", "code": "8867-4", "display": NAME},
         {"system": "http://loinc.org", "code": "8867-4"}),
        ({"display": f"BRAF V600E ({NAME})"}, {"display": "BRAF V600E (Xxxxxxxxxx)"}),
        ({"system": "http://loinc.org", "code": "3013-0", "version": NAME, "userSelected": True},
         {"system": "http://loinc.org", "code": "3013-0"}),
    ],
)  # fmt: skip
def test_codings(coding: dict[str, Any], stays: Any):
    found = limited(observation("3013-0", valueCodeableConcept={"coding": [coding]}))
    expected = coding if stays is ... else stays
    assert found["valueCodeableConcept"]["coding"] == [expected]


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("urn:oid:1.2.840.114350.1.13", NAME),
        ("http://loinc.org", NAME),
        # Another check digit than LOINC's and SNOMED's: no code of theirs.
        ("http://loinc.org", "3013-1"),
        ("http://snomed.info/sct", "1234567"),
        (None, "1234567"),
    ],
)
def test_a_code_that_somebody_typed_is_only_the_same_or_another(system: str | None, code: str):
    sent = {"code": code} if system is None else {"system": system, "code": code}
    found = limited(observation("3013-0", valueCodeableConcept={"coding": [sent]}))
    [coding] = found["valueCodeableConcept"]["coding"]
    assert coding["system"] == "urn:raiway:withheld"
    assert coding["code"].startswith("withheld-")
    assert code not in coding["code"]
    again = limited(observation("4-8", valueCodeableConcept={"coding": [sent]}))
    assert again["valueCodeableConcept"]["coding"] == [coding]


def test_a_code_that_is_not_of_the_list_does_not_look_like_none():
    found = limited(
        observation(
            "3013-0", status=NAME, valueQuantity={"value": 1, "comparator": "~", "unit": NAME}
        )
    )
    assert found["status"] == "withheld"
    # Without a comparator, or a unit, the value would be another one.
    assert found["valueQuantity"] == {"value": 1, "comparator": "withheld", "unit": "withheld"}


@pytest.mark.parametrize("unit", ["ng/mL", "mCi", "GBq", "10*9/L", "mm[Hg]", "mL/min", "%", ""])
def test_units_that_stay(unit: str):
    found = limited(observation("3013-0", valueQuantity={"value": 1, "unit": unit}))
    assert found["valueQuantity"]["unit"] == unit


def test_methods_are_told_apart_without_being_named():
    first, second, third = (
        limited(observation("3013-0", method={"text": text}))["method"]["text"]
        for text in ("Assay of Dr Quill", "Assay of Dr Hood", "Assay of Dr Quill")
    )
    assert first == third != second
    assert first.startswith("withheld-")


def test_a_value_of_another_form_is_marked_and_not_shown():
    found = limited(
        observation("3013-0", valueQuantity=NAME, component=[[NAME]], note={"text": [NAME]})
    )
    assert found["valueQuantity"] == "withheld"
    assert found["component"] == ["withheld"]
    assert found["note"] == {"text": ["…"]}


def test_numbers_stay_exact():
    found = limited(observation("3013-0", valueQuantity={"value": Decimal("0.10")}))
    assert str(found["valueQuantity"]["value"]) == "0.10"


# Extensions


def test_an_unknown_extension_goes_but_for_codes_of_known_systems():
    intent = {"system": "http://snomed.info/sct", "code": "261004008"}
    procedure = {
        "resourceType": "Procedure", "id": "r", "status": "completed",
        "extension": [
            {"url": f"urn:{NAME}", "valueString": NAME},
            {"url": f"urn:{NAME}", "valueCodeableConcept": {"coding": [
                {**intent, "display": NAME}, {"system": "urn:x", "code": NAME}], "text": NAME}},
        ],
    }  # fmt: skip
    assert limited(procedure)["extension"] == [
        {"url": "urn:raiway:withheld", "valueCodeableConcept": {"coding": [intent]}}
    ]


def test_race_stays_where_the_site_says_so():
    url = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
    coded = {"url": "ombCategory", "valueCoding": {
        "system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3"}}  # fmt: skip
    race = {"url": url, "extension": [coded, {"url": "text", "valueString": NAME}]}
    assert limited(patient(extension=[race]))["extension"] == [{"url": url, "extension": [coded]}]
    without = limited(patient(extension=[race]), extensions=())
    assert url not in str(without)


def test_a_contained_medication_stays_and_a_contained_patient_only_as_rules_say():
    request: dict[str, Any] = {
        "resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order",
        "contained": [
            {"resourceType": "Medication", "id": "med", "code": {"text": "dabrafenib"}},
            {"resourceType": "Practitioner", "id": "who", "name": [{"family": NAME}]},
        ],
        "medicationReference": {"reference": "#med", "display": f"Tafinlar for {NAME}"},
    }  # fmt: skip
    found = limited(request)
    assert found["contained"] == [request["contained"][0]]
    assert found["medicationReference"] == {
        "reference": "#med", "display": "Tafinlar for Xxxxxxxxxx",
    }  # fmt: skip
