"""A resource in, the rows out: what the mapping tests say side by side."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from adapter.definitions import load
from adapter.mapping.mapped import MappedResource
from adapter.mapping.resource import Mapper
from tests.lib.privacy import assert_kept_when_limited
from tests.lib.scanning import assert_not_dropped


@cache
def mapper(zone: str = "America/New_York") -> Mapper:
    """The shipped mappings for a site in New York."""
    return Mapper(load(), "a", ZoneInfo(zone))


def parsed(text: str) -> dict[str, Any]:
    """JSON with exact decimals, as the readers give it."""
    resource: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return resource


def mapped(resource: dict[str, Any], zone: str = "America/New_York") -> MappedResource:
    """The resource's facts; decimals survive as they were written.

    A scan must not drop them, and de-identification not change them.
    """
    found = mapper(zone).map(parsed(json.dumps(resource)), "here:1")
    assert_not_dropped(mapper(zone), resource, found)
    assert_kept_when_limited(mapper(zone), parsed(json.dumps(resource)), found)
    return found


def rows(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows as {table, column: value} with empty columns left out, for comparison."""
    return [
        {"table": row.table, **{k: v for k, v in row.columns.items() if v not in (None, "")}}
        for row in mapped(resource).rows
    ]


def observation(code: str, system: str = "http://loinc.org", **content: Any) -> dict[str, Any]:
    """A final Observation of Patient/p on 2021-05-03."""
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2021-05-03",
        **content,
    }


def concept(code: str, system: str = "http://loinc.org") -> dict[str, Any]:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}]}


def quantity(value: float | int, unit: str, **more: Any) -> dict[str, Any]:
    """A Quantity under UCUM."""
    return {
        "value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit, **more
    }  # fmt: skip


def component(code: str, **value: Any) -> dict[str, Any]:
    """A component with a LOINC code."""
    return {"code": concept(code), **value}
