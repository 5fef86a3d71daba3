"""What a line or a Bundle entry must be before it is kept: one FHIR R4 resource in JSON.

Only its frame is checked: JSON in UTF-8 no deeper than 1024 (orjson's limit), the type, the id
(http://hl7.org/fhir/R4/datatypes.html#id) and stray nulls (http://hl7.org/fhir/R4/json.html#null).
Reasons name element paths, never values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import orjson

from adapter import mapping_files

BOM = b"\xef\xbb\xbf"
GZIP = b"\x1f\x8b"
BLANK = b" \t\r\n"

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


class Checked(NamedTuple):
    """A resource, and its JSON in one line without a line break."""

    resource: dict[str, Any]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """What goes to quarantine: why, and its bytes."""

    reason: str
    raw: bytes


@cache
def known_types() -> frozenset[str]:
    """The resource types of FHIR R4."""
    text = mapping_files.root().joinpath("ValueSet/resource-types.json").read_text(encoding="utf-8")
    include = json.loads(text)["compose"]["include"]
    return frozenset(each["code"] for part in include for each in part["concept"])


def checked(raw: bytes, expected: str | None) -> Checked | Refused:
    """The resource of a line, or why it is refused. expected: its type; None: any of R4.

    Line breaks, which JSON may have between its tokens only, become blanks.
    """
    try:
        resource = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return Refused(_instead(raw), raw)
    except RecursionError:
        return Refused("nested too deeply", raw)
    if type(resource) is not dict:
        return Refused("JSON, but no object", raw)
    found, name = resource.get("id"), resource.get("resourceType")
    # What nearly every line passes, without a call of its own.
    framed = name == expected and type(found) is str and ID.fullmatch(found) is not None
    reason = None if framed else _frame_refused(resource, expected)
    if reason is None and b"null" in raw:
        reason = _null_refused(resource)
    if reason is not None:
        return Refused(reason, raw)
    if raw[0] != OPEN or raw[-1] != CLOSE or b"\n" in raw or b"\r" in raw:
        raw = raw.strip().translate(_BREAKS)
    return Checked(resource, raw)


OPEN, CLOSE = b"{}"
_BREAKS = bytes.maketrans(b"\r\n", b"  ")


def _frame_refused(resource: dict[str, Any], expected: str | None) -> str | None:
    """What is wrong with the type or the id."""
    found, name = resource.get("id"), resource.get("resourceType")
    known = name == (expected or name) and isinstance(name, str) and name in known_types()
    if known and type(found) is str and ID.fullmatch(found):
        return None
    return _type_refused(name, expected) or _id_refused(found, str(name))


def _type_refused(found: object, expected: str | None) -> str | None:
    if not isinstance(found, str):
        return "no resourceType"
    if found not in known_types():
        return "a resourceType that FHIR R4 does not have"
    if expected is not None and found != expected:
        return f"a {found} where {expected} was expected"
    return None


# Written by servers for the transport; they need no id (http://hl7.org/fhir/R4/resource.html).
_WITHOUT_ID = frozenset({"Bundle", "OperationOutcome", "Parameters"})


def _id_refused(found: object, resource_type: str) -> str | None:
    if found is None:
        return None if resource_type in _WITHOUT_ID else "no id"
    well_formed = isinstance(found, str) and ID.fullmatch(found)
    return None if well_formed else "an id that is not well-formed"


def _null_refused(resource: dict[str, Any]) -> str | None:
    """Where null stands and may not: FHIR has it only in arrays of primitives, as a place-holder
    for an element whose extensions stand in the array of the same name with an underscore."""
    for path in _nulls(resource):
        return f"null at {path}"
    return None


def _nulls(resource: dict[str, Any]) -> Iterator[str]:
    left: list[tuple[str, Any]] = [(str(resource["resourceType"]), resource)]
    while left:
        path, value = left.pop()
        if isinstance(value, dict):
            for name, child in value.items():
                if child is None:
                    yield f"{path}.{name}"
                elif isinstance(child, list) and _holds_places(value, name, child):
                    left.append((f"{path}.{name}", [each for each in child if each is not None]))
                else:
                    left.append((f"{path}.{name}", child))
        elif isinstance(value, list):
            if None in value:
                yield f"{path}[{value.index(None)}]"
            left.extend((f"{path}[{number}]", child) for number, child in enumerate(value))


def _holds_places(owner: dict[str, Any], name: str, values: list[Any]) -> bool:
    """Whether each null of the array has its counterpart in the array beside it."""
    if None not in values:
        return False
    beside = owner.get(name[1:] if name.startswith("_") else f"_{name}")
    if not isinstance(beside, list) or len(beside) != len(values):
        return False
    return all(a is not None or b is not None for a, b in zip(values, beside, strict=True))


def _instead(raw: bytes) -> str:
    """What bytes that are no JSON are, without quoting them."""
    start = raw[:64].removeprefix(BOM).lstrip(BLANK)
    if not start:
        return "blank"
    if start.startswith(b"<"):
        return "an HTML or XML page, not JSON"
    if start.startswith(GZIP):
        return "compressed, not JSON"
    if raw.startswith(BOM):
        return "a byte order mark before the JSON"
    if _depth(raw) > _DEEPEST:
        return f"nested more than {_DEEPEST} deep"
    try:
        raw.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    return "not JSON"


_DEEPEST = 1024
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{\]}]')


def _depth(raw: bytes) -> int:
    """How deep the brackets of the first megabyte nest."""
    depth = deepest = 0
    for found in _BRACKETS.finditer(raw, 0, 1 << 20):
        if found[0] in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif found[0] in b"]}":
            depth -= 1
    return deepest
