"""The types of FHIR R4's elements: what the names of a path mean before any resource is seen.

A type is written as fhirpathpy writes it: `Quantity`, `code`, `System.String`, and for an element
whose type has no name its path, `Observation.component`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_UNNAMED = "BackboneElement"


@dataclass(frozen=True, slots=True)
class Choice:
    """An element of several types (value[x]): its JSON names, each with its type, in R4's order."""

    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Model:
    """The R4 model as fhirpathpy ships it.

    choices: path -> suffixes; types: path -> type; elsewhere: path -> the path that defines it;
    parents: type -> what it specialises.
    """

    choices: Mapping[str, Sequence[str]]
    types: Mapping[str, str]
    elsewhere: Mapping[str, str]
    parents: Mapping[str, str]

    def child(self, owner: str, name: str) -> str | Choice:
        """The type of the owner's element; an element R4 does not have is a type of its own."""
        path = self.elsewhere.get(f"{owner}.{name}", f"{owner}.{name}")
        if suffixes := self.choices.get(path):
            return Choice(tuple((f"{name}{s}", self._named(f"{path}{s}")) for s in suffixes))
        return self._named("Extension" if name == "extension" else path)

    def _named(self, path: str) -> str:
        return self.types.get(path, path)

    def is_a(self, found: str, wanted: str) -> bool:
        """Whether a type is the wanted one or specialises it. `wanted` may be FHIR. or System."""
        namespace, name = _namespaced(found)
        wanted_namespace, _, wanted_name = wanted.rpartition(".")
        if wanted_namespace not in ("", namespace):
            return False
        if namespace == "System":
            return name == wanted_name
        while name and name != wanted_name:
            name = self.parents.get(name) or self.types.get(name, "")
        return bool(name)

    def is_resource(self, name: str) -> bool:
        """Whether R4 has a resource of this name."""
        return self.parents.get(name) in ("DomainResource", "Resource")

    def element_type(self, path: str, resource: str) -> str | None:
        """The type of a path that only names elements (`name.family` -> `string`), else None."""
        if not re.fullmatch(r"\w+(\.\w+)*", path):
            return None
        names = path.split(".")
        found: str | Choice = resource
        for name in names[1:] if names[0] == resource else names:
            found = self.child(found, name) if isinstance(found, str) else found
        return found if isinstance(found, str) and "." not in found else None


def _namespaced(found: str) -> tuple[str, str]:
    if found.startswith("System."):
        return "System", found.removeprefix("System.")
    return "FHIR", _UNNAMED if "." in found else found


def is_primitive(type_name: str) -> bool:
    """Whether values of the type are JSON's own; their objects hold extensions, and no value."""
    return type_name.startswith("System.") or type_name[:1].islower()
