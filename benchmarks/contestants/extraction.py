"""The task by hand on parsed JSON: what a programmer who knows this hospital's data writes.

It is also what the answers to a sample are compared with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.facts import (
    ALLELE_FRACTION,
    CURRENT,
    GENE,
    LOINC,
    P_HGVS,
    THYROGLOBULIN,
    VALUE_IN_TEXT,
    VARIANT,
    Thyroglobulin,
    Variant,
)

_IN_TEXT = re.compile(VALUE_IN_TEXT)

Json = Mapping[str, Any]


def rows(resource: Json) -> Iterator[Thyroglobulin | Variant]:
    """The rows that a resource states."""
    if resource.get("resourceType") != "Observation" or resource.get("status") not in CURRENT:
        return
    codes = loinc_codes(resource["code"])
    if any(code in THYROGLOBULIN for code in codes):
        yield _result(resource)
    elif VARIANT in codes:
        yield from _variants(resource)


def loinc_codes(concept: Json) -> list[str]:
    """The LOINC codes of a CodeableConcept."""
    return [each["code"] for each in concept.get("coding", ()) if each.get("system") == LOINC]


def from_text(text: str) -> tuple[str, str, str]:
    """(value, unit, comparator) of a result in words. Raises ValueError for other words."""
    found = _IN_TEXT.match(text)
    if found is None:
        raise ValueError("no value and unit in a text")
    comparator, value, unit = found.groups()
    return value, unit, comparator or ""


def patient_of(reference: str) -> str:
    """The id that ends a reference to a Patient."""
    return reference.rpartition("/")[2]


def as_fraction(value: float | None, unit: str) -> float | None:
    """An allele fraction from 0 to 1, from one in per cent or not."""
    return value / 100 if value is not None and unit == "%" else value


def _result(resource: Json) -> Thyroglobulin:
    patient = patient_of(resource["subject"]["reference"])
    day = resource["effectiveDateTime"][:10]
    quantity = resource.get("valueQuantity")
    if quantity is None:
        return Thyroglobulin(patient, day, *from_text(resource["valueString"]))
    comparator = quantity.get("comparator", "")
    return Thyroglobulin(patient, day, quantity["value"], quantity["code"], comparator)


def _variants(resource: Json) -> Iterator[Variant]:
    patient = patient_of(resource["subject"]["reference"])
    genes, change, fraction = [], "", None
    for part in resource.get("component", ()):
        codes = loinc_codes(part["code"])
        if GENE in codes:
            genes.append(part["valueCodeableConcept"]["coding"][0]["display"])
        elif P_HGVS in codes:
            change = part["valueCodeableConcept"]["coding"][0]["code"]
        elif ALLELE_FRACTION in codes:
            stated = part["valueQuantity"]
            fraction = as_fraction(float(stated["value"]), stated["code"])
    yield from (Variant(patient, gene, change, fraction) for gene in genes)
