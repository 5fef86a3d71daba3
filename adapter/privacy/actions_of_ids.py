"""Actions for ids and references: their pseudonyms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapter.privacy.actions_of_words import text
from adapter.privacy.pseudonyms import WITHHELD, is_id
from adapter.privacy.run import Hold, Run, Step
from adapter.privacy.setting import Setting, withheld


def pseudonym(of: Setting, resource_type: str, path: str) -> Step:
    """The id of a resource. Withholds the resource where it is none."""

    def pseudonym(value: Any, run: Run) -> Any:
        if not is_id(value):
            raise Hold("an id that FHIR does not allow", path)
        return of.names.of(resource_type or path.partition(".")[0], value)

    return pseudonym


def contained_id(of: Setting, _: str, path: str) -> Step:
    """The id of a contained resource, which is a name within its container."""

    def local(value: Any, run: Run) -> Any:
        return value if is_id(value) else withheld(value, run, path, "no id")

    return local


def ref(of: Setting, expected: str, path: str) -> Step:
    """A Reference: its literal reference, and nothing else of it."""

    def reference(value: Any, run: Run) -> Any:
        if value.__class__ is not dict:
            return withheld(value, run, path, "no Reference")
        stays = _target(of, value, expected)
        if len(value) != 1 or not stays:
            run.count(path, "identifier or display of a reference")
        return stays or None

    return reference


def named(of: Setting, expected: str, path: str) -> Step:
    """A Reference of which the display is read as text."""
    display = text(of, "", f"{path}.display")

    def reference(value: Any, run: Run) -> Any:
        if value.__class__ is not dict:
            return withheld(value, run, path, "no Reference")
        stays = _target(of, value, expected)
        if "display" in value:
            stays["display"] = display(value["display"], run)
        if value.keys() - {"reference", "type", "display"}:
            run.count(path, "identifier of a reference")
        return stays or None

    return reference


def _target(of: Setting, value: Mapping[str, Any], expected: str) -> dict[str, Any]:
    literal, stated = value.get("reference"), value.get("type")
    if not isinstance(literal, str):
        return {} if literal is None else {"reference": WITHHELD}
    if literal.startswith("urn:"):
        expected = expected or (stated if isinstance(stated, str) and is_id(stated) else "")
        return {"reference": of.names.reference(literal, expected)}
    return {"reference": of.names.reference(literal)}
