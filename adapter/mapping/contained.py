"""Contained Medications put where the reference to them stands.

A contained resource has no identity outside its container (FHIR R4, references.html#contained), so
it can be no fact of the site and no link can lead to it. Its codes, those of its ingredients and
its names become the `medicationCodeableConcept` of the resource that contains it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_SUBSTANCES = ("Medication", "Substance")
MAX_DEPTH = 5
"""A Medication of Medications of Substances; a circle of references ends here."""


def with_contained(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource with its contained Medication in place; unchanged where it refers to none."""
    contained, reference = resource.get("contained"), resource.get("medicationReference")
    if not isinstance(contained, list) or not isinstance(reference, Mapping):
        return resource
    by_id = {
        f"#{each.get('id')}": each
        for each in contained
        if isinstance(each, Mapping) and each.get("resourceType") in _SUBSTANCES
    }
    concepts = list(_concepts(reference, by_id, MAX_DEPTH))
    if not concepts:
        return resource
    kept = {key: value for key, value in resource.items() if key != "medicationReference"}
    return {**kept, "medicationCodeableConcept": _merged(concepts)}


def _concepts(
    reference: Mapping[str, Any], contained: Mapping[str, Mapping[str, Any]], depth: int
) -> Iterator[Mapping[str, Any]]:
    """The CodeableConcepts of what a local reference leads to, its own before its parts'."""
    target = contained.get(str(reference.get("reference")))
    if target is None or depth == 0:
        return
    if isinstance(target.get("code"), Mapping):
        yield target["code"]
    ingredients = target.get("ingredient")
    for part in ingredients if isinstance(ingredients, list) else ():
        for name in ("itemCodeableConcept", "substanceCodeableConcept"):
            if isinstance(part, Mapping) and isinstance(part.get(name), Mapping):
                yield part[name]
        for name in ("itemReference", "substanceReference"):
            if isinstance(part, Mapping) and isinstance(part.get(name), Mapping):
                yield from _concepts(part[name], contained, depth - 1)


def _merged(concepts: list[Mapping[str, Any]]) -> dict[str, Any]:
    lists = (concept.get("coding") for concept in concepts)
    codings = [coding for each in lists if isinstance(each, list) for coding in each]
    texts = [concept["text"] for concept in concepts if isinstance(concept.get("text"), str)]
    return {"coding": codings, "text": " + ".join(texts)}
