"""Compiled paths find what fhirpathpy finds, in resources as they come and in broken ones."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.definitions import Definitions, load
from adapter.mapping.resource import Mapper
from adapter.synthetic.hospital import resources
from tests.lib.engines import disagreements, interpreted, pairs

Place = tuple[Any, Any]
"""A container (object or array) and a key or index in it."""

ABSENT = {"extension": [{"url": "urn:x", "valueCode": "unknown"}]}
SCALARS: list[Any] = ["", "x", "3013-0", 0, 1, True, False, None, Decimal("1.10"), [], {}, [[]]]
CHOICES = ("value", "effective", "medication", "onset", "deceased", "performed", "item")
SUFFIXES = ("Quantity", "CodeableConcept", "String", "DateTime", "Period", "Boolean", "Reference")


@cache
def hospital() -> tuple[dict[str, Any], ...]:
    """A resource of each shape that the views read."""
    asked = {view.resource for view, _ in pairs()}
    shapes = {}
    for each in resources():
        if each["resourceType"] in asked:
            code = str(each.get("code"))
            shapes[(each["resourceType"], code, tuple(sorted(each)))] = each
    return tuple(shapes.values())


def places(node: Any) -> Iterator[Place]:
    """Every place below the node, its own type apart."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, child in list(items):
        if key != "resourceType":
            yield node, key
        if isinstance(child, (dict, list)):
            yield from places(child)


def drop(container: Any, key: Any, _: Any) -> None:
    del container[key]


def retype(container: Any, key: Any, value: Any) -> None:
    container[key] = copy.deepcopy(value)


def wrap(container: Any, key: Any, _: Any) -> None:
    container[key] = [container[key]]


def unwrap(container: Any, key: Any, _: Any) -> None:
    if isinstance(container[key], list) and container[key]:
        container[key] = container[key][0]


def double(container: Any, key: Any, _: Any) -> None:
    once = container[key]
    container[key] = [*once, *once] if isinstance(once, list) else [once, copy.deepcopy(once)]


def gap(container: Any, key: Any, value: Any) -> None:
    if isinstance(container[key], list):
        container[key].insert(0, copy.deepcopy(value))


def extend(container: Any, key: Any, value: Any) -> None:
    if isinstance(container, dict):
        container[f"_{key}"] = "http://loinc.org" if value == "x" else copy.deepcopy(ABSENT)


def leave_extension(container: Any, key: Any, value: Any) -> None:
    extend(container, key, value)
    container[key] = None


def rename(container: Any, key: Any, value: Any) -> None:
    if isinstance(container, dict):
        for choice in CHOICES:
            if key.startswith(choice):
                suffix = SUFFIXES[SCALARS.index(value) % len(SUFFIXES)]
                container[f"{choice}{suffix}"] = container[key]


def other_coding(container: Any, key: Any, value: Any) -> None:
    if key == "coding" and isinstance(container[key], list):
        container[key].insert(0, {"code": copy.deepcopy(value), "system": "http://loinc.org"})


MUTATIONS: list[Callable[[Any, Any, Any], None]] = [
    drop, retype, wrap, unwrap, double, gap, extend, leave_extension, rename, other_coding
]  # fmt: skip


@st.composite
def broken(draw: st.DrawFn) -> dict[str, Any]:
    """A resource of the synthetic hospital, up to four places of which are not as they were."""
    resource = copy.deepcopy(draw(st.sampled_from(hospital())))
    for _ in range(draw(st.integers(0, 4))):
        found = list(places(resource))
        if found:
            container, key = draw(st.sampled_from(found))
            draw(st.sampled_from(MUTATIONS))(container, key, draw(st.sampled_from(SCALARS)))
    return resource


@settings(max_examples=300)
@given(resource=broken())
def test_compiled_paths_agree_with_fhirpathpy(resource: dict[str, Any]) -> None:
    for view, judge in pairs():
        if view.resource == resource["resourceType"]:
            assert list(disagreements(view, judge, resource)) == []


@given(resource=broken())
def test_facts_are_the_same_by_both_engines(resource: dict[str, Any]) -> None:
    assert facts(load(), resource) == facts(interpreted(), resource)


def test_the_facts_of_the_whole_hospital_are_the_same_by_both_engines() -> None:
    for resource in resources():
        assert facts(load(), resource) == facts(interpreted(), resource)


@cache
def mapper(compiled: bool) -> Mapper:
    """One for all resources: what it has kept of others must not change a fact."""
    return Mapper(load() if compiled else interpreted(), "a", ZoneInfo("America/New_York"))


def facts(definitions: Definitions, resource: dict[str, Any]) -> object:
    """The facts, or how it was refused; whether it should have been is not judged here."""
    try:
        return mapper(definitions is load()).map(resource, "here:1")
    except Exception as error:
        return type(error)


def test_the_tokens_of_a_value_set_are_all_that_it_contains() -> None:
    terminology = load().terminology
    known = {token for members in terminology.value_sets.values() for token in members}
    sent = [
        (system, token.partition("|")[2])
        for token in known | terminology.translations.keys()
        for system in (None, token.partition("|")[0], *spellings(token.partition("|")[0]))
    ]
    for url in terminology.value_sets:
        contained = {(s, c) for s, c in sent if terminology.contains(url, s, c)}
        tokens = terminology.tokens(url)
        assert {(s, c) for s, c in sent if f"{s or ''}|{c}" in tokens} == contained
        assert {(s, c) for s, c in sent if terminology.find(url, [f"{s or ''}|{c}"])} == contained


def spellings(system: str) -> list[str]:
    """Every other way to write the name of a code system."""
    return [sent for sent, preferred in load().terminology.systems.items() if preferred == system]
