"""Bundles -> their resources, with references that only hold inside the Bundle resolved.

FHIR R4, bundle.html#references: an entry is named by its fullUrl, whatever its resource's id is. A
resource without an id gets that of its request (PUT) or of its fullUrl.

A request to DELETE `Type/id`, as in `deleted` files of Bulk Data exports or in a history, comes
as the tombstone of that resource (`adapter.mapping.stamp.deletion`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from adapter.errors import InvalidResource
from adapter.mapping.stamp import deletion

_PLACE = re.compile(
    r"(?:^urn:uuid:|^urn:oid:|(?:^|/)(?P<type>[A-Z][A-Za-z]+)/)(?P<id>[A-Za-z0-9\-.]{1,64})$"
)
_CONDITIONAL = re.compile(r"Patient\?identifier=(?P<system>[^|]*)\|(?P<value>.+)")


def resources(bundle: Mapping[str, Any]) -> Iterator[tuple[int, Any]]:
    """Entry number (from 0) and resource, references within the Bundle turned into `Type/id`.

    A DELETE comes as a tombstone; any other entry without a resource (a response) is passed over.
    What is no JSON object where an entry or a resource belongs comes first, as it is.
    """
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise InvalidResource("Bundle.entry is no list")
    found, gone = [], []
    for number, entry in enumerate(entries):
        resource = entry.get("resource", entry) if isinstance(entry, dict) else None
        if not isinstance(resource, dict):
            yield number, entry
        elif _is_delete(entry):
            gone.append((number, entry))
        elif resource is not entry:
            found.append((number, entry, _with_id(entry)))
    names: dict[str, str] = {}
    for _, entry, resource in found:
        names |= dict.fromkeys(_names(entry, resource), _place(resource))
    for number, _, resource in found:
        yield number, _resolved(resource, names)
    # A transaction deletes first (http.html#trules), so that what it also puts is there.
    in_order = bundle.get("type") != "history"
    alive = {_place(resource) for _, _, resource in found} if in_order else set()
    yield from _tombstones(gone, bundle, alive)


def _is_delete(entry: Mapping[str, Any]) -> bool:
    request = entry.get("request")
    return isinstance(request, dict) and request.get("method") == "DELETE"


def _tombstones(
    gone: Iterable[tuple[int, Mapping[str, Any]]], bundle: Mapping[str, Any], alive: Set[str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Tombstones, dated by the entry's response, else by the Bundle's own lastUpdated.

    Raises InvalidResource, after all others, where one deletes what is not named by type and id:
    which resources that is, only the server knows.
    """
    meta = bundle.get("meta")
    unnamed = False
    for number, entry in gone:
        url, response = entry["request"].get("url"), entry.get("response")
        place = _DELETED.search(url) if isinstance(url, str) else None
        when = response.get("lastModified") if isinstance(response, dict) else None
        if when is None and isinstance(meta, dict):
            when = meta.get("lastUpdated")
        if place is None:
            unnamed = True
        elif f"{place['type']}/{place['id']}" not in alive:
            yield number, deletion(place["type"], place["id"], when)
    if unnamed:
        raise InvalidResource("a DELETE of what is not named by type and id")


_DELETED = re.compile(r"(?:^|/)(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})$")


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
