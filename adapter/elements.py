"""FHIR data types as the dicts that are written to JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]

UCUM = "http://unitsofmeasure.org"
DATA_ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
ABSENT_CODES = "http://terminology.hl7.org/CodeSystem/data-absent-reason"

PULLED = "urn:raiway:pulled"
"""Extension of Resource.meta: as of when a server gave a resource that has no lastUpdated."""

DECIMALS = 6
# Below this six decimals would leave less than two digits: a p value of 1e-9 is not 0.
SMALL = 1e-4


def number(value: float) -> int | float:
    """The value as it is printed: six decimals, six digits where it is small, no `174.0`."""
    if isinstance(value, int):
        return value
    rounded = round(value, DECIMALS) if abs(value) >= SMALL else float(f"{value:.{DECIMALS}g}")
    return int(rounded) if rounded.is_integer() else rounded


def quantity(value: float, unit: str, comparator: str = "") -> Json:
    """A Quantity with a UCUM unit."""
    compared = {"comparator": comparator} if comparator else {}
    return {"value": number(value), **compared, "unit": unit, "system": UCUM, "code": unit}


def concept(system: str, code: str) -> Json:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}]}


def code_of(concept: Mapping[str, Any]) -> str:
    """The first code of a CodeableConcept, or ''."""
    return str(next((coding.get("code", "") for coding in concept.get("coding", ())), ""))


def absent(code: str, text: str) -> Json:
    """A dataAbsentReason."""
    return concept(ABSENT_CODES, code) | {"text": text}


def extension(url: str, kind: str, value: Any) -> Json:
    """A simple extension; `kind` is the type of its value, as in `value<kind>`."""
    return {"url": url, f"value{kind}": value}


def extension_value(element: Mapping[str, Any], url: str) -> Any:
    """The value of the element's first extension `url`, or None."""
    return next(iter(extension_values(element, url)), None)


def extension_values(element: Mapping[str, Any], url: str) -> list[Any]:
    """The values of all the element's extensions `url`."""
    return [
        value
        for found in element.get("extension", ())
        if found.get("url") == url
        for key, value in found.items()
        if key.startswith("value")
    ]


def without_empty(pairs: Iterable[tuple[str, Any]]) -> Json:
    """An object without the members that FHIR forbids: null, and lists or objects of nothing."""
    return {name: value for name, value in pairs if value not in (None, "", [], {})}
