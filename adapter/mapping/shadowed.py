"""Extensions of primitives that have a value (`_code` beside `code`): no path finds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def without_shadowed(element: Any) -> Any:
    """The element without the extensions of primitives that have a value (`_code` beside `code`).

    fhirpathpy takes the two for two values: `code = 'x'` would be false, which loses facts.
    """
    if isinstance(element, dict):
        return {
            key: without_shadowed(child) if isinstance(child, (dict, list)) else child
            for key, child in unshadowed(element)
        }
    if isinstance(element, list):
        return [without_shadowed(child) for child in element]
    return element


def unshadowed(element: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The members of an object, less the extensions of primitives that have a value."""
    for key, child in element.items():
        if key[0:1] != "_" or element.get(key[1:]) is None:
            yield key, child
