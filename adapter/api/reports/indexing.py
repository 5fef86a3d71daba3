"""What a stored report is searched by, taken from its JSON (R4 MeasureReport, section Search).

`measurereport-category` is DEQM's, on the extension of that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from adapter.api.fhir.search_values import EARLIEST, LATEST, date_range
from adapter.api.reports.stored import microseconds
from adapter.elements import Json, extension_value, extension_values

CATEGORY = "http://hl7.org/fhir/StructureDefinition/measurereport-category"
CONTROL = "/StructureDefinition/disclosure-control"

INDEXED = 150
BEGINNING, END = microseconds(EARLIEST), microseconds(LATEST)

_REFERENCE = re.compile(
    r"(?:(?P<base>.+)/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/.+)?"
)


def span(stated: str) -> tuple[int, int]:
    """The microseconds that a FHIR date or dateTime covers by its precision, the end not included.

    Raises ValueError for what is no date.
    """
    low, high = date_range(stated)
    return microseconds(low), microseconds(high)


def indexed(text: str) -> str:
    """The text as an index holds it: PostgreSQL's take no more than 2.7 kB for all columns."""
    return text if len(text) <= INDEXED else sha256(text.encode()).hexdigest()


def columns(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the report's own columns."""
    url, _, version = str(resource.get("measure", "")).partition("|")
    date_low, date_high = span(resource["date"]) if "date" in resource else (None, None)
    period_low, period_high = _period(resource.get("period"))
    return {
        "type": resource.get("type"),
        "status": resource.get("status"),
        "measure": url or None,
        "measure_version": version or None,
        "date_low": date_low,
        "date_high": date_high,
        "period_low": period_low,
        "period_high": period_high,
        "disclosure": disclosure_mode(resource),
    }


def _period(period: Mapping[str, Any] | None) -> tuple[int | None, int | None]:
    if period is None:
        return None, None
    low = span(period["start"])[0] if "start" in period else BEGINNING
    high = span(period["end"])[1] if "end" in period else END
    return low, high


def disclosure_mode(resource: Mapping[str, Any]) -> str | None:
    """The mode of disclosure control that the report states."""
    for found in resource.get("extension", ()):
        if str(found.get("url", "")).endswith(CONTROL):
            mode = extension_value(found, "mode")
            return indexed(mode) if isinstance(mode, str) else None
    return None


def tokens(resource: Mapping[str, Any]) -> list[Json]:
    """Rows of `server_report_token`, without the report's id."""
    return [
        {
            "place": place,
            "parameter": parameter,
            "system": indexed(system or ""),
            "code": indexed(code or ""),
        }
        for place, (parameter, system, code) in enumerate(_tokens(resource))
    ]


def _tokens(resource: Mapping[str, Any]) -> Iterator[tuple[str, str | None, str | None]]:
    for found in resource.get("identifier", ()):
        yield "identifier", found.get("system"), found.get("value")
    for name, stated in _referring(resource):
        if found := stated.get("identifier"):
            yield f"{name}:identifier", found.get("system"), found.get("value")
    for category in extension_values(resource, CATEGORY):
        for coding in category.get("coding", ()):
            yield "measurereport-category", coding.get("system"), coding.get("code")


def references(resource: Mapping[str, Any]) -> list[Json]:
    """Rows of `server_report_reference`, without the report's id."""
    return [
        {"place": place, "parameter": parameter, **reference_parts(stated)}
        for place, (parameter, stated) in enumerate(_references(resource))
    ]


def _references(resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """'' for a reference by identifier or display alone: the element is there, `:missing` asks."""
    for name, found in _referring(resource):
        yield name, found.get("reference", "")


def _referring(resource: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    for name in ("reporter", "subject"):
        if name in resource:
            yield name, resource[name]
    for found in resource.get("evaluatedResource", ()):
        yield "evaluated-resource", found


def reference_parts(stated: str) -> Json:
    """base, type and target of a reference; type is '' where it is not of the form Type/id."""
    found = _REFERENCE.fullmatch(stated)
    if not found:
        return {"base": "", "type": "", "target": indexed(stated)}
    return {"base": found["base"] or "", "type": indexed(found["type"]), "target": found["id"]}
