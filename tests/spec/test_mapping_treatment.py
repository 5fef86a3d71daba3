"""Drugs and radioiodine: what each resource states, and what must not become an exposure."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapter.errors import InvalidValue
from tests.lib.mapping import concept, mapped, quantity, rows

SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"


def _medication(kind: str, drug: dict[str, Any], **content: Any) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "id": "m1",
        "status": "completed",
        "subject": {"reference": "Patient/p"},
        "medicationCodeableConcept": drug,
        **content,
    }


SIX_WEEKS = {"effectivePeriod": {"start": "2021-03-01", "end": "2021-04-11"}}


@pytest.mark.parametrize(
    ("drug", "ingredient", "drug_class"),
    [
        (concept("1424911", RXNORM), "dabrafenib", "BRAFi"),
        (concept("L01EC02", ATC), "dabrafenib", "BRAFi"),
        (concept("L01EE01", "http://fhir.de/CodeSystem/bfarm/atc"), "trametinib", "MEKi"),
        (concept("1425099", "urn:oid:2.16.840.1.113883.6.88"), "trametinib", "MEKi"),
        (concept("H01AB01", ATC), "thyrotropin alfa", "RhTSH"),
    ],
)
def test_drugs_by_any_code(drug: dict[str, Any], ingredient: str, drug_class: str) -> None:
    (row,) = rows(_medication("MedicationStatement", drug, **SIX_WEEKS))
    assert (row["ingredient"], row["drug_class"]) == (ingredient, drug_class)
    assert (row["start_earliest"], row["end_latest"]) == (date(2021, 3, 1), date(2021, 4, 11))
    assert row["evidence"] == "stated"


@pytest.mark.parametrize(
    "resource",
    [
        _medication("MedicationStatement", concept("10582", RXNORM), **SIX_WEEKS),  # levothyroxine
        {**_medication("MedicationStatement", concept("L01EC02", ATC)), "status": "not-taken"},
        {**_medication("MedicationAdministration", concept("L01EC02", ATC)), "status": "not-done"},
        # A tumour board's recommendation is no exposure.
        {
            **_medication("MedicationRequest", concept("L01EC02", ATC)),
            "intent": "proposal",
            "status": "active",
        },
    ],
)
def test_no_exposure(resource: dict[str, Any]) -> None:
    assert rows(resource) == []


def test_one_timestamp_is_an_administration_but_only_the_start_of_a_statement() -> None:
    at = {"effectiveDateTime": "2021-03-01"}
    (given,) = rows(_medication("MedicationAdministration", concept("L01EC02", ATC), **at))
    (stated,) = rows(_medication("MedicationStatement", concept("L01EC02", ATC), **at))
    assert given["end_earliest"] == date(2021, 3, 1)
    assert "end_earliest" not in stated


def test_a_drug_by_reference_waits_for_its_medication() -> None:
    resource = _medication("MedicationStatement", concept("L01EC02", ATC), **SIX_WEEKS)
    del resource["medicationCodeableConcept"]
    resource["medicationReference"] = {"reference": "Medication/med-7"}
    tables = {row["table"]: row for row in rows(resource)}
    assert "ingredient" not in tables["drug_exposure"]
    assert tables["link"]["target_id"] == "med-7"


@pytest.mark.parametrize(
    ("sent", "mbq"),
    [
        (quantity(150, "mCi"), "5550"),
        (quantity(5.55, "GBq"), "5550.00"),
        (quantity(5550, "MBq"), "5550"),
        (quantity(157.3, "mCi"), "5820.1"),
        ({"value": 150, "unit": "millicurie"}, "5550"),
    ],
)
def test_iodine_given(sent: dict[str, Any], mbq: str) -> None:
    resource = _medication(
        "MedicationAdministration",
        concept("V10XA01", ATC),
        effectiveDateTime="2021-05-03",
        dosage={"dose": sent},
    )
    (row,) = rows(resource)
    assert (row["table"], row["purpose"]) == ("rai_administration", "therapeutic")
    assert row["activity_mbq"] == Decimal(mbq)
    assert (row["value_sent"], row["unit_sent"]) == (str(sent["value"]), sent["unit"])


def test_an_absorbed_dose_is_no_activity() -> None:
    resource = _medication(
        "MedicationAdministration",
        concept("V10XA01", ATC),
        effectiveDateTime="2021-05-03",
        dosage={"dose": quantity(150, "cGy")},
    )
    with pytest.raises(InvalidValue, match="unknown unit 'cGy' for activity"):
        mapped(resource)


def _procedure(status: str) -> dict[str, Any]:
    return {
        "resourceType": "Procedure",
        "id": "rai",
        "status": status,
        "subject": {"reference": "Patient/p"},
        "code": concept("228698009", SNOMED),
        "performedDateTime": "2021-05-03",
        "extension": [
            {
                "url": "https://raiway.example/fhir/StructureDefinition/administered-activity",
                "valueQuantity": quantity(204, "mCi"),
            }
        ],
    }


def test_an_iodine_procedure() -> None:
    (row,) = rows(_procedure("completed"))
    assert row["activity_mbq"] == Decimal(7548)
    assert (row["purpose"], row["evidence"]) == ("therapeutic", "procedure")


@pytest.mark.parametrize("status", ["preparation", "not-done", "stopped", "on-hold"])
def test_a_planned_procedure_is_none(status: str) -> None:
    assert rows(_procedure(status)) == []
