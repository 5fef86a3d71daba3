"""What the renderers of forms share: walks over a report, and parts that several forms have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from adapter.elements import DATA_ABSENT_REASON, Json, code_of, extension_value, without_empty

R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-MeasureReport."
DEQM = "http://hl7.org/fhir/uv/deqm/StructureDefinition/deqm-"
IMPROVEMENT = "http://terminology.hl7.org/CodeSystem/measure-improvement-notation"


@dataclass(frozen=True, slots=True)
class ReportedLocation:
    """The place that a report to public health is about, by an identifier the receiver knows."""

    value: str
    system: str = ""
    display: str = ""

    def element(self) -> Json:
        """The FHIR Reference, by identifier."""
        identifier = without_empty([("system", self.system), ("value", self.value)])
        named = {"display": self.display} if self.display else {}
        return {"type": "Location", "identifier": identifier, **named}


@dataclass(frozen=True, slots=True)
class Receiver:
    """What a form needs to know beside the report: the place, and the zone of the site's days."""

    location: ReportedLocation | None = None
    zone: tzinfo = UTC


def groups(report: Mapping[str, Any]) -> Iterator[Json]:
    """The groups of the report."""
    yield from report.get("group", ())


def stratifiers(report: Mapping[str, Any]) -> Iterator[Json]:
    """The stratifiers of all groups."""
    for group in groups(report):
        yield from group.get("stratifier", ())


def strata(report: Mapping[str, Any]) -> Iterator[Json]:
    """The strata of all stratifiers."""
    for stratifier in stratifiers(report):
        yield from stratifier.get("stratum", ())


def link_id(element: Mapping[str, Any], path: str) -> str:
    """The linkId of an element of the report."""
    return str(extension_value(element, f"{R5}{path}.linkId") or "")


def type_of(reference: Mapping[str, Any]) -> str:
    """The type of resource that a Reference names, '' where it names none."""
    parts = str(reference.get("reference", "")).split("/")
    return str(reference.get("type") or (parts[-2] if len(parts) > 1 else ""))


def absent_reason(population: Mapping[str, Any]) -> str:
    """Why a population has no count, '' where it has one or no reason."""
    return str(extension_value(population.get("_count", {}), DATA_ABSENT_REASON) or "")


def uncounted(element: Mapping[str, Any]) -> Iterator[Json]:
    """The populations of a group or stratum with neither a count nor a reason."""
    for population in element.get("population", ()):
        if "count" not in population and not absent_reason(population):
            yield population


def stratifier_code(stratifier: Mapping[str, Any]) -> Json:
    """What it stratifies by: the code of its strata's component."""
    code: Json = stratifier["stratum"][0]["component"][0]["code"]
    return code


def root_improvement(report: Mapping[str, Any]) -> Json:
    """improvementNotation of the whole report, where all groups that have one agree; else {}."""
    found = {
        code_of(extension_value(group, f"{DEQM}groupImprovementNotation") or {})
        for group in groups(report)
    } - {""}
    if len(found) != 1:
        return {}
    return {"improvementNotation": {"coding": [{"system": IMPROVEMENT, "code": found.pop()}]}}
