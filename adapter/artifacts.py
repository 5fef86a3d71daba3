"""Reading the files of `mappings/`: JSON and TOML that must hold together one by one."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from adapter.errors import DefinitionError

CANONICAL = {
    "resourceType", "id", "meta", "extension", "url", "identifier", "version", "name", "title",
    "status", "experimental", "date", "publisher", "contact", "description", "useContext",
    "jurisdiction", "purpose", "copyright",
}  # fmt: skip
# Keys of R4 resources that we read; a misspelt key is an error, not a silent nothing.
KEYS: dict[str, set[str]] = {
    "ValueSet": {*CANONICAL, "immutable", "compose"},
    "ConceptMap": {*CANONICAL, "sourceUri", "sourceCanonical", "targetUri", "targetCanonical",
                   "group", "text"},
    "NamingSystem": {*CANONICAL, "kind", "responsible", "type", "usage", "uniqueId"},
}  # fmt: skip
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
_LOINC_CODE = re.compile(r"\d{1,7}-\d")


def listing(folder: Traversable, ending: str = "") -> list[Traversable]:
    """The files of a folder by name; none where the folder is missing."""
    if not folder.is_dir():
        return []
    found = [item for item in folder.iterdir() if item.is_file() and item.name.endswith(ending)]
    return sorted(found, key=lambda item: item.name)


def read_json(file: Traversable | Path) -> dict[str, Any]:
    """One JSON object. Raises DefinitionError naming the file."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DefinitionError(f"cannot be read as JSON: {error}", where=str(file)) from error
    if not isinstance(content, dict):
        raise DefinitionError("is no JSON object", where=str(file))
    return content


def read_toml(file: Traversable) -> dict[str, Any]:
    """One TOML document. Raises DefinitionError naming the file."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DefinitionError(f"cannot be read as TOML: {error}", where=str(file)) from error


def folder(root: Traversable, resource_type: str) -> list[dict[str, Any]]:
    """All resources of `mappings/<resource_type>/`; a file's name is its resource's id."""
    found = []
    for file in listing(root / resource_type, ".json"):
        where = f"mappings/{resource_type}/{file.name}"
        resource = read_json(file)
        check(resource, resource_type, where)
        if resource.get("id") != file.name.removesuffix(".json"):
            raise DefinitionError("the id is not the file's name", where=where)
        found.append(resource)
    return found


def check(resource: Mapping[str, Any], resource_type: str, where: str, *, own: bool = True) -> None:
    """The resource is of its type, has no unknown key, and its codes have right check digits."""
    if resource.get("resourceType") != resource_type:
        raise DefinitionError(f"is no {resource_type}", where=where)
    if resource_type in KEYS:
        refuse_unknown(resource, KEYS[resource_type], where)
    try:
        codes = list(_codes(resource, own=own))
    except (KeyError, TypeError, AttributeError) as error:
        raise DefinitionError(
            f"is not a {resource_type} that we can read: {error}", where=where
        ) from error
    for system, code in codes:
        if not check_digit_holds(system, code):
            raise DefinitionError(f"{system} has no code {code}: wrong check digit", where=where)


def _codes(resource: Mapping[str, Any], *, own: bool) -> Iterable[tuple[str, str]]:
    for include in resource.get("compose", {}).get("include", ()):
        yield from ((include["system"], item["code"]) for item in include.get("concept", ()))
    for group in resource.get("group", ()):
        for element in group["element"]:
            if own:
                yield group.get("source", ""), element["code"]
            # What is reviewed and means nothing here is `unmatched`, without a code.
            yield from (
                (group["target"], target["code"])
                for target in element.get("target", ())
                if target["equivalence"] != "unmatched"
            )


def refuse_unknown(stated: Mapping[str, Any], known: set[str], where: str) -> None:
    """Raise DefinitionError for the keys that nothing reads."""
    if unknown := sorted(set(stated) - known):
        raise DefinitionError(f"unknown key {', '.join(unknown)}", where=where)


def check_digit_holds(system: str, code: str) -> bool:
    """LOINC's mod-10 and SNOMED CT's Verhoeff check digits; other systems have none."""
    if system == LOINC and _LOINC_CODE.fullmatch(code):
        return _loinc_holds(code)
    if system == SNOMED:
        return code.isdigit() and _verhoeff_holds(code)
    return True


def _loinc_holds(code: str) -> bool:
    number, _, digit = code.partition("-")
    odd, even = number[::-1][0::2][::-1], number[::-1][1::2]
    total = sum(map(int, str(int(odd) * 2))) + sum(map(int, even))
    return (10 - total % 10) % 10 == int(digit)


# Multiplication in the dihedral group D5 and the permutation of Verhoeff's scheme.
_TIMES = tuple(
    tuple(
        (a + b) % 5 if a < 5 and b < 5
        else (a + b) % 5 + 5 if a < 5
        else (a - b) % 5 + 5 if b < 5
        else (a - b) % 5
        for b in range(10)
    )
    for a in range(10)
)  # fmt: skip
_PERMUTE = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _verhoeff_holds(code: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(code)):
        value = int(digit)
        for _ in range(place % 8):
            value = _PERMUTE[value]
        check = _TIMES[check][value]
    return check == 0
