"""The law of the scan: no line is left aside of which `map` would make anything that counts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import orjson

from adapter.mapping import digest
from adapter.mapping.mapped import MappedResource
from adapter.mapping.resource import Mapper
from adapter.mapping.scan import Scanner
from adapter.mapping.stamp import patient_key
from adapter.reading import site_scanner

AWAITED = ("drug_exposure", "rai_administration")


_scanners: dict[int, tuple[Mapper, Scanner]] = {}


def scanner(mapper: Mapper) -> Scanner:
    """The scanner of a mapper, made once."""
    if id(mapper) not in _scanners:
        _scanners[id(mapper)] = (mapper, site_scanner(mapper))
    return _scanners[id(mapper)][1]


def assert_not_dropped(mapper: Mapper, resource: Mapping[str, Any], found: MappedResource) -> None:
    """What was found of the resource is found after a scan too, however its JSON is written."""
    if not found.says_something:
        return
    for line in spellings(resource):
        scanned = scanner(mapper).scan(line)
        if not scanned.kept:
            asked_by = list(_asked_by(mapper.site, resource, found))
            assert asked_by, (line, [row.table for row in found.rows], found.unmapped)
            for digests in asked_by:
                assert digest.among(scanned.keys, digests).any(), line


def spellings(resource: Mapping[str, Any]) -> Iterator[bytes]:
    """The same JSON as different servers write it."""
    tidy = {key: value for key, value in resource.items() if key not in ("resourceType", "id")}
    first = {key: resource[key] for key in ("resourceType", "id") if key in resource}
    for order in ({**first, **tidy}, {**tidy, **dict(reversed(first.items()))}):
        yield orjson.dumps(order, default=_digits)
        for ascii_only in (True, False):
            yield json.dumps(order, ensure_ascii=ascii_only, default=float).encode()


def _asked_by(
    site: str, resource: Mapping[str, Any], found: MappedResource
) -> Iterator[digest.Digests]:
    """What asks for a resource of which nothing counts by itself, row by row."""
    links = [row.columns for row in found.rows if row.table == "link"]
    drugs = [each["target_id"] for each in links if each["target_type"] == "Medication"]
    if found.unmapped and drugs:
        # An order whose status or intent nobody knows matters if its drug does.
        yield digest.of("medication", drugs)
    for row in found.rows:
        if row.table == "visit":
            yield digest.of("person", [patient_key(site, _subject(resource))])
        elif row.table == "occurrence":
            yield digest.of(found.stamp.resource_type, [found.stamp.resource_id])
        elif row.table in AWAITED and not row.columns.get("ingredient"):
            yield digest.of("medication", drugs)
        else:
            # A link alone says nothing; any other row counts by itself.
            assert row.table == "link", row.table
    drug = resource.get("medicationReference")
    if found.unmapped and not any(row.table != "link" for row in found.rows) and drug:
        # What is unmapped there, as an unknown intent, counts if the drug does.
        yield digest.of("medication", [str(drug["reference"]).rpartition("/")[2]])


def _subject(resource: Mapping[str, Any]) -> str:
    return str(resource["subject"]["reference"]).rpartition("/")[2]


def _digits(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(type(value).__name__)
