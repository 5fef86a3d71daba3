"""Codes: value set membership and concept translation, from the files in `mappings/`.

A coding is a token `system|code`. Another spelling of a system (NamingSystem) is the system; a
local code that a ConceptMap translates carries its targets along, so that views and value sets
only need the standard code. The `name` of a member value set is the label of what it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Concept:
    """A code within a value set: the label is the name of the member value set."""

    token: str
    label: str
    display: str
    rank: int


@dataclass(frozen=True, slots=True)
class Terminology:
    """value_sets: url -> token -> Concept. translations: token -> target tokens, in order."""

    value_sets: Mapping[str, Mapping[str, Concept]]
    translations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    systems: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[str, Mapping[str, Concept]] = field(init=False, repr=False, compare=False)
    """url -> token, as a sender may spell it, -> the concept that it is there."""

    def __post_init__(self) -> None:
        spelled: dict[str, list[str]] = {}
        for spelling, system in self.systems.items():
            spelled.setdefault(system, []).append(spelling)
        found = {
            url: dict(self._found(members, spelled)) for url, members in self.value_sets.items()
        }
        object.__setattr__(self, "found", found)

    def _found(
        self, members: Mapping[str, Concept], spelled: Mapping[str, list[str]]
    ) -> Iterator[tuple[str, Concept]]:
        translated = (
            token
            for token, targets in self.translations.items()
            if not members.keys().isdisjoint(targets)
        )
        for token in {*members, *translated}:
            system, _, code = token.partition("|")
            for sent in (token, *(f"{spelling}|{code}" for spelling in spelled.get(system, ()))):
                concepts = [members[each] for each in self.spellings(sent) if each in members]
                if concepts:
                    yield sent, min(concepts, key=_place)

    def knows(self, url: str) -> bool:
        """Whether a value set of this url is defined."""
        return url in self.value_sets

    def contains(self, url: str, system: str | None, code: str) -> bool:
        """Whether the code, or what it translates to, is in the value set (memberOf)."""
        members = self.value_sets[url]
        return any(token in members for token in self.spellings(f"{system or ''}|{code}"))

    def tokens(self, url: str) -> Set[str]:
        """Every token, under any spelling of its system, that `contains` finds in the value set."""
        return self.found[url].keys()

    def spellings(self, token: str) -> tuple[str, ...]:
        """The token under its system's preferred name, and its translations."""
        system, _, code = token.partition("|")
        preferred = f"{self.systems.get(system, system)}|{code}"
        return (preferred, *self.translations.get(preferred, ()))

    def find(self, url: str, tokens: Iterable[str]) -> Concept | None:
        """The concept of the value set that the codings name; of several, the first member's."""
        found = self.found[url]
        concepts = [found[token] for token in tokens if token in found]
        return min(concepts, key=_place) if len(concepts) > 1 else next(iter(concepts), None)


def _place(concept: Concept) -> tuple[int, str]:
    return concept.rank, concept.token


def build(
    value_sets: Iterable[Mapping[str, Any]],
    concept_maps: Iterable[Mapping[str, Any]],
    naming_systems: Iterable[Mapping[str, Any]],
) -> Terminology:
    """The terminology of these FHIR resources. Raises KeyError for an unknown included set."""
    systems = _system_spellings(naming_systems)
    by_url = {value_set["url"]: value_set for value_set in value_sets}
    members = {url: _members(url, by_url, systems) for url in by_url}
    return Terminology(members, _translations(concept_maps, systems), systems)


def _system_spellings(naming_systems: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    spellings = {}
    for naming in naming_systems:
        preferred = next(item["value"] for item in naming["uniqueId"] if item.get("preferred"))
        spellings.update({item["value"]: preferred for item in naming["uniqueId"]})
    return spellings


def _members(
    url: str, by_url: Mapping[str, Mapping[str, Any]], systems: Mapping[str, str]
) -> dict[str, Concept]:
    """Own codes first; then those of included sets, in the order of inclusion."""
    value_set = by_url[url]
    members: dict[str, Concept] = {}
    for rank, include in enumerate(value_set["compose"]["include"]):
        for concept in include.get("concept", ()):
            system = systems.get(include["system"], include["system"])
            token = f"{system}|{concept['code']}"
            name, display = value_set["name"], concept.get("display", "")
            members.setdefault(token, Concept(token, name, display, rank))
        for included in include.get("valueSet", ()):
            for token, found in _members(included, by_url, systems).items():
                members.setdefault(token, Concept(token, found.label, found.display, rank))
    return members


def _translations(
    concept_maps: Iterable[Mapping[str, Any]], systems: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    targets: dict[str, list[str]] = {}
    for concept_map in concept_maps:
        for group in concept_map["group"]:
            source = systems.get(group.get("source", ""), group.get("source", ""))
            target = systems.get(group["target"], group["target"])
            for element in group["element"]:
                found = targets.setdefault(f"{source}|{element['code']}", [])
                found += [
                    f"{target}|{to['code']}"
                    for to in element.get("target", ())
                    if to["equivalence"] in ("equal", "equivalent", "wider", "subsumes")
                ]
    return {token: tuple(dict.fromkeys(found)) for token, found in targets.items()}
