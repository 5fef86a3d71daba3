"""`_typeFilter` applied here: servers may ignore it, refuse it, or apply it loosely (B4).

Tokens of http://hl7.org/fhir/R4/search.html on what a resource itself states. A parameter that
cannot be judged here keeps the resource: too much can be sorted out later, too little cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

Resource = Mapping[str, Any]
Predicate = Callable[[Resource], bool]

# Search parameter -> element, where R4 names them differently; else the element is the parameter's
# name in camelCase.
_ELEMENTS = {
    "_id": "id",
    "vaccine-code": "vaccineCode",
    "clinical-status": "clinicalStatus",
    "verification-status": "verificationStatus",
}
_TOKENS = frozenset(
    {"_id", "status", "category", "code", "type", "intent", "clinical-status", "gender", "priority",
     "verification-status", "vaccine-code", "class"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of an export. unjudged: `Type?parameter` that the server alone can apply."""

    by_type: Mapping[str, tuple[Predicate, ...]]
    unjudged: tuple[str, ...] = ()

    def keeps(self, resource: Resource) -> bool:
        """Whether one of its type's filters lets it through; a type without filters is whole."""
        filters = self.by_type.get(resource["resourceType"])
        return filters is None or any(each(resource) for each in filters)


def filters(queries: Iterable[str]) -> Filters:
    """The filters of `_typeFilter` queries; those of one type are alternatives."""
    by_type: dict[str, tuple[Predicate, ...]] = {}
    unjudged: list[str] = []
    for query in queries:
        resource_type, _, parameters = query.partition("?")
        parts = []
        for name, values in parse_qsl(parameters, keep_blank_values=True):
            if name in _TOKENS:
                parts.append(_token(name, values))
            else:
                unjudged.append(f"{resource_type}?{name}")
        by_type[resource_type] = (*by_type.get(resource_type, ()), _all(parts))
    return Filters(by_type, tuple(dict.fromkeys(unjudged)))


def _all(parts: list[Predicate]) -> Predicate:
    return lambda resource: all(part(resource) for part in parts)


def _token(name: str, values: str) -> Predicate:
    """One of the values; `|code`, `system|` and `system|code` as R4 3.1.1.5.10 has them."""
    element = _ELEMENTS.get(name, name)
    wanted = [_wanted(value) for value in values.split(",")]

    def found(resource: Resource) -> bool:
        stated = list(_codings(resource.get(element)))
        return any(
            (system is None or coding[0] in (None, system)) and (not code or code == coding[1])
            for system, code in wanted
            for coding in stated
        )

    return found


def _wanted(value: str) -> tuple[str | None, str]:
    """The system (None: any, '': one without) and the code ('': any)."""
    system, bar, code = value.rpartition("|")
    return (system if bar else None), code


def _codings(value: object) -> Iterator[tuple[str | None, str]]:
    """(system, code) of a code (its system is implied: None), Coding, CodeableConcept, or list."""
    if isinstance(value, str):
        yield None, value
    elif isinstance(value, list):
        for each in value:
            yield from _codings(each)
    elif isinstance(value, Mapping):
        if "coding" in value:
            yield from _codings(value["coding"])
        elif isinstance(value.get("code"), str):
            yield str(value.get("system") or ""), value["code"]
