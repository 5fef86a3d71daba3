"""The one border to fhir.resources: every FHIR R4 resource of ours passes it on the way out.

fhir.resources has no R4 package; R4B (4.3.0) has the same Measure and MeasureReport. Its JSON
dump turns `+00:00` into `Z`, so resources are written from the dict that was validated here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from adapter.errors import GateFailed


def validated(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """The resource, unchanged, once its structure is found to be that of FHIR R4.

    Raises GateFailed with the paths at fault; no value of the resource is repeated.
    """
    if found := structure_faults(resource):
        kind = resource.get("resourceType", "")
        texts = "; ".join(f"{fault.path.removeprefix(f'{kind}.')}: {fault.kind}" for fault in found)
        raise GateFailed(f"not a valid FHIR R4 {kind}: {texts}")
    return resource


@dataclass(frozen=True, slots=True)
class Fault:
    """path: of the element, as FHIRPath: `MeasureReport.group[0].code`. kind: what is wrong."""

    path: str
    kind: str


def structure_faults(resource: Mapping[str, Any]) -> list[Fault]:
    """Where the resource's structure is not that of FHIR R4; no value of it is repeated."""
    kind = str(resource.get("resourceType", ""))
    try:
        model = get_fhir_model_class(kind)
    except (KeyError, ValueError):
        return [Fault("resourceType", f"no FHIR R4 resource type: {kind!r}")]
    try:
        model.model_validate(resource)
    except ValidationError as error:
        return [Fault(_fhirpath(kind, fault["loc"]), fault["type"]) for fault in error.errors()]
    except (KeyError, TypeError, ValueError, AttributeError):
        # What the library does with a contained resource of a type that there is not.
        return [Fault(kind, "a resource in it has no type of FHIR R4")]
    return []


def _fhirpath(kind: str, location: tuple[int | str, ...]) -> str:
    return kind + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)


Primitive = Literal["boolean", "integer", "decimal", "string"]
"""How the value of a primitive element stands in JSON."""
_IN_JSON: dict[type, Primitive] = {bool: "boolean", int: "integer", Decimal: "decimal"}


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a type. type_name: of a complex one, "Resource" for any resource; else ''."""

    many: bool
    primitive: Primitive
    type_name: str


@cache
def elements_of(type_name: str) -> Mapping[str, Element]:
    """The elements of a resource type or data type, in the order in which XML has them.

    Raises KeyError for a type that R4 does not have.
    """
    model = get_fhir_model_class(type_name)
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    return {name: _element(fields[name].annotation) for name in model.elements_sequence()}


@cache
def summary_elements(type_name: str) -> tuple[str, ...]:
    """The elements of a resource type that its definition marks as its summary."""
    return tuple(get_fhir_model_class(type_name).summary_elements_sequence())


@cache
def required_elements(type_name: str) -> tuple[str, ...]:
    """The elements of a resource type that it must have."""
    fields = get_fhir_model_class(type_name).model_fields
    return tuple(
        field.alias or name
        for name, field in fields.items()
        if field.is_required()
        or (isinstance(extra := field.json_schema_extra, dict) and extra.get("element_required"))
    )


def _element(annotation: Any) -> Element:
    inner = _not_none(annotation)
    many = get_origin(inner) is list
    if many:
        inner = _not_none(get_args(inner)[0])
    if get_origin(inner) is Annotated:
        inner = get_args(inner)[0]
    if inner in {bool, int, Decimal}:
        return Element(many, _IN_JSON[inner], "")
    name = str(getattr(inner, "__name__", ""))
    complex_type = name.endswith("Type") and inner.__module__ == "abc"
    return Element(many, "string", name.removesuffix("Type") if complex_type else "")


def _not_none(annotation: Any) -> Any:
    if get_origin(annotation) in {Union, UnionType}:
        return next(item for item in get_args(annotation) if item is not type(None))
    return annotation


@cache
def is_resource_type(name: str) -> bool:
    """Is this a resource type that R4 has?"""
    try:
        model = get_fhir_model_class(name)
    except (KeyError, ValueError):
        return False
    return "meta" in model.model_fields
