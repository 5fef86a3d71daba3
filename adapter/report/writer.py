"""MeasureReports: estimates and a Measure -> a FHIR R4 summary report. The one writer of them.

Pure: the same inputs give the same report, to the byte. Form: measure-report.md sections 2 and 3,
profile DEQM UV 1.0.0 (deqm-summarymeasurereport). Callers run `check.check` and
`fhir_r4.validated` over the result before it is written, as JSON from the dict.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from adapter.elements import Json, extension, without_empty
from adapter.measures.definition import MeasureDefinition
from adapter.report.control import Control
from adapter.report.group import report_group
from adapter.report.source import ReportSource
from adapter.report.table import survival_tables
from analytics.aggregate import Aggregate
from analytics.estimate import Estimates
from analytics.study import Study

DEQM = "http://hl7.org/fhir/uv/deqm/StructureDefinition/deqm-"
PROFILES = {
    "summary": f"{DEQM}summarymeasurereport",
    "individual": f"{DEQM}individualmeasurereport",
    "subject-list": f"{DEQM}subjectlistmeasurereport",
}
R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-MeasureReport."
CQF = "http://hl7.org/fhir/StructureDefinition/cqf-"
SOFTWARE = "http://hl7.org/fhir/uv/crmi/StructureDefinition/crmi-softwaresystem"
REPORTERS = ("Organization/", "Practitioner/", "PractitionerRole/", "Location/")

ReportKind = Literal["summary", "individual", "subject-list"]


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
    OperationOutcome issues of the quality gate, none where it was not run. kind: the report's type.
    subject: the FHIR Reference; a patient's for an individual report, else a Group's or none.
    evaluated: FHIR References to the resources that were read; none in a summary.
    """

    reporter: Reporter
    date: dt.datetime
    period_start: dt.date
    period_end: dt.date
    software: str
    data_version: str
    issues: tuple[Mapping[str, Any], ...] = ()
    kind: ReportKind = "summary"
    subject: Mapping[str, Any] | None = None
    evaluated: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if self.date.tzinfo is None:
            raise ValueError("the report's date needs a time zone")
        if self.period_end < self.period_start:
            raise ValueError("the period ends before it starts")
        if self.kind == "individual" and not self.subject:
            raise ValueError("an individual report needs its subject")
        if self.kind == "summary" and self.evaluated:
            raise ValueError("a summary names no evaluated resources")


def measure_report(
    measure: MeasureDefinition,
    estimates: Estimates,
    whole: Aggregate,
    study: Study,
    head: ReportHead,
) -> Json:
    """The report of `measure` as a FHIR R4 MeasureReport of DEQM UV 1.0.0.

    Survival tables stand in summaries only. Raises UsageError where the Measure asks for a figure
    or stratifier that the study or the aggregate does not have.
    """
    source = ReportSource(measure, study, estimates.overall, estimates.strata)
    asked = measure.tables if head.kind == "summary" else ()
    tables = [found for table in asked for found in survival_tables(table, source, whole)]
    poolable: Literal["exact", "no"] = "exact" if head.kind == "summary" else "no"
    return written(source, head, tables, Control(poolable=poolable))


def written(
    source: ReportSource, head: ReportHead, tables: Sequence[tuple[str, Json]], control: Control
) -> Json:
    """The report of what the source holds.

    tables: linkId and Observation of each. Raises as `measure_report` does.
    """
    measure, study = source.measure, source.study
    context = [control.extension(measure), *_context(measure, study, head)]
    report_uuid = str(uuid.uuid5(uuid.NAMESPACE_URL, _key(source, head, control)))
    groups = [report_group(group, source) for group in measure.groups]
    evaluated = [dict(reference) for reference in head.evaluated]
    return {
        "resourceType": "MeasureReport",
        "id": report_uuid,
        "meta": {"profile": [PROFILES[head.kind]]},
        "contained": [*(observation for _, observation in tables), *_contained(study, head)],
        "extension": [*(_supplemental(name, found["id"]) for name, found in tables), *context],
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{report_uuid}"}],
        "status": "complete",
        "type": head.kind,
        "measure": measure.canonical,
        **({"subject": dict(head.subject)} if head.subject else {}),
        "date": head.date.isoformat(timespec="seconds"),
        "reporter": head.reporter.element(),
        "period": {"start": head.period_start.isoformat(), "end": head.period_end.isoformat()},
        "group": groups,
        **({"evaluatedResource": evaluated} if evaluated else {}),
    }


def _key(source: ReportSource, head: ReportHead, control: Control) -> str:
    """What makes two reports the same report."""
    named: list[Any] = [
        source.measure.canonical,
        source.study.fingerprint,
        head.data_version,
        head.period_start.isoformat(),
        head.period_end.isoformat(),
        head.reporter.element(),
    ]
    if head.kind != "summary" or head.subject:
        named += [head.kind, head.subject]
    if control.policy:
        named.append(f"{control.policy}|{control.version}")
    return json.dumps(named, sort_keys=True)


def _supplemental(link_id: str, observation_id: str) -> Json:
    reference = {
        "extension": [extension(f"{CQF}criteriaReference", "String", link_id)],
        "reference": f"#{observation_id}",
    }
    return extension(f"{R5}supplementalData", "Reference", reference)


def _context(measure: MeasureDefinition, study: Study, head: ReportHead) -> Iterator[Json]:
    """The extensions that say by which rules, from which data and by what the report was made."""
    yield {
        "url": measure.extension_url("endpoint-definition"),
        "extension": [
            extension("canonical", "Canonical", _library(measure, study)),
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


def _library(measure: MeasureDefinition, study: Study) -> str:
    return f"{measure.base}/Library/{study.id}|{study.version}"


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
