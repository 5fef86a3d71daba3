"""What a sound FHIR server would send: resources, Bundles, NDJSON, its CapabilityStatement."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

Json = dict[str, Any]


def observation(i: int, **more: Any) -> Json:
    """Observation obs-`i`: a thyroglobulin of patient pat-`i % 10`, changed at second `i`."""
    return {
        "resourceType": "Observation",
        "id": f"obs-{i}",
        "meta": {"versionId": "1", "lastUpdated": last_updated(i)},
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "3013-0"}]},
        "subject": {"reference": f"Patient/pat-{i % 10}"},
        "effectiveDateTime": "2023-03-01",
        "valueQuantity": {
            "value": i + 0.5,
            "unit": "ng/mL",
            "system": "http://unitsofmeasure.org",
            "code": "ng/mL",
        },
    } | more


def patient(i: int, **more: Any) -> Json:
    """Patient pat-`i`."""
    return {
        "resourceType": "Patient",
        "id": f"pat-{i}",
        "meta": {"versionId": "1", "lastUpdated": last_updated(i)},
        "gender": "female" if i % 2 else "male",
        "birthDate": f"{1950 + i % 40}-06-01",
    } | more


def last_updated(i: int) -> str:
    """The instant `i` seconds into the first day of 2024, which wraps."""
    return f"2024-01-01T{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}Z"


def bundle(
    resources: Iterable[Json],
    next: str | None = None,  # noqa: A002 - the link's own name
    *,
    self_url: str | None = None,
    total: int | None = None,
    base: str = "http://fault.example/fhir",
) -> Json:
    """A searchset page of the resources as matches.

    base: of the `fullUrl`s. An OperationOutcome among them stands with mode `outcome`.
    """
    links = {"self": self_url, "next": next}
    page: Json = {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": name, "url": url} for name, url in links.items() if url is not None],
        "entry": [_entry(resource, base) for resource in resources],
    }
    return page if total is None else page | {"total": total}


def _entry(resource: Json, base: str) -> Json:
    kind = resource.get("resourceType")
    mode = "outcome" if kind == "OperationOutcome" else "match"
    return {
        "fullUrl": f"{base}/{kind}/{resource.get('id')}",
        "resource": resource,
        "search": {"mode": mode},
    }


def ndjson(resources: int | Iterable[Json]) -> bytes:
    """Lines of the resources, or of observations 0 … n - 1; the last one ends in a newline."""
    if isinstance(resources, int):
        resources = (observation(i) for i in range(resources))
    return b"".join(
        json.dumps(resource, separators=(",", ":")).encode() + b"\n" for resource in resources
    )


def capability(
    types: Sequence[str] = ("Patient", "Observation"),
    *,
    version: str | None = "4.0.1",
    software: str = "Fault server",
    publisher: str | None = None,
    params: Sequence[str] = ("_id", "_lastUpdated", "patient"),
    export: bool = True,
    history: bool = False,
) -> Json:
    """A CapabilityStatement.

    version: `fhirVersion`, None to leave it out. params: search parameters of every type.
    export: whether `$export` is advertised at all three levels.
    """
    interactions = ["read", "search-type", *(["history-type"] if history else [])]
    operation = {"name": "export", "definition": f"{_BULK}/OperationDefinition/export"}
    rest: Json = {
        "mode": "server",
        "resource": [
            {
                "type": kind,
                "interaction": [{"code": code} for code in interactions],
                "searchParam": [{"name": name, "type": _param_type(name)} for name in params],
                **({"operation": [operation]} if export and kind in {"Group", "Patient"} else {}),
            }
            for kind in types
        ],
    }
    if export:
        rest["operation"] = [operation]
    statement: Json = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2024-01-01",
        "kind": "instance",
        "software": {"name": software},
        "format": ["json"],
        "rest": [rest],
    }
    if version is not None:
        statement["fhirVersion"] = version
    if publisher is not None:
        statement["publisher"] = publisher
    return statement


_BULK = "http://hl7.org/fhir/uv/bulkdata"


def _param_type(name: str) -> str:
    return {"_lastUpdated": "date", "patient": "reference", "_id": "token"}.get(name, "token")


def manifest(
    output: Sequence[Json],
    request: str,
    *,
    time: str | None = "2024-01-02T00:00:00Z",
    token: bool = True,
    **more: Any,
) -> Json:
    """A Bulk Data manifest. time: `transactionTime`, None to leave it out."""
    made: Json = {
        "transactionTime": time,
        "request": request,
        "requiresAccessToken": token,
        "output": list(output),
        "error": [],
        **more,
    }
    return {name: value for name, value in made.items() if value is not None}


def deleted_bundle(*references: str) -> Json:
    """A transaction Bundle of deletions, as in files of the manifest's `deleted`."""
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"request": {"method": "DELETE", "url": reference}} for reference in references],
    }
