"""Bundles -> their resources, with references that only hold inside the Bundle resolved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adapter.errors import InvalidResource


def resources(bundle: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Entry number (from 0) and resource, urn: references turned into `Type/id`.

    An entry without a resource (a DELETE or a response) is passed over.
    """
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise InvalidResource("Bundle.entry is no list")
    names = {
        entry["fullUrl"]: f"{entry['resource'].get('resourceType')}/{entry['resource']['id']}"
        for entry in entries
        if isinstance(entry, dict)
        and isinstance(entry.get("resource"), dict)
        and isinstance(entry.get("fullUrl"), str)
        and entry["fullUrl"].startswith("urn:")
        and "id" in entry["resource"]
    }
    for number, entry in enumerate(entries):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            yield number, _resolved(resource, names)


def _resolved(node: Any, names: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {
            key: names.get(value, value)
            if key == "reference" and isinstance(value, str)
            else _resolved(value, names)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_resolved(item, names) for item in node]
    return node
