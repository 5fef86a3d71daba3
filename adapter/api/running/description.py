"""`/openapi.json`: FastAPI's description, with what is FHIR's own about the routes under /fhir.

Their answers are resources in JSON or XML, their failures OperationOutcomes, whatever the status;
who asks shows a bearer token. What a resource may hold is said by FHIR R4 and by `/fhir/metadata`.
"""

from __future__ import annotations

from typing import Any

from adapter.api.running.asked_with import RESOURCES, TOKEN, completed, form
from adapter.api.security.admission import TOKEN_PATH

Schema = dict[str, Any]

BASE = "/fhir"
OPEN = {f"{BASE}/metadata"}
"""What needs no token."""
METHODS = ("get", "put", "post", "delete", "patch", "head", "options")

RESOURCE = {
    "type": "object",
    "description": "A FHIR R4 resource.",
    "required": ["resourceType"],
    "properties": {"resourceType": {"type": "string"}, "id": {"type": "string"}},
}
OUTCOME = {
    "type": "object",
    "description": "A FHIR R4 OperationOutcome.",
    "required": ["resourceType", "issue"],
    "properties": {
        "resourceType": {"const": "OperationOutcome"},
        "issue": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["severity", "code"],
                "properties": {
                    "severity": {"enum": ["fatal", "error", "warning", "information"]},
                    "code": {"type": "string"},
                    "diagnostics": {"type": "string"},
                    "expression": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
}


def described(plain: Schema, token_url: str) -> Schema:
    """FastAPI's own description, completed in place."""
    parts = plain.setdefault("components", {})
    parts.setdefault("schemas", {}).update(Resource=RESOURCE, OperationOutcome=OUTCOME)
    flows = {"clientCredentials": {"tokenUrl": token_url, "scopes": {}}}
    parts.setdefault("securitySchemes", {})["smart"] = {
        "type": "oauth2",
        "description": "SMART Backend Services: a signed assertion for a bearer token.",
        "flows": flows,
    }
    for path, item in plain["paths"].items():
        if path.startswith(BASE) and "/.well-known/" not in path:
            for method in METHODS:
                if method in item:
                    completed(path, method, item[method])
                    _complete(path, method, item[method])
        elif path == TOKEN_PATH:
            _complete_token(item["post"])
    return plain


def _complete_token(operation: Schema) -> None:
    refused = {"description": "RFC 6749 section 5.2: error and error_description."}
    operation["requestBody"] = form(TOKEN)
    operation["responses"]["default"] = {**refused, "content": {"application/json": {}}}
    operation["responses"].pop("422", None)


def _complete(path: str, method: str, operation: Schema) -> None:
    responses = operation.setdefault("responses", {})
    # What FastAPI says of its own validation: the handlers make another answer of it.
    responses.pop("422", None)
    for response in responses.values():
        if "content" in response:
            response["content"] = _content("Resource")
    if method == "delete":
        # A job's end is accepted, a report's done; both have nothing to show.
        responses.pop("200", None)
        responses.setdefault("204", {"description": "Done."})
        responses.get("202", {}).pop("content", None)
    responses["default"] = {"description": "A failure.", "content": _content("OperationOutcome")}
    if path not in OPEN:
        operation["security"] = [{"smart": []}]


def _content(schema: str) -> Schema:
    json, xml = RESOURCES
    return {json: {"schema": {"$ref": f"#/components/schemas/{schema}"}}, xml: {}}
