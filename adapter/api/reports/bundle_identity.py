"""Which report each entry of a transaction is about, settled before anything is changed, so that
entries can refer to each other by fullUrl (FHIR R4 bundle.html 2.36.4, http.html 3.1.0.11.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from adapter.api.fhir.failures import FhirFailure
from adapter.api.reports.bundle_entry import REPORT, Entry, Ready
from adapter.api.reports.changes import IF_NONE_EXIST, URL, Changes
from adapter.api.reports.transaction import new_id
from adapter.elements import Json

CONDITIONAL = f"{REPORT}?"


@dataclass(frozen=True, slots=True)
class Identities:
    """Attributes:
    keys: id by the entry's place; '' for a deletion of nothing.
    there: places of conditional creates whose report exists, or another entry makes.
    targets: what a reference in the Bundle says -> what it means.
    """

    keys: dict[int, str]
    there: set[int]
    targets: dict[str, str]

    def linked(self, resource: Json) -> Json:
        """The resource with its references to other entries resolved."""
        linked: Json = _linked(resource, "", self.targets)
        return linked


def identities_of(changes: Changes, ready: Sequence[Ready]) -> Identities:
    """Raises FhirFailure 400 where two entries change one report, 412 where a condition or a
    conditional reference does not match as it must."""
    found = Identities({}, set(), {})
    made: dict[str, str] = {}
    for each in ready:
        try:
            _identify(changes, each.entry, found, made)
        except FhirFailure as failure:
            raise each.entry.failed(failure) from failure
    _refuse_twice(ready, found)
    for each in ready:
        if each.entry.full_url and (key := found.keys.get(each.entry.place)):
            found.targets[each.entry.full_url] = f"{REPORT}/{key}"
    found.targets.update(_conditional(changes, ready))
    return found


def _identify(changes: Changes, entry: Entry, found: Identities, made: dict[str, str]) -> None:
    match entry.does:
        case "create":
            _create(changes, entry, found, made)
        case "update":
            stated = changes.target(entry.query, entry.resource) if not entry.key else ""
            found.keys[entry.place] = entry.key or stated or new_id()
        case "delete":
            found.keys[entry.place] = entry.key or changes.matching(entry.query, URL)


def _create(changes: Changes, entry: Entry, found: Identities, made: dict[str, str]) -> None:
    condition = entry.conditions.if_none_exist
    key = changes.matching(condition, IF_NONE_EXIST) or made.get(condition, "")
    if key:
        found.there.add(entry.place)
    found.keys[entry.place] = key or new_id()
    if condition:
        made[condition] = found.keys[entry.place]


def _refuse_twice(ready: Sequence[Ready], found: Identities) -> None:
    changed: set[str] = set()
    for each in ready:
        place = each.entry.place
        key = found.keys.get(place, "")
        if key and place not in found.there and key in changed:
            raise FhirFailure(
                400,
                "invalid",
                "two entries of a transaction change the same report",
                expression=[each.entry.where],
            )
        changed.add(key)


def _conditional(changes: Changes, ready: Sequence[Ready]) -> dict[str, str]:
    """References such as `MeasureReport?identifier=...`, each to the one report that matches."""
    targets = {}
    for each in ready:
        for reference in _references(each.entry.resource):
            if reference.startswith(CONDITIONAL) and reference not in targets:
                key = changes.matching(reference.removeprefix(CONDITIONAL), each.entry.where)
                if not key:
                    raise FhirFailure(
                        412,
                        "not-found",
                        "a conditional reference matches no report",
                        expression=[each.entry.where],
                    )
                targets[reference] = f"{REPORT}/{key}"
    return targets


def _linked(value: Any, name: str, targets: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _linked(member, key, targets) for key, member in value.items()}
    if isinstance(value, list):
        return [_linked(member, name, targets) for member in value]
    if isinstance(value, str) and _names_a_resource(name):
        return targets.get(value, value)
    return value


def _names_a_resource(name: str) -> bool:
    """References, and extension values of type uri, url, uuid, oid and canonical."""
    return name == "reference" or name in _VALUES


_VALUES = {"valueUri", "valueUrl", "valueUuid", "valueOid", "valueCanonical"}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(found := value.get("reference"), str):
            yield found
        for member in value.values():
            yield from _references(member)
    elif isinstance(value, list):
        for member in value:
            yield from _references(member)
