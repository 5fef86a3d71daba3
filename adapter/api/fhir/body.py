"""The dependency that reads the resource of a request's body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from fastapi import Request

from adapter.api.context import context_of
from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.formats import kind_of
from adapter.elements import Json
from adapter.errors import InvalidResource
from adapter.fhir_xml import from_xml

BODY = "http.body"
_MEGABYTE = 1 << 20


async def resource_body(request: Request) -> Json:
    """The resource in the body, JSON or XML; its bytes are left in `request.state.received`.

    Raises FhirFailure 400 for what is no resource or is nested too deep, 413 for what is larger
    than `server.limits.body_mb`, 415 for another content type.
    """
    limits = context_of(request).settings.server.limits
    kind = kind_of(request.headers.get("content-type", ""))
    content = await bounded(request, limits.body_mb * _MEGABYTE)
    request.state.received = content
    if not content.strip():
        text = "the body is empty: a resource is expected"
        raise FhirFailure(400, "required", text, expression=[BODY])
    found = _from_json(content) if kind == "json" else _from_xml(content, limits.json_depth)
    if _deeper_than(found, limits.json_depth):
        text = f"the resource is nested deeper than {limits.json_depth}"
        raise FhirFailure(400, "too-costly", text, expression=[BODY])
    if not isinstance(found, dict) or not isinstance(found.get("resourceType"), str):
        text = "the body is no FHIR resource: an object with a resourceType is expected"
        raise FhirFailure(400, "structure", text, expression=["resourceType"])
    return found


async def bounded(request: Request, limit: int) -> bytes:
    """The body, of at most `limit` bytes; gzip is undone before (`security.bodies`).

    Raises FhirFailure 413.
    """
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            text = f"the body is larger than {limit // _MEGABYTE} MB"
            raise FhirFailure(413, "too-long", text, expression=[BODY])
    return bytes(content)


def _from_json(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        text = f"the body is no JSON (line {error.lineno}, column {error.colno})"
        raise FhirFailure(400, "structure", text, expression=[BODY]) from error


def _from_xml(content: bytes, depth: int) -> Json:
    try:
        return from_xml(content, depth)
    except InvalidResource as error:
        raise FhirFailure(400, "structure", error.what, expression=[BODY]) from error


def _deeper_than(found: Any, depth: int) -> bool:
    level = [found]
    for _ in range(depth + 1):
        level = [inner for item in level for inner in _inside(item)]
        if not level:
            return False
    return True


def _inside(item: Any) -> Iterator[Any]:
    members = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
    return (member for member in members if isinstance(member, dict | list))
