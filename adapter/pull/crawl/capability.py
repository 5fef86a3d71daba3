"""What a server says it can: its CapabilityStatement, read once a run (pull.md S9).

http://hl7.org/fhir/R4/capabilitystatement.html. Pure, but for `read`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from adapter.errors import ConfigurationError
from adapter.pull.transport.client import Client
from adapter.pull.transport.http import Reply

NOTHING: frozenset[str] = frozenset()
_R4 = re.compile(r"\s*4\.0(\.|-|$|\s)")


@dataclass(frozen=True, slots=True)
class Offered:
    """Of one resource type: search parameters, interactions and operations by name."""

    params: frozenset[str] = NOTHING
    interactions: frozenset[str] = NOTHING
    operations: frozenset[str] = NOTHING

    @property
    def searchable(self) -> bool:
        """Whether it can be searched; a list of interactions that is left out says nothing."""
        return not self.interactions or "search-type" in self.interactions


@dataclass(frozen=True, slots=True)
class Capability:
    """version, software, publisher: '' where not stated. types: None where there is no statement
    to be had, and everything is to be tried."""

    version: str = ""
    software: str = ""
    publisher: str = ""
    types: Mapping[str, Offered] | None = None
    operations: frozenset[str] = NOTHING
    warnings: tuple[str, ...] = field(default=())

    def offers(self, resource_type: str) -> bool:
        """Whether the type is there, as far as is known."""
        return self.types is None or resource_type in self.types

    def searches(self, resource_type: str, parameter: str) -> bool:
        """Whether the type can be searched by the parameter, as far as is known.

        A type without any parameter listed is one of which nothing is said. `_sort` must be listed.
        """
        if self.types is None:
            return parameter != "_sort"
        offered = self.types.get(resource_type)
        if offered is None or not offered.searchable:
            return False
        return parameter in offered.params or (not offered.params and parameter != "_sort")

    def history(self, resource_type: str) -> bool:
        """Whether a history of the whole type is advertised."""
        return self._has(resource_type, "history-type")

    def everything(self) -> bool:
        """Whether Patient/$everything is advertised."""
        patient = (self.types or {}).get("Patient", Offered())
        return bool({"everything", "patient-everything"} & patient.operations)

    def _has(self, resource_type: str, interaction: str) -> bool:
        return interaction in (self.types or {}).get(resource_type, Offered()).interactions


def parse(statement: Mapping[str, Any]) -> Capability:
    """What a CapabilityStatement says; parts that are malformed say nothing.

    Raises ConfigurationError for a FHIR version that is not 4.0.
    """
    version = _text(statement.get("fhirVersion"))
    if version and not _R4.match(version):
        raise ConfigurationError(
            f"the server speaks FHIR {version[:20]}, not R4 (4.0)",
            hint="name the server's R4 endpoint in base_url",
        )
    warnings = [] if version else ["the server does not state its FHIR version"]
    rest = next((part for part in _dicts(statement.get("rest"))), {})
    common = _names(rest.get("searchParam"), "name")
    types = {
        name: Offered(
            _names(each.get("searchParam"), "name") | common,
            _names(each.get("interaction"), "code"),
            _operations(each),
        )
        for each in _dicts(rest.get("resource"))
        if (name := _text(each.get("type")))
    }
    if not types:
        warnings.append("the server does not state what it holds")
    return Capability(
        version,
        _text(_dict(statement.get("software")).get("name")),
        _text(statement.get("publisher")),
        types or None,
        _operations(rest),
        tuple(warnings),
    )


async def read(client: Client) -> tuple[Capability, Reply]:
    """The server's capabilities, and the reply for its Date.

    A server without a statement, or with one that cannot be read, gets a warning. Raises
    ConfigurationError for another FHIR version, Unreachable where nothing answers or access is
    refused.
    """
    reply = await client.get(f"{client.base}/metadata")
    if reply.status in (401, 403):
        # Some guard even this, and still answer to searches.
        return Capability(warnings=(f"metadata is refused: HTTP {reply.status}",)), reply
    if reply.status != 200:
        return Capability(warnings=(f"no metadata: HTTP {reply.status}",)), reply
    try:
        statement = orjson.loads(reply.body)
    except ValueError:
        return Capability(warnings=("metadata is no JSON",)), reply
    if not isinstance(statement, dict) or statement.get("resourceType") != "CapabilityStatement":
        return Capability(warnings=("metadata is no CapabilityStatement",)), reply
    return parse(statement), reply


def _operations(part: Mapping[str, Any]) -> frozenset[str]:
    """By name and by the last part of the definition, as names differ."""
    stated = _dicts(part.get("operation"))
    defined = (_text(each.get("definition")).rpartition("/")[2] for each in stated)
    return _names(part.get("operation"), "name") | {each.lower() for each in defined if each}


def _names(items: object, key: str) -> frozenset[str]:
    return frozenset(name for each in _dicts(items) if (name := _text(each.get(key)).lstrip("$")))


def _dicts(items: object) -> list[Mapping[str, Any]]:
    return [each for each in items if isinstance(each, dict)] if isinstance(items, list) else []


def _dict(item: object) -> Mapping[str, Any]:
    return item if isinstance(item, dict) else {}


def _text(item: object) -> str:
    """A text as it may be shown: without what a terminal obeys."""
    return "".join(filter(str.isprintable, item)) if isinstance(item, str) else ""
