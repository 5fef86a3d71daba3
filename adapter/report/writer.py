"""MeasureReports: estimates and a Measure -> a FHIR R4 summary report. The one writer of them.

Pure: the same inputs give the same report, to the byte. Form: measure-report.md sections 2 and 3,
profile DEQM UV 1.0.0 (deqm-summarymeasurereport). Callers run `check.check` and
`fhir_r4.validated` over the result before it is written, as JSON from the dict.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from adapter.elements import Json, extension, without_empty
from adapter.measures.definition import MeasureDefinition
from adapter.report.group import report_group
from adapter.report.source import ReportSource
from adapter.report.table import survival_tables
from analytics.aggregate import Aggregate
from analytics.estimate import Estimates
from analytics.study import Study

PROFILE = "http://hl7.org/fhir/uv/deqm/StructureDefinition/deqm-summarymeasurereport"
R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-MeasureReport."
CQF = "http://hl7.org/fhir/StructureDefinition/cqf-"
SOFTWARE = "http://hl7.org/fhir/uv/crmi/StructureDefinition/crmi-softwaresystem"
REPORTERS = ("Organization/", "Practitioner/", "PractitionerRole/", "Location/")
POLICY = "Library/disclosure-policy|1"


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports: a relative or absolute reference, or an identifier, and a name to show."""

    display: str
    reference: str = ""
    system: str = ""
    value: str = ""

    def __post_init__(self) -> None:
        if not self.reference and not self.value:
            raise ValueError("a reporter needs a reference or an identifier")
        if self.reference and not any(kind in self.reference for kind in REPORTERS):
            raise ValueError(f"a reporter is one of {', '.join(REPORTERS)}")

    def element(self) -> Json:
        """The FHIR Reference."""
        identifier = without_empty([("system", self.system), ("value", self.value)])
        return without_empty(
            [
                ("reference", self.reference),
                ("identifier", identifier if self.value else None),
                ("display", self.display),
            ]
        )


@dataclass(frozen=True, slots=True)
class ReportHead:
    """What a report states beside its figures.

    date: with its zone. period: first and last day, in the site's calendar.
    software: name, version and commit. data_version: fingerprint of the cohort's data. issues: the
    OperationOutcome issues of the quality gate, none where it was not run.
    """

    reporter: Reporter
    date: dt.datetime
    period_start: dt.date
    period_end: dt.date
    software: str
    data_version: str
    issues: tuple[Mapping[str, Any], ...] = ()
    mode: Literal["none"] = "none"

    def __post_init__(self) -> None:
        if self.date.tzinfo is None:
            raise ValueError("the report's date needs a time zone")
        if self.period_end < self.period_start:
            raise ValueError("the period ends before it starts")


def measure_report(
    measure: MeasureDefinition,
    estimates: Estimates,
    whole: Aggregate,
    study: Study,
    head: ReportHead,
) -> Json:
    """The report of `measure` as a FHIR R4 MeasureReport.

    Raises UsageError where the Measure asks for a figure or stratifier that the study or the
    aggregate does not have.
    """
    source = ReportSource(measure, study, estimates.overall, estimates.strata)
    tables = [found for table in measure.tables for found in survival_tables(table, source, whole)]
    context = _context(measure, study, head)
    report_uuid = str(uuid.uuid5(uuid.NAMESPACE_URL, _key(measure, study, head)))
    groups = [report_group(group, source) for group in measure.groups]
    report: Json = {
        "resourceType": "MeasureReport",
        "id": report_uuid,
        "meta": {"profile": [PROFILE]},
        "contained": [*(observation for _, observation in tables), *_contained(study, head)],
        "extension": [*(_supplemental(name, found["id"]) for name, found in tables), *context],
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{report_uuid}"}],
        "status": "complete",
        "type": "summary",
        "measure": measure.canonical,
        "date": head.date.isoformat(timespec="seconds"),
        "reporter": head.reporter.element(),
        "period": {"start": head.period_start.isoformat(), "end": head.period_end.isoformat()},
        "group": groups,
    }
    return report


def _key(measure: MeasureDefinition, study: Study, head: ReportHead) -> str:
    """What makes two reports the same report."""
    return json.dumps(
        [
            measure.canonical,
            study.fingerprint,
            head.data_version,
            head.period_start.isoformat(),
            head.period_end.isoformat(),
            head.reporter.element(),
        ],
        sort_keys=True,
    )


def _supplemental(link_id: str, observation_id: str) -> Json:
    reference = {
        "extension": [extension(f"{CQF}criteriaReference", "String", link_id)],
        "reference": f"#{observation_id}",
    }
    return extension(f"{R5}supplementalData", "Reference", reference)


def _context(measure: MeasureDefinition, study: Study, head: ReportHead) -> Iterator[Json]:
    """The extensions that say by which rules, from which data and by what the report was made."""
    base = measure.base
    yield {
        "url": measure.extension_url("disclosure-control"),
        "extension": [
            extension("policy", "Canonical", f"{base}/{POLICY}"),
            extension("mode", "Code", head.mode),
            extension("poolable", "Code", "exact"),
        ],
    }
    yield {
        "url": measure.extension_url("endpoint-definition"),
        "extension": [
            extension("canonical", "Canonical", f"{base}/Library/{study.id}|{study.version}"),
            extension("sha256", "String", study.fingerprint),
        ],
    }
    yield {
        "url": measure.extension_url("data-version"),
        "extension": [
            extension("fingerprint", "String", head.data_version),
            extension("software", "String", head.software),
        ],
    }
    yield extension(f"{CQF}inputParameters", "Reference", {"reference": "#study"})
    yield extension(SOFTWARE, "Reference", {"reference": "#software"})
    if head.issues:
        yield extension(f"{CQF}messages", "Reference", {"reference": "#quality"})


def _contained(study: Study, head: ReportHead) -> Iterator[Json]:
    yield {
        "resourceType": "Parameters",
        "id": "study",
        "parameter": [_parameter(name, value) for name, value in study.parameters().items()],
    }
    yield {
        "resourceType": "Device",
        "id": "software",
        "deviceName": [{"name": "Raiway", "type": "manufacturer-name"}],
        "type": {"text": "software"},
        "version": [{"value": head.software}],
    }
    if head.issues:
        issues = [dict(issue) for issue in head.issues]
        yield {"resourceType": "OperationOutcome", "id": "quality", "issue": issues}


def _parameter(name: str, value: Any) -> Json:
    """A study parameter; what is no single value stands as its JSON."""
    if isinstance(value, bool):
        return {"name": name, "valueBoolean": value}
    if isinstance(value, int):
        return {"name": name, "valueInteger": value}
    if isinstance(value, float):
        return {"name": name, "valueDecimal": value}
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return {"name": name, "valueString": text}
