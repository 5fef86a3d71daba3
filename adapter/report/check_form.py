"""A report's form by our own rules: nothing empty, nothing dangling, no patient in a summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from adapter.elements import Json
from adapter.report.narrative import narrative

PATIENT_LEVEL = {"evaluatedResource", "subjectResults", "div"}


def shape_problems(value: Any, path: str) -> Iterator[str]:
    """No null, nothing empty, no count or score that is text, no number that JSON lacks."""
    if value is None or value in ("", [], {}):
        yield f"{path} is empty"
    elif isinstance(value, float) and not isfinite(value):
        yield f"{path} is no finite number"
    elif isinstance(value, dict):
        yield from _numbers(value, path)
        for name, member in value.items():
            yield from shape_problems(member, f"{path}.{name}")
    elif isinstance(value, list):
        for place, member in enumerate(value):
            yield from shape_problems(member, f"{path}[{place}]")


def _numbers(element: Json, path: str) -> Iterator[str]:
    if not isinstance(element.get("count", 0), int):
        yield f"{path}.count is no whole number"
    if not isinstance(element.get("measureScore", {"value": 0}).get("value"), int | float):
        yield f"{path}.measureScore.value is no number"


def reference_problems(report: Mapping[str, Any]) -> Iterator[str]:
    """What is contained is referred to (dom-3), and what is referred to is contained (ref-1)."""
    held = {f"#{resource.get('id')}" for resource in report.get("contained", ())}
    asked = {reference for reference in _references(report) if reference.startswith("#")}
    for name in sorted(held ^ asked):
        yield f"{name} is contained or referred to, but not both"


def privacy_problems(report: Mapping[str, Any]) -> Iterator[str]:
    """What a summary says of a patient. Its narrative is the one that is made from the report."""
    bare = {name: value for name, value in report.items() if name != "text"}
    for name in sorted(PATIENT_LEVEL & set(_names(bare))):
        yield f"{name} has no place in a summary"
    if "text" in report and report["text"] != narrative(report):
        yield "the narrative is not the one made from the report"
    for place, resource in enumerate(report.get("contained", ())):
        for name in ("subject", "patient", "focus"):
            if name in resource:
                yield f"contained[{place}].{name} has no place in a summary"
    if any("Patient/" in reference for reference in _references(report)):
        yield "a reference names a patient"


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from _names(member)
    elif isinstance(value, list):
        for member in value:
            yield from _names(member)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            if name == "reference" and isinstance(member, str):
                yield member
            yield from _references(member)
    elif isinstance(value, list):
        for member in value:
            yield from _references(member)
