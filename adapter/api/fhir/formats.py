"""Content types: what a client sends, and what it wants (FHIR R4 http.html#mime-type)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fastapi import Request

from adapter.api.fhir.failures import FhirFailure

Kind = Literal["json", "xml"]

KINDS: dict[str, Kind] = {
    "application/fhir+json": "json",
    "application/json": "json",
    "text/json": "json",
    "application/json+fhir": "json",
    "json": "json",
    "application/fhir+xml": "xml",
    "application/xml": "xml",
    "text/xml": "xml",
    "application/xml+fhir": "xml",
    "xml": "xml",
}
"""Content types and short names → the kind of syntax."""
_ANY = {"*/*", "*", "application/*", "text/*"}
_VERSIONS = {"", "4.0", "4.0.1"}


@dataclass(frozen=True, slots=True)
class Format:
    """kind: of syntax. pretty: indented. version: the fhirVersion that the client named, or ''."""

    kind: Kind
    pretty: bool = False
    version: str = ""

    @property
    def content_type(self) -> str:
        """The value of Content-Type."""
        named = f"; fhirVersion={self.version}" if self.version else ""
        return f"application/fhir+{self.kind}; charset=utf-8{named}"


@dataclass(frozen=True, slots=True)
class _Range:
    name: str
    quality: float
    parameters: dict[str, str]


def negotiated(request: Request) -> Format:
    """The format that a request wants: `_format`, else Accept, else JSON.

    Raises FhirFailure 406.
    """
    pretty = request.query_params.get("_pretty", "").lower() == "true"
    asked = request.query_params.get("_format")
    if asked:
        # A `+` that was not escaped arrives as a space.
        stated = asked.replace(" ", "+") if ";" not in asked else asked.replace("fhir ", "fhir+")
        return _offered(media_ranges(stated), pretty, "_format")
    accept = request.headers.get("accept") or "*/*"
    return _offered(media_ranges(accept), pretty, "Accept")


def kind_of(content_type: str) -> Kind:
    """The syntax of a body. Raises FhirFailure 415; a body without a type is JSON."""
    found = media_ranges(content_type)
    if not found:
        return "json"
    kind = KINDS.get(found[0].name)
    if kind is None:
        raise FhirFailure(
            415,
            "not-supported",
            "this Content-Type is not read: send application/fhir+json or application/fhir+xml",
            expression=["http.Content-Type"],
            headers={"Accept": "application/fhir+json, application/fhir+xml"},
        )
    if found[0].parameters.get("fhirversion", "") not in _VERSIONS:
        raise FhirFailure(
            415,
            "not-supported",
            "FHIR version 4.0 is read",
            expression=["http.Content-Type"],
        )
    return kind


def media_ranges(header: str) -> list[_Range]:
    """The members of an Accept header, the most wanted first."""
    found = []
    for member in header.split(","):
        name, *rest = (part.strip() for part in member.split(";"))
        if not name:
            continue
        pairs = (part.partition("=") for part in rest)
        parameters = {key.strip().lower(): value.strip(' "') for key, _, value in pairs}
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            quality = 0.0
        found.append(_Range(name.lower(), quality, parameters))
    return sorted(found, key=lambda item: -item.quality)


def _offered(ranges: list[_Range], pretty: bool, where: str) -> Format:
    for item in ranges:
        version = item.parameters.get("fhirversion", "")
        if item.quality <= 0 or version not in _VERSIONS:
            continue
        kind = "json" if item.name in _ANY else KINDS.get(item.name)
        if kind is not None:
            return Format(kind, pretty, version)
    raise FhirFailure(
        406,
        "not-supported",
        "offered are application/fhir+json and application/fhir+xml, fhirVersion 4.0",
        expression=[f"http.{where}"],
    )
