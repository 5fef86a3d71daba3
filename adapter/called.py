"""What people call a variable and its categories: the displays of `mappings/CodeSystem/variable`.

A code with a name in braces is a family: `recist_{time}` is any `recist_…`, and the display repeats
what stands there. What has no display is called by its code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from adapter import mapping_files
from analytics.study import Study

FILE = "CodeSystem/variable.json"
_FAMILY = re.compile(r"\\\{(\w+)\\\}")


def variable_name(variable: str) -> str:
    """`Thyroglobulin, prior to 3m` of `tg_prior_to_3m`."""
    return _display(variable) or variable


def category_name(variable: str, category: str, study: Study) -> str:
    """What a category of the variable is called; of `a+b` each part."""
    drivers = {driver.code: driver.label for driver in study.driver_classes}
    own: Mapping[str, str] = {"driver": drivers}.get(variable, {})
    parts = category.split("+")
    return " + ".join(own.get(part) or _display(f"{variable}.{part}") or part for part in parts)


@cache
def _display(code: str) -> str | None:
    for pattern, display in _displays():
        if found := pattern.fullmatch(code):
            said = {name: value.replace("_", " ") for name, value in found.groupdict().items()}
            return display.format(**said)
    return None


@cache
def _displays() -> tuple[tuple[re.Pattern[str], str], ...]:
    """In the order of the file, so that a code stands before the family to which it belongs."""
    system = json.loads((mapping_files.root() / FILE).read_text(encoding="utf-8"))
    return tuple(
        (re.compile(_FAMILY.sub(r"(?P<\1>[^.]+)", re.escape(concept["code"]))), concept["display"])
        for concept in _concepts(system["concept"])
    )


def _concepts(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for concept in found:
        yield concept
        yield from _concepts(concept.get("concept", []))
