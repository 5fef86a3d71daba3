"""Codes of a resource that nothing used: which were meant for a fact table, which for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from adapter.coverage.suggest import Suggester
from adapter.coverage.watch import Watch
from adapter.mapping.mapped import Unmapped

CODED = ("code", "medicationCodeableConcept")
"""The elements that say what a resource is about."""
_CACHED = 65_536

Coding = tuple[str, str, str]
"""system, code, display"""


class NearMisses:
    """Near misses of one resource after another; what a code is like is asked once for each code.

    Only what a resource is called counts here: whether a view used it is the caller's to know.
    """

    def __init__(self, watch: Watch, suggester: Suggester) -> None:
        self._silent = watch.silent

        @lru_cache(maxsize=_CACHED)
        def tables(resource_type: str, coding: Coding) -> tuple[str, ...] | None:
            if suggester.known(*coding[:2]):
                return None
            return tuple(dict.fromkeys(suggester.tables(resource_type, *coding)))

        self._tables = tables

    def of(self, resource: Mapping[str, Any]) -> Iterator[Unmapped]:
        """The codes that are called, or written, almost like what a fact table holds.

        No code where one of them is known: the resource then says nothing for another reason.
        """
        if resource.get("status") in self._silent:
            return
        resource_type = str(resource.get("resourceType"))
        found = [(each, self._tables(resource_type, each)) for each in codings(resource)]
        if all(tables is not None for _, tables in found):
            for (system, code, display), tables in found:
                for table in tables or ():
                    yield Unmapped("code", system, code, display, table)


def codings(resource: Mapping[str, Any]) -> list[Coding]:
    """What the resource is about; a coding without a display is called what the text says."""
    return [found for name in CODED for found in _codings(resource.get(name))]


def _codings(concept: object) -> Iterator[Coding]:
    if not isinstance(concept, Mapping):
        return
    text, listed = _text(concept.get("text")), concept.get("coding")
    listed = listed if isinstance(listed, list) else []
    found = [each for each in listed if isinstance(each, Mapping)]
    for each in found:
        # With its blanks: they are what makes it another code.
        code = each["code"] if isinstance(each.get("code"), str) else ""
        display = _text(each.get("display")) or text
        if code or display:
            yield _text(each.get("system")), code, display
    if not found and text:
        yield "", "", text


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
