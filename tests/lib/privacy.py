"""De-identification under test: fixed keys, resources full of secrets, and the law of the facts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any

from fhirpathpy.models import models

from adapter.definitions import load
from adapter.errors import ResourceError
from adapter.mapping.mapped import MappedResource, TypedRow
from adapter.mapping.resource import Mapper
from adapter.privacy import Deidentified, Deidentifier, Keys, Mode, Policy

KEYS = Keys(bytes(range(32)), bytes(range(32, 64)))
OTHER_KEYS = Keys(bytes(range(1, 33)), bytes(range(33, 65)))
AS_OF = date(2026, 1, 1)
TYPES: Mapping[str, str] = models["r4"]["path2Type"]
ELSEWHERE: Mapping[str, str] = models["r4"]["pathsDefinedElsewhere"]
DATES = frozenset({"date", "dateTime", "instant"})
STRINGS = DATES | {
    "base64Binary", "canonical", "code", "id", "markdown", "oid", "string", "System.String", "time",
    "uri", "url", "uuid", "xhtml",
}  # fmt: skip
NUMBERS = frozenset({"decimal", "integer", "positiveInt", "unsignedInt"})
DEEP = 5
KNOWN_INTERPRETATIONS = frozenset(
    token.partition("|")[2]
    for token in load().terminology.tokens(load().value_set("interpretation"))
)


def deidentifier(mode: Mode = Mode.LIMITED, keys: Keys = KEYS, **policy: Any) -> Deidentifier:
    """A de-identifier with the shipped rules and definitions."""
    return Deidentifier(Policy(mode=mode, as_of=AS_OF, **policy), keys, load())


def limited(resource: Mapping[str, Any], **policy: Any) -> dict[str, Any]:
    """The resource as `limited` lets it pass."""
    return passed(deidentifier(**policy), resource)


def passed(border: Deidentifier, resource: Mapping[str, Any]) -> dict[str, Any]:
    """The resource as it may be stored; it must not be withheld."""
    found = border.apply(resource)
    assert isinstance(found, Deidentified), found
    return found.resource


def patient(**content: Any) -> dict[str, Any]:
    """Patient/p."""
    return {"resourceType": "Patient", "id": "p", **content}


@cache
def children(path: str) -> list[tuple[str, str]]:
    """The elements that R4 has right below a type or element, each with its type or path."""
    return list(_children(path))


def _children(path: str) -> Iterator[tuple[str, str]]:
    for name, kind in TYPES.items():
        owner, _, element = name.rpartition(".")
        if owner == path:
            yield element, name if kind == "BackboneElement" else kind
    backbones = {name.removeprefix(f"{path}.").partition(".")[0] for name in _below(path)}
    known = {name.rpartition(".")[2] for name in TYPES if name.rpartition(".")[0] == path}
    yield from ((each, f"{path}.{each}") for each in sorted(backbones - known))
    prefix = f"{path}."
    for name, other in ELSEWHERE.items():
        if name.startswith(prefix) and "." not in name.removeprefix(prefix):
            yield name.removeprefix(prefix), other


def _below(path: str) -> Iterator[str]:
    return (name for name in TYPES if name.startswith(f"{path}."))


class Planted:
    """A resource of a type with every element that R4 has, and a secret in every string."""

    def __init__(self, resource_type: str, secret: str) -> None:
        self._secret = secret
        self.secrets: dict[str, str] = {}
        filled = self._filled(resource_type, resource_type, 0)
        self.resource = {**filled, "resourceType": resource_type, "id": "p-1"}

    def _filled(self, kind: str, path: str, depth: int) -> dict[str, Any]:
        made = {}
        for name, inner in children(kind):
            if name in ("modifierExtension", "implicitRules", "contained", "id"):
                continue
            value = self._value(inner, f"{path}.{name}", depth + 1)
            if value is not None:
                made[name] = value
        return made

    def _value(self, kind: str, path: str, depth: int) -> Any:
        if kind in STRINGS:
            secret = self.secrets[path] = self._secret.format(len(self.secrets))
            return secret
        if kind == "boolean":
            return True
        if kind in NUMBERS:
            return 7
        if depth > DEEP or kind in ("Resource", "Extension"):
            return self._extension(path) if kind == "Extension" else None
        return self._filled(kind, path, depth) or None

    def _extension(self, path: str) -> list[dict[str, str]]:
        secret = self.secrets[path] = self._secret.format(len(self.secrets))
        return [{"url": f"http://{secret}", "valueString": secret}]

    def surviving(self, resource: Mapping[str, Any]) -> dict[str, str]:
        """The secrets that are still in the resource: path -> secret."""
        text = json.dumps(resource, ensure_ascii=False)
        return {path: secret for path, secret in self.secrets.items() if secret in text}


def facts(mapper: Mapper, resource: Mapping[str, Any]) -> MappedResource | str:
    """What is mapped, or `refused`."""
    try:
        return mapper.map(resource, "here:1")
    except ResourceError:
        return "refused"


@cache
def _border(zone: Any) -> Deidentifier:
    return deidentifier(zone=zone)


def assert_kept_when_limited(
    mapper: Mapper, resource: Mapping[str, Any], found: MappedResource
) -> None:
    """What the resource states it states still as `limited` lets it pass, to the last flag."""
    if not found.rows:
        return
    border = _border(mapper.zone)
    after = facts(mapper, passed(border, resource))
    assert isinstance(after, MappedResource), "refused after de-identification"
    before = [_comparable(row, border) for row in found.rows]
    assert [_comparable(row) for row in after.rows] == before


def _comparable(row: TypedRow, border: Deidentifier | None = None) -> tuple[Any, ...]:
    """A row; of one from before, ids become the names that they have after."""
    columns = {name: value for name, value in row.columns.items() if value not in (None, "")}
    if columns.get("interpretation") not in KNOWN_INTERPRETATIONS:
        # A site's own code, which stays as a label.
        columns.pop("interpretation", None)
    if border is not None:
        columns |= {name: value for name, value in _renamed(columns, border) if name in columns}
    return row.table, row.ordinal, row.confidence, sorted(row.flags), columns


def _renamed(columns: Mapping[str, Any], border: Deidentifier) -> Iterator[tuple[str, Any]]:
    if "target_id" in columns:
        yield "target_id", border.pseudonym(columns["target_type"], columns["target_id"])
    if "variant_id" in columns:
        yield "variant_id", border.pseudonym("Observation", columns["variant_id"])
    if "patient_id" in columns:
        yield "patient_id", border.pseudonym("Patient", columns["patient_id"])
    if "assay" in columns:
        code, method, performer = columns["assay"].split("|")
        kind, _, key = performer.partition("/")
        name = f"{kind}/{border.pseudonym(kind, key)}" if key else performer
        yield "assay", f"{code}|{method}|{name}"
