"""Codings that say why they have no code (`_code` with a data-absent-reason), as Oracle sends them.

To a view such a coding is one of its system without a code. Left as it is, `system & '|' & code`
has no text to join, and the whole resource would be refused for one coding of several.
"""

from __future__ import annotations

from typing import Any

_CONCEPTS = ("code", "medicationCodeableConcept", "valueCodeableConcept")


def without_empty_codes(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource with such codings of its code, drug or value as plain ones; else unchanged."""
    mended = {}
    for name in _CONCEPTS:
        concept = resource.get(name)
        codings = concept.get("coding") if isinstance(concept, dict) else None
        if isinstance(codings, list) and _has_empty(codings):
            mended[name] = {**resource[name], "coding": [_plain(coding) for coding in codings]}
    return {**resource, **mended} if mended else resource


def _has_empty(codings: list[Any]) -> bool:
    # A loop, and a look at what is rare first: any() of a generator takes three times as long.
    for coding in codings:
        if isinstance(coding, dict) and "_code" in coding and _is_empty(coding):
            return True
    return False


def _is_empty(coding: object) -> bool:
    return isinstance(coding, dict) and "_code" in coding and coding.get("code") is None


def _plain(coding: Any) -> Any:
    if not _is_empty(coding):
        return coding
    return {key: value for key, value in coding.items() if key not in ("_code", "code")}
