"""FHIRPath's paths as closures over parsed JSON.

A closure takes one focus and gives what it finds the way JSON itself writes it: None for nothing,
a list for a collection, anything else for the one element. So an element of a resource is already
the result of naming it, and nothing is wrapped or copied on the way. (A null or a list that is an
element of its own stands in a list, so that it is not taken for nothing or for a collection.)

Each does what the same step of `adapter.mapping.fhirpath` does, for garbage too, and raises where
that fails. Here are elements and functions of collections; `adapter.mapping.operators` has what
stands between two operands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

Found = Any
"""None: nothing. A list: its elements. Anything else: one element."""

Run = Callable[[Any], Found]
Truth = Callable[[Any], bool | None]
"""A Run that gives True, False or None (nothing) alone."""


def elements(found: Found) -> Sequence[Any]:
    """What was found as a sequence; not to be changed, it may be part of the resource."""
    if isinstance(found, list):
        return found
    return () if found is None else (found,)


def has_value(element: Any, *, primitive: bool) -> bool:
    """Whether an element states a value: no null, and no bare extensions of a primitive."""
    return element is not None and not (primitive and isinstance(element, dict))


def only(found: Found) -> Any:
    """The one element, or None. Raises ValueError when there are several."""
    if not isinstance(found, list):
        return found
    if len(found) > 1:
        raise ValueError("several values where one is expected")
    return found[0] if found else None


def _one(element: Any) -> Found:
    """An element as a collection of one."""
    return [element] if element is None or isinstance(element, list) else element


def this(focus: Any) -> Found:
    """The focus itself."""
    return _one(focus)


def resource(focus: Any) -> Found:
    """The resource by its name, at the start of a path."""
    return focus


def given(found: Found) -> Found:
    """What is already found, to go on from."""
    return found


def constant(value: Found) -> Run:
    """A literal, whatever the focus."""
    return lambda _: value


# Navigation


def member(name: str) -> Run:
    """An element by its name; without a value the extensions that stand beside it (`_name`)."""
    beside = f"_{name}"

    def step(focus: Any) -> Found:
        if isinstance(focus, dict):
            found = focus.get(name)
            return focus.get(beside) if found is None else found
        return None

    return step


def path(names: Sequence[str]) -> Run:
    """Elements of elements by their names. Where each is one object, in one loop."""
    if len(names) == 1:
        return member(names[0])
    of_any = then(path(names[:-1]), member(names[-1]))
    links = [(name, f"_{name}") for name in names]

    def walk(focus: Any) -> Found:
        if focus.__class__ is not dict:
            return of_any(focus)
        found: Found = focus
        for name, beside in links:
            if found.__class__ is list and len(found) == 1:
                found = found[0]
            if found.__class__ is not dict:
                return of_any(focus)
            within, found = found, found.get(name)
            if found is None:
                return of_any(focus) if beside in within else None
        return found

    return walk


def choice(names: Sequence[str], wanted: Collection[str]) -> Run:
    """value[x] where its first JSON name that is there is one of the wanted."""
    probes = [
        (name, f"_{name}", _with_extensions(names[:at]))
        for at, name in enumerate(names)
        if name in wanted
    ]

    def probe(focus: Any) -> Found:
        if isinstance(focus, dict):
            for name, beside, before in probes:
                found = focus.get(name)
                if found is None:
                    found = focus.get(beside)
                if found is not None:
                    return found if _absent(before, focus) else None
        return None

    return probe


def _with_extensions(names: Sequence[str]) -> frozenset[str]:
    return frozenset(names) | {f"_{name}" for name in names}


def _absent(names: frozenset[str], focus: Mapping[str, Any]) -> bool:
    # The first of the names has none before it.
    return not names or names.isdisjoint(focus) or all(focus.get(name) is None for name in names)


def then(first: Run, step: Run) -> Run:
    """The step on each element of what comes first, the results in one collection (select)."""
    if first in (this, resource):
        return step

    def run(focus: Any) -> Found:
        found = first(focus)
        if isinstance(found, dict):
            return step(found)
        if isinstance(found, list):
            return step(found[0]) if len(found) == 1 else _flat(step, found)
        return None if found is None else step(found)

    return run


def _flat(step: Run, found: list[Any]) -> list[Any]:
    results: list[Any] = []
    for element in found:
        result = step(element)
        if isinstance(result, list):
            results += result
        elif result is not None:
            results.append(result)
    return results


def first_of(run: Run) -> Run:
    """first()"""

    def first(focus: Any) -> Found:
        found = run(focus)
        if isinstance(found, list):
            return _one(found[0]) if found else None
        return found

    return first


# Filters


def where(run: Run, holds: Truth) -> Run:
    """where() of a criterion that is true or not."""

    def filtered(focus: Any) -> Found:
        found = run(focus)
        if isinstance(found, list):
            return [element for element in found if holds(element) is True]
        return found if found is not None and holds(found) is True else None

    return filtered


def criterion(run: Run, *, primitive: bool) -> Truth:
    """A criterion that may find anything: one value that is not false (singleton evaluation)."""

    def holds(focus: Any) -> bool:
        found = [value for value in elements(run(focus)) if has_value(value, primitive=primitive)]
        return only(found) is not False if found else False

    return holds


def exists(run: Run) -> Truth:
    """exists()"""

    def truth(focus: Any) -> bool:
        found = run(focus)
        return bool(found) if isinstance(found, list) else found is not None

    return truth


def exists_where(run: Run, holds: Truth) -> Truth:
    """exists() of a criterion that cannot fail: it stops at the first element."""

    def truth(focus: Any) -> bool:
        found = run(focus)
        if not isinstance(found, list):
            return found is not None and holds(found) is True
        # A loop: any() of a generator takes twice the time.
        for element in found:  # noqa: SIM110
            if holds(element) is True:
                return True
        return False

    return truth


# References


def resource_key(focus: Any) -> Found:
    """getResourceKey() of the resource."""
    return _one(focus["id"]) if "id" in focus else None


def reference_keys(expected: str | None) -> Run:
    """getReferenceKey(): the id of what a Reference refers to, if it is of the expected type."""

    def step(focus: Any) -> Found:
        return reference_key(focus, expected)

    return step


def reference_key(reference: Any, expected: str | None) -> str | None:
    """The id in a Reference; None for contained, logical and urn references."""
    found = _REFERENCE.fullmatch(str(reference.get("reference", "")))
    if found is None or expected not in (None, found["type"]):
        return None
    return found["id"]


_REFERENCE = re.compile(
    r"(?:[a-z]+://.*/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/.+)?"
)
