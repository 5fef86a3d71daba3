"""Which views can have rows of a resource, and what each still has to ask of it.

A hospital's resources are of few shapes: the elements they have, status, and codes of interest.
What follows from these alone is worked out for the first resource of a shape and kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from adapter.mapping.decide import Asked, Decision, Known
from adapter.mapping.fhirpath import MODEL
from adapter.mapping.recurring import KeyIn, Memo, is_own, keep, key_of
from adapter.mapping.view import Planned, View

MAX_PLANS = 4096
"""Shapes that are kept. Senders of garbage may have more; then it starts anew."""

THERE = "?"
"""Stands for a value of which it counts only that it is there."""


class Candidate(NamedTuple):
    """A view, and what gives its rows of a resource of one shape."""

    view: View
    rows: Planned


class Dispatch:
    """The views of one resource type."""

    def __init__(self, views: Sequence[View]) -> None:
        self._views = views
        decisions = [decision for view in views for decision in view.decisions]
        self._asked = _asked(decisions)
        self._there = frozenset(name for decision in decisions for name in decision.there)
        self._names = self._there.union(*(view.reads for view in views))
        self._texts = [name for name in sorted(self._names) if _is_code(views[0].resource, name)]
        conditions = {name for view in views for name in view.conditions_read if not is_own(name)}
        self._telling = conditions.union(self._texts, (asked.owner for asked in self._asked))
        self._plans: dict[object, list[Candidate]] = {}
        self._keys: dict[frozenset[str], tuple[KeyIn, list[str]]] = {}
        self._decided: Memo = {}
        self._parts: Memo = {}

    def candidates(self, resource: dict[str, Any]) -> Sequence[Candidate]:
        """The views, in their order, but for those that would find no row."""
        names = self._names.intersection(resource)
        if names not in self._keys:
            there = sorted(self._there & names)
            keep(self._keys, names, (key_of(sorted(self._telling & names)), there))
        key_in, there = self._keys[names]
        key = key_in(resource)
        if key is None:
            return self._of_shape(names, resource)
        known = (names, key, *[resource[name].__class__ for name in there])
        found: Sequence[Candidate] | None = self._decided.get(known)
        if found is None:
            found = list(self._settled(self._of_shape(names, resource), names, resource))
            keep(self._decided, known, found)
        return found

    def _settled(
        self, candidates: Iterable[Candidate], names: Set[str], resource: dict[str, Any]
    ) -> Iterator[Candidate]:
        """The candidates for all resources that are like this one in what tells."""
        for view, rows in candidates:
            left = rows.settled(resource, names - self._telling)
            if left is not None:
                yield Candidate(view, left)

    def _of_shape(self, names: frozenset[str], resource: dict[str, Any]) -> Sequence[Candidate]:
        """The candidates for all resources of the same shape."""
        values = {
            name: text
            for name in self._texts
            if name in names and isinstance(text := resource[name], str)
        }
        tokens = {
            asked: wanted & found
            for asked, wanted in self._asked.items()
            if asked.owner in names and (found := _tokens(resource, asked)) is not None
        }
        present = {
            name: THERE
            for name in self._there
            if name in names and resource[name].__class__ in (str, dict)
        }
        shape = (names, *present, *values.items(), *tokens.items())
        plan = self._plans.get(shape)
        if plan is None:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            plan = self._plans[shape] = list(self._planned(Known(names, values, tokens, present)))
        return plan

    def _planned(self, known: Known) -> Iterator[Candidate]:
        for view in self._views:
            rows = view.rows_of(known, self._parts)
            if rows is not None:
                yield Candidate(view, rows)


def _is_code(resource: str, name: str) -> bool:
    """Whether an element is of FHIR's type `code`: a word of a short list, such as a status."""
    of_choice = any(f"{resource}.{name}".startswith(choice) for choice in MODEL.choices)
    return not of_choice and not name.startswith("_") and MODEL.child(resource, name) == "code"


def _asked(decisions: Iterable[Decision]) -> Mapping[Asked, frozenset[str]]:
    wanted: dict[Asked, frozenset[str]] = {}
    for decision in decisions:
        for asked, tokens in decision.codes.items():
            wanted[asked] = wanted.get(asked, frozenset()).union(tokens)
    return wanted


def _tokens(resource: Mapping[str, Any], asked: Asked) -> set[str] | None:
    """The codings there as `system|code`; None where these are no CodeableConcepts, and each view
    shall say what it makes of them."""
    owner, inner, many = asked
    found = resource[owner]
    if not inner:
        return _of_concepts(found if many and isinstance(found, list) else [found])
    concepts, beside = [], f"_{inner}"
    for element in found if isinstance(found, list) else [found]:
        if not isinstance(element, dict) or beside in element:
            return None
        if (concept := element.get(inner)) is not None:
            concepts.append(concept)
    return _of_concepts(concepts)


def _of_concepts(concepts: list[Any]) -> set[str] | None:
    tokens: set[str] = set()
    for concept in concepts:
        if not isinstance(concept, dict):
            return None
        codings = concept.get("coding")
        if not isinstance(codings, list):
            # Text alone is no code.
            if "coding" in concept or "code" in concept:
                return None
            continue
        for coding in codings:
            if not isinstance(coding, dict):
                return None
            code = coding.get("code")
            if isinstance(code, str):
                tokens.add(f"{coding.get('system') or ''}|{code}")
    return tokens
