"""What the routes under /fhir are asked with: query parameters and bodies, for the description.

The routes read the request themselves, as FHIR lets parameters repeat, carry modifiers, and come in
a query, a form or a resource; so FastAPI cannot know of them. The declared surface does.
"""

from __future__ import annotations

from typing import Any

from adapter.api.evaluating.vocabulary import TAKEN
from adapter.api.fhir.surface import OFFERED, Offered

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
FORM = "application/x-www-form-urlencoded"
RESOURCES = ("application/fhir+json", "application/fhir+xml")
ON_ANY = {
    "_format": "json or xml; wins over Accept.",
    "_pretty": "true: with line breaks.",
}
ON_RESULTS = {
    "_summary": "true, text, data, count or false.",
    "_elements": "Names of elements to keep, by commas.",
}
ON_SEARCH = {
    "_count": "Resources of a page.",
    "_sort": "Names of search parameters, by commas; a minus in front turns it round.",
}
EVALUATION = {
    "measure": "The measure's canonical or id (type level).",
    "periodStart": "First day: 2024, 2024-03 or 2024-03-01.",
    "periodEnd": "Last day.",
    "reportType": "population (summary), subject-list or subject (individual).",
    "subject": "Patient/id, of an individual report.",
}
TOKEN = {
    "grant_type": "client_credentials",
    "scope": "system/Measure.rs system/MeasureReport.rs",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_assertion": "The signed JWT.",
}
_BY_TYPE = {offered.type: offered for offered in OFFERED}


def completed(path: str, method: str, operation: Schema) -> None:
    """Add parameters and body to the description of one route below /fhir."""
    kind, *rest = path.removeprefix("/fhir").strip("/").split("/")
    offered, name = _BY_TYPE.get(kind), rest[-1] if rest else ""
    parameters = dict(ON_ANY)
    if offered and not rest and method == "get":
        parameters |= _searched(offered) | ON_RESULTS
    elif name.startswith("$evaluate") and method == "get":
        parameters |= {each: EVALUATION.get(each, "") for each in TAKEN}
    elif method == "get":
        parameters |= ON_RESULTS
    operation.setdefault("parameters", []).extend(
        {
            "name": each,
            "in": "query",
            "required": False,
            "schema": TEXT,
            "description": text,
        }
        for each, text in parameters.items()
    )
    if offered and name == "_search":
        operation["requestBody"] = form(_searched(offered) | ON_RESULTS)
    elif method in {"post", "put"}:
        resource = {"schema": {"$ref": "#/components/schemas/Resource"}}
        json, xml = RESOURCES
        operation["requestBody"] = {"required": True, "content": {json: resource, xml: {}}}


def form(fields: dict[str, str]) -> Schema:
    """A body of form fields: name → what it says."""
    properties = {name: {**TEXT, "description": text} for name, text in fields.items()}
    return {"content": {FORM: {"schema": {"type": "object", "properties": properties}}}}


def _searched(offered: Offered) -> dict[str, str]:
    own = {each.name: each.documentation or f"A {each.kind}." for each in offered.parameters}
    return own | ON_SEARCH
