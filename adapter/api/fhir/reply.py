"""Answers: one resource in the format that the client asked for, or 304 if it has it already.

FHIR R4 http.html: content types, `_format`, `_pretty`, `_summary`, `_elements`, conditional read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

import orjson
from fastapi import Request
from starlette.responses import Response

from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.formats import Format, negotiated
from adapter.api.fhir.subset import subset
from adapter.elements import Json
from adapter.errors import InvalidResource
from adapter.fhir_xml import as_xml


def reply(
    request: Request,
    resource: Json,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The resource as the request wants it; ETag and Last-Modified from its meta, if it has them.

    Raises FhirFailure 406 for a format, or 400 for a `_summary`, that is not offered.
    """
    found = negotiated(request)
    every = {**_validators(resource), "Vary": "Accept", **(headers or {})}
    if status == 200 and request.method in {"GET", "HEAD"} and not_modified(request, every):
        return Response(status_code=304, headers=every)
    content = rendered(subset(request, resource), found)
    return Response(content, status, every, media_type=found.content_type)


def no_content(status: int = 204, headers: Mapping[str, str] | None = None) -> Response:
    """An answer without a body: `Prefer: return=minimal`, a deletion, a job accepted."""
    return Response(status_code=status, headers=dict(headers or {}))


def failure_reply(
    request: Request, outcome: Json, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    """An OperationOutcome; in JSON where the format asked for is itself what cannot be had."""
    try:
        found = negotiated(request)
    except FhirFailure:
        found = Format("json")
    every = {"Vary": "Accept", **(headers or {})}
    return Response(rendered(outcome, found), status, every, media_type=found.content_type)


def rendered(resource: Json, found: Format) -> bytes:
    """The bytes of a resource. JSON is written as it stands: `+00:00` is not made a `Z`."""
    if found.kind == "xml":
        return _xml(resource, pretty=found.pretty)
    return orjson.dumps(resource, option=orjson.OPT_INDENT_2 if found.pretty else None)


def _xml(resource: Json, *, pretty: bool) -> bytes:
    try:
        return as_xml(resource, pretty=pretty)
    except InvalidResource as error:
        # Types that R4 lacks, such as ViewDefinition, have no XML.
        text = f"this answer cannot be had as XML: {error.what}"
        raise FhirFailure(406, "not-supported", text, expression=["http.Accept"]) from error


def not_modified(request: Request, headers: Mapping[str, str]) -> bool:
    """Does the client have this version? If-None-Match counts before If-Modified-Since."""
    wanted = request.headers.get("if-none-match")
    if wanted is not None:
        tags = {tag.strip().removeprefix("W/") for tag in wanted.split(",")}
        return "*" in tags or headers.get("ETag", "").removeprefix("W/") in tags
    since, modified = request.headers.get("if-modified-since"), headers.get("Last-Modified")
    if not since or not modified:
        return False
    try:
        return parsedate_to_datetime(modified) <= parsedate_to_datetime(since)
    except (TypeError, ValueError):
        return False


def http_date(instant: datetime) -> str:
    """An instant as HTTP headers have it, to the second (RFC 9110 5.6.7)."""
    return format_datetime(instant.astimezone(UTC).replace(microsecond=0), usegmt=True)


def _validators(resource: Json) -> dict[str, str]:
    meta = resource.get("meta", {})
    found = {}
    if version := meta.get("versionId"):
        found["ETag"] = f'W/"{version}"'
    if updated := meta.get("lastUpdated"):
        found["Last-Modified"] = http_date(datetime.fromisoformat(updated))
    return found
