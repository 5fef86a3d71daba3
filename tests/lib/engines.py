"""The two ways to evaluate a view, compiled and by fhirpathpy alone, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from adapter import artifacts
from adapter.definitions import Definitions, load
from adapter.errors import EvaluationFailed
from adapter.mapping.fhirpath import Path
from adapter.mapping.shadowed import without_shadowed
from adapter.mapping.view import View
from adapter.mapping.view_validate import Selection


@cache
def pairs() -> tuple[tuple[View, View], ...]:
    """Each shipped view: compiled, and left to fhirpathpy."""
    terminology = load().terminology
    definitions = artifacts.folder(files("mappings"), "ViewDefinition")
    return tuple(
        (View.load(each, terminology), View.load(each, terminology, compiled=False))
        for each in definitions
    )


@cache
def interpreted() -> Definitions:
    """The shipped definitions with every path left to fhirpathpy."""
    views: dict[str, tuple[View, ...]] = {}
    for _, judge in pairs():
        views[judge.resource] = (*views.get(judge.resource, ()), judge)
    return replace(load(), views=views)


def outcome(evaluate: Callable[[], object]) -> str:
    """What came of it, with the types of all values; that it failed, but not how."""
    try:
        return repr(evaluate())
    except EvaluationFailed:
        return "failed"


def disagreements(view: View, judge: View, resource: Mapping[str, Any]) -> Iterator[str]:
    """Where the compiled view finds something else than fhirpathpy, path by path."""
    tidy = without_shadowed(resource)
    for path, other in zip(view.where, judge.where, strict=True):
        yield from _compared(path, resource, other, tidy)
    for select, other_select in zip(view.selection.selects, judge.selection.selects, strict=True):
        yield from _in_select(select, resource, other_select, tidy)
    if outcome(lambda: view.rows(resource)) != outcome(lambda: judge.rows(resource)):
        yield f"rows of {view.name}"


def _in_select(select: Selection, node: Any, judge: Selection, other: Any) -> Iterator[str]:
    foci, others = [node], [other]
    if select.for_each and judge.for_each:
        yield from _compared(select.for_each, node, judge.for_each, other)
        try:
            foci, others = select.for_each.nodes(node), judge.for_each.nodes(other)
        except EvaluationFailed:
            return
    for focus, other_focus in zip(foci, others, strict=True):
        for column, other_column in zip(select.own, judge.own, strict=True):
            yield from _compared(column.path, focus, other_column.path, other_focus)


def _compared(path: Path, node: Any, judge: Path, other: Any) -> Iterator[str]:
    found, expected = outcome(lambda: path(node)), outcome(lambda: judge(other))
    if found != expected:
        yield f"{path.text}: {found}, fhirpathpy: {expected}"
