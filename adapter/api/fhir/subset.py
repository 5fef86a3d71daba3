"""Parts of a resource: `_summary` and `_elements`, marked SUBSETTED (FHIR R4 search 3.1.1.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from fastapi import Request

from adapter.api.fhir.failures import FhirFailure
from adapter.elements import Json
from adapter.fhir_r4 import required_elements, summary_elements

SUMMARIES = ("true", "text", "data", "count", "false")
_SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}
_ALWAYS = {"resourceType", "id", "meta"}
# SQL on FHIR 2.0, StructureDefinition/ViewDefinition: R4 itself has no such type.
_VIEW_SUMMARY = (
    "url", "identifier", "version", "name", "title", "status", "experimental", "publisher",
    "contact", "description", "useContext", "copyright", "resource", "fhirVersion",
)  # fmt: skip
_VIEW_REQUIRED = ("status", "resource", "select")
# Answers about a request, not resources that somebody asked to read.
_WHOLE = {"OperationOutcome", "Parameters"}


def asked(request: Request) -> tuple[str, str]:
    """`_summary` and `_elements`. Raises FhirFailure 400 for no such summary, or for both."""
    summary = request.query_params.get("_summary", "false")
    elements = request.query_params.get("_elements", "")
    if summary not in SUMMARIES:
        text = f"_summary is one of {', '.join(SUMMARIES)}"
        raise FhirFailure(400, "invalid", text, expression=["http._summary"])
    if elements and summary != "false":
        text = "_elements and _summary exclude each other"
        where = ["http._elements", "http._summary"]
        raise FhirFailure(400, "invalid", text, expression=where)
    return summary, elements


def subset(request: Request, resource: Json) -> Json:
    """The resource, or the resources of a searchset or history, as `_summary` and `_elements` ask.

    Raises FhirFailure as `asked` does.
    """
    summary, elements = asked(request)
    narrow = _narrowing(summary, elements)
    if narrow is None or resource["resourceType"] in _WHOLE:
        return resource
    if resource["resourceType"] != "Bundle":
        return narrow(resource)
    return _bundle(resource, summary, narrow)


def _narrowing(summary: str, elements: str) -> Callable[[Json], Json] | None:
    if elements:
        names = {item.strip().rpartition(".")[2] for item in elements.split(",")}
        return partial(only, names=names)
    return {"true": summarised, "text": narrative_only, "data": without_narrative}.get(
        summary, _unchanged if summary == "count" else None
    )


def _bundle(bundle: Json, summary: str, narrow: Callable[[Json], Json]) -> Json:
    if bundle["type"] not in {"searchset", "history"}:
        return bundle
    if summary == "count":
        return {key: value for key, value in bundle.items() if key != "entry"}
    entries = [
        {**entry, "resource": narrow(entry["resource"])}
        if "resource" in entry and entry["resource"]["resourceType"] not in _WHOLE
        else entry
        for entry in bundle.get("entry", ())
    ]
    return {**bundle, "entry": entries} if entries else bundle


def summarised(resource: Json) -> Json:
    """What the definition of the type marks as its summary."""
    kind = resource["resourceType"]
    return only(resource, _VIEW_SUMMARY if kind == "ViewDefinition" else summary_elements(kind))


def narrative_only(resource: Json) -> Json:
    """Text, id, meta and what is mandatory."""
    return only(resource, {"text"})


def without_narrative(resource: Json) -> Json:
    """All but the text."""
    return _marked({key: value for key, value in resource.items() if key != "text"})


def only(resource: Json, names: Iterable[str]) -> Json:
    """These elements, with id, meta and what is mandatory."""
    kind = resource["resourceType"]
    required = _VIEW_REQUIRED if kind == "ViewDefinition" else required_elements(kind)
    kept = {*names, *_ALWAYS, *required}
    return _marked({key: value for key, value in resource.items() if key.removeprefix("_") in kept})


def _unchanged(resource: Json) -> Json:
    return resource


def _marked(resource: Json) -> Json:
    meta = resource.get("meta", {})
    tags = [*(tag for tag in meta.get("tag", ()) if tag != _SUBSETTED), _SUBSETTED]
    head = {key: resource[key] for key in ("resourceType", "id") if key in resource}
    return (
        head | {"meta": {**meta, "tag": tags}} | {k: v for k, v in resource.items() if k != "meta"}
    )
