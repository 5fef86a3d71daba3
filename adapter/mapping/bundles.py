"""Bundles -> their resources, with references that only hold inside the Bundle resolved.

FHIR R4, bundle.html#references: an entry is named by its fullUrl, whatever its resource's id is. A
resource without an id gets that of its request (PUT) or of its fullUrl.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from adapter.errors import InvalidResource

_PLACE = re.compile(
    r"(?:^urn:uuid:|^urn:oid:|(?:^|/)(?P<type>[A-Z][A-Za-z]+)/)(?P<id>[A-Za-z0-9\-.]{1,64})$"
)
_CONDITIONAL = re.compile(r"Patient\?identifier=(?P<system>[^|]*)\|(?P<value>.+)")


def resources(bundle: Mapping[str, Any]) -> Iterator[tuple[int, Any]]:
    """Entry number (from 0) and resource, references within the Bundle turned into `Type/id`.

    An entry without a resource (a DELETE or a response) is passed over. What is no JSON object
    where an entry or a resource belongs comes first, as it is.
    """
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise InvalidResource("Bundle.entry is no list")
    found = []
    for number, entry in enumerate(entries):
        resource = entry.get("resource", entry) if isinstance(entry, dict) else None
        if not isinstance(resource, dict):
            yield number, entry
        elif resource is not entry:
            found.append((number, entry, _with_id(entry)))
    names: dict[str, str] = {}
    for _, entry, resource in found:
        names |= dict.fromkeys(_names(entry, resource), _place(resource))
    for number, _, resource in found:
        yield number, _resolved(resource, names)


def _with_id(entry: Mapping[str, Any]) -> dict[str, Any]:
    resource: dict[str, Any] = entry["resource"]
    if "id" in resource:
        return resource
    request = entry.get("request")
    asked = request.get("url") if isinstance(request, dict) else None
    for url in (asked, entry.get("fullUrl")):
        place = _PLACE.search(url) if isinstance(url, str) else None
        if place and place["type"] in (None, resource.get("resourceType")):
            return {**resource, "id": place["id"]}
    return resource


def _place(resource: Mapping[str, Any]) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def _names(entry: Mapping[str, Any], resource: Mapping[str, Any]) -> Iterator[str]:
    """What references within the Bundle may call the entry."""
    if "id" not in resource:
        return
    if isinstance(entry.get("fullUrl"), str):
        yield entry["fullUrl"]
    if resource.get("resourceType") == "Patient" and isinstance(resource.get("identifier"), list):
        for identifier in resource["identifier"]:
            if isinstance(identifier, dict) and identifier.get("value"):
                yield _identity(identifier)


def _identity(identifier: Mapping[str, Any]) -> str:
    return f"Patient?{identifier.get('system', '')}|{identifier.get('value')}"


def _resolved(node: Any, names: Mapping[str, str]) -> Any:
    if isinstance(node, list):
        return [_resolved(item, names) for item in node]
    if not isinstance(node, dict):
        return node
    inner = {key: _resolved(value, names) for key, value in node.items()}
    target = names.get(_called(node))
    return {**inner, "reference": target} if target else inner


def _called(node: Mapping[str, Any]) -> str:
    """The name by which a Reference calls its target; '' for anything else."""
    reference, identifier = node.get("reference"), node.get("identifier")
    if isinstance(reference, str):
        asked = _CONDITIONAL.fullmatch(reference)
        return _identity(asked.groupdict()) if asked else reference
    # Patient alone: what has an identifier and no resourceType is a Reference by it.
    by_identifier = isinstance(identifier, dict) and "resourceType" not in node
    return _identity(identifier) if by_identifier else ""  # type: ignore[arg-type]
