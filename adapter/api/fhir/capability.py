"""`GET /fhir/metadata`: the CapabilityStatement, rendered from what `surface` declares.

No token is needed to read it (FHIR R4 capabilitystatement.html, SMART App Launch 2.2).
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from adapter.api.context import context_of
from adapter.api.fhir.bundles import instant
from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.reply import http_date, reply
from adapter.api.fhir.search import SearchParameter
from adapter.api.fhir.surface import (
    GUIDES,
    INSTANTIATES,
    OFFERED,
    SYSTEM_INTERACTIONS,
    SYSTEM_OPERATIONS,
    Offered,
    Operation,
)
from adapter.elements import Json, concept, without_empty
from adapter.fhir_r4 import is_resource_type
from adapter.measures.load import CANONICAL_BASE

router = APIRouter(tags=["capability"], default_response_class=Response)

OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
SECURITY_SERVICES = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_MODES = {"full", "normative", "terminology"}
STARTED = datetime.now(UTC).replace(microsecond=0)


@router.get("/metadata", summary="What this server offers", name="metadata")
def metadata(request: Request) -> Response:
    """The CapabilityStatement. There are no TerminologyCapabilities: no terminology is served."""
    mode = request.query_params.get("mode", "full")
    if mode not in _MODES - {"terminology"}:
        text = "mode is full or normative: this is no terminology server"
        raise FhirFailure(400, "not-supported", text, expression=["http.mode"])
    context = context_of(request)
    base = context.settings.report.base.rstrip("/")
    protected = context.settings.server.authentication == "required"
    found = capability_statement(context.public_url, base, protected)
    return reply(request, found, headers={"Last-Modified": http_date(STARTED)})


@lru_cache(maxsize=4)
def capability_statement(public_url: str, canonical_base: str, protected: bool) -> Json:
    """What a server at this origin offers. canonical_base: of our definitions.

    protected: must clients authenticate?
    """
    resources = [_resource(offered) for offered in OFFERED if is_resource_type(offered.type)]
    found = without_empty(
        (
            ("resourceType", "CapabilityStatement"),
            ("id", "raiway"),
            ("url", f"{public_url}/fhir/metadata"),
            ("version", version("raiway")),
            ("name", "Raiway"),
            ("title", "Outcomes of redifferentiation therapy"),
            ("status", "active"),
            ("experimental", False),
            ("date", instant(STARTED)),
            ("kind", "instance"),
            ("instantiates", list(INSTANTIATES)),
            ("software", {"name": "Raiway", "version": version("raiway")}),
            ("implementation", {"description": "A Raiway server", "url": f"{public_url}/fhir"}),
            ("fhirVersion", "4.0.1"),
            ("format", ["json", "xml", "application/fhir+json", "application/fhir+xml"]),
            ("implementationGuide", list(GUIDES)),
            ("rest", [_rest(public_url, protected, resources)]),
        )
    )
    return _rebased(found, canonical_base)


def _rest(public_url: str, protected: bool, resources: list[Json]) -> Json:
    return without_empty(
        (
            ("mode", "server"),
            (
                "documentation",
                "ViewDefinition (SQL on FHIR) is read and searched too; R4 has no such type. "
                "Evaluation is asynchronous with Prefer: respond-async.",
            ),
            ("security", _security(public_url) if protected else _open()),
            ("resource", resources),
            ("interaction", [{"code": code} for code in SYSTEM_INTERACTIONS]),
            ("operation", [_operation(operation) for operation in SYSTEM_OPERATIONS]),
        )
    )


def _security(public_url: str) -> Json:
    return {
        "extension": [
            {
                "url": OAUTH_URIS,
                "extension": [{"url": "token", "valueUri": f"{public_url}/auth/token"}],
            }
        ],
        "cors": True,
        "service": [{**concept(SECURITY_SERVICES, "SMART-on-FHIR"), "text": "SMART on FHIR"}],
        "description": "SMART Backend Services: a signed assertion for a token (private_key_jwt).",
    }


def _open() -> Json:
    return {"cors": True, "description": "None: it listens to this machine only."}


def _resource(offered: Offered) -> Json:
    conditional = offered.conditional
    return without_empty(
        (
            ("type", offered.type),
            ("supportedProfile", list(offered.profiles)),
            ("documentation", offered.documentation),
            ("interaction", [{"code": code} for code in offered.interactions]),
            ("versioning", offered.versioning),
            ("readHistory", "vread" in offered.interactions),
            ("updateCreate", offered.update_create),
            ("conditionalCreate", conditional),
            ("conditionalRead", "full-support" if conditional else "not-match"),
            ("conditionalUpdate", conditional),
            ("conditionalDelete", "single" if conditional else "not-supported"),
            ("searchParam", [_parameter(parameter) for parameter in offered.parameters]),
            ("operation", [_operation(operation) for operation in offered.operations]),
        )
    )


def _parameter(parameter: SearchParameter) -> Json:
    return without_empty(
        (
            ("name", parameter.name),
            ("definition", parameter.definition),
            ("type", parameter.kind),
            ("documentation", parameter.documentation),
        )
    )


def _operation(operation: Operation) -> Json:
    return without_empty(
        (
            ("name", operation.name),
            ("definition", operation.definition),
            ("documentation", operation.documentation),
        )
    )


def _rebased(found: Json, base: str) -> Json:
    """With our own canonicals under the base of the setting."""
    text = orjson.dumps(found).replace(CANONICAL_BASE.encode(), base.encode())
    rebased: Json = orjson.loads(text)
    return rebased
