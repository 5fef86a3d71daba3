"""Drugs as hospitals send them, and the rows they become: told as ingredient, evidence, first day,
last day. `2021-03` is any day of that month."""

from __future__ import annotations

from typing import Any

from adapter.mapping.mapped import MappedResource, TypedRow
from tests.lib.mapping import concept, mapped, quantity

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
SNOMED = "http://snomed.info/sct"
DABRAFENIB = concept("1424911", RXNORM)
TRAMETINIB = concept("L01EE01", ATC)
METOPROLOL = concept("6918", RXNORM)
SIX_WEEKS = {"start": "2021-03-01", "end": "2021-04-11"}

Told = tuple[str, str, str, str]


def resource_of(kind: str, **content: Any) -> dict[str, Any]:
    base = {
        "resourceType": kind,
        "id": "m1",
        "status": "completed",
        "subject": {"reference": "Patient/p"},
    }
    if not any(name.startswith("medication") for name in content):
        base["medicationCodeableConcept"] = DABRAFENIB
    return {**base, **content}


def statement(**content: Any) -> dict[str, Any]:
    return resource_of("MedicationStatement", **{"effectivePeriod": SIX_WEEKS, **content})


def order(**content: Any) -> dict[str, Any]:
    """An order of 2021-03-01."""
    usual = {"status": "active", "intent": "order", "authoredOn": "2021-03-01"}
    return resource_of("MedicationRequest", **{**usual, **content})


def dispense(**content: Any) -> dict[str, Any]:
    usual = {"whenHandedOver": "2021-03-01", "daysSupply": quantity(30, "d")}
    return resource_of("MedicationDispense", **{**usual, **content})


def administration(**content: Any) -> dict[str, Any]:
    usual = {"effectiveDateTime": "2021-03-01"}
    return resource_of("MedicationAdministration", **{**usual, **content})


def _day(row: TypedRow, name: str) -> str:
    if not row.columns[f"{name}_precision"]:
        return ""
    text = f"{row.columns[f'{name}_earliest']}"
    return text[:7] if row.columns[f"{name}_precision"] == "month" else text


def told(row: TypedRow) -> Told:
    drug = row.columns.get("ingredient", "")
    return drug, row.columns["evidence"], _day(row, "start"), _day(row, "end")


def exposures(found: MappedResource) -> list[TypedRow]:
    return [row for row in found.rows if row.table == "drug_exposure"]


def told_of(resource: dict[str, Any]) -> list[Told]:
    return [told(row) for row in exposures(mapped(resource))]


def the_exposure(resource: dict[str, Any]) -> TypedRow:
    (row,) = exposures(mapped(resource))
    return row
