"""What is asked -> the reports. The rules are those of `evaluate` and `report`; none is here."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from adapter.api.evaluating.asked import Asked
from adapter.api.evaluating.progress import Progress
from adapter.api.fhir.failures import FhirFailure
from adapter.config import Settings
from adapter.elements import Json
from adapter.evaluate import Evaluation, evaluate
from adapter.measures.definition import MeasureDefinition
from adapter.models import PatientRow
from adapter.quality.stamp import stamped
from adapter.report.disclosed import disclosed_report
from adapter.report.evaluation import report_head
from adapter.report.form import Form
from adapter.report.forms import render
from adapter.report.individual import individual_report
from adapter.report.provenance import provenance
from adapter.report.stratified import stratified
from adapter.report.subject_list import subject_list_report
from adapter.report.writer import ReportHead
from adapter.store.columns import table_of
from adapter.store.query import counts
from analytics.episode import Course

if TYPE_CHECKING:
    from adapter.store import Store

MOST_INDIVIDUALS = 500
"""Reports of single patients in one answer; each may have 150 kB."""


@dataclass(frozen=True, slots=True)
class Results:
    """reports: for each subject (one for a summary or list) the reports in the order asked.
    provenance: of each report, in the same order."""

    reports: list[list[Json]]
    provenance: list[list[Json]]

    @property
    def single(self) -> Json:
        """The report of an operation that gives one."""
        ((report,),) = self.reports
        return report


@dataclass(frozen=True, slots=True)
class _Work:
    store: Store
    asked: Asked
    settings: Settings
    made: datetime
    progress: Progress


def results(
    store: Store, asked: Asked, settings: Settings, made: datetime, progress: Progress
) -> tuple[Results, str]:
    """The reports, and the version of the data that they are of.

    made: the reports' date. Raises UsageError where Measure and study do not fit, GateFailed where
    a report fails our own checks, FhirFailure 422 for too many reports of single patients, and
    what `progress` raises.
    """
    told = _as_reporter(settings, asked.reporter)
    work = _Work(store, asked, told, made.astimezone(ZoneInfo(asked.zone)), progress)
    patients = _patients(store)
    passes = 1 if asked.kind == "summary" else 1 + len(asked.measures)
    progress.expect(patients * passes)
    evaluation = evaluate(store, asked.study, asked.request, progress.told)
    if not asked.request.patients:
        # The gate judges a store; a few patients of it pass or fail no rule of completeness.
        evaluation = stamped(store, evaluation, made)
    measures = [stratified(each, asked.request.stratifiers) for each in asked.measures]
    if asked.kind == "individual":
        reports = list(_individuals(work, evaluation, measures))
    elif asked.kind == "subject-list":
        reports = [list(_lists(work, evaluation, measures))]
    else:
        reports = [list(_summaries(work, evaluation, measures))]
    reports = [
        [render(_named_apart(report, asked), Form.DEQM) for report in each] for each in reports
    ]
    software = report_head(evaluation, told).software
    made_of = [
        [provenance(*pair, software) for pair in zip(each, measures, strict=True)]
        for each in reports
    ]
    return Results(reports, made_of), evaluation.data_version


def _named_apart(report: Json, asked: Asked) -> Json:
    """A report of chosen patients, or with strata of the request's own, is another report than
    that of the Measure and of all patients."""
    request = asked.request
    if not (request.stratifiers or request.patients):
        return report
    said = json.dumps([report["id"], request.stratifiers, request.patients])
    key = str(uuid.uuid5(uuid.NAMESPACE_URL, said))
    identifier = [{**each, "value": f"urn:uuid:{key}"} for each in report["identifier"]]
    return {**report, "id": key, "identifier": identifier}


def _summaries(
    work: _Work, evaluation: Evaluation, measures: list[MeasureDefinition]
) -> Iterator[Json]:
    for measure in measures:
        yield disclosed_report(evaluation, measure, work.settings, work.asked.policy, work.made)


def _lists(
    work: _Work, evaluation: Evaluation, measures: list[MeasureDefinition]
) -> Iterator[Json]:
    head = _head(work, evaluation)
    if work.asked.group:
        head = replace(head, kind="subject-list", subject={"reference": work.asked.group})
    for number, measure in enumerate(measures, start=1):
        told = work.progress.after(number * len(evaluation.courses))
        yield subject_list_report(evaluation, measure, head, work.store, told)


def _individuals(
    work: _Work, evaluation: Evaluation, measures: list[MeasureDefinition]
) -> Iterator[list[Json]]:
    """Of those who were named, else of those who are in the study."""
    head, done = _head(work, evaluation), len(evaluation.courses)
    named = bool(work.asked.request.patients)
    wanted = sum(named or bool(course.episodes) for course in evaluation.courses)
    if wanted * len(measures) > MOST_INDIVIDUALS:
        text = f"more than {MOST_INDIVIDUALS} reports in one answer; name some subjects at a time"
        raise FhirFailure(422, "too-costly", text, expression=["http.subject"])
    for course in evaluation.courses:
        if named or course.episodes:
            yield [_individual(work, evaluation, course, each, head) for each in measures]
        done += len(measures)
        work.progress.told(done)


def _individual(
    work: _Work,
    evaluation: Evaluation,
    course: Course,
    measure: MeasureDefinition,
    head: ReportHead,
) -> Json:
    return individual_report(evaluation, course, measure, head, work.store)


def _head(work: _Work, evaluation: Evaluation) -> ReportHead:
    return report_head(evaluation, work.settings, work.made)


def _as_reporter(settings: Settings, reporter: str) -> Settings:
    if not reporter:
        return settings
    report = settings.report.model_copy(update={"reporter": reporter})
    return settings.model_copy(update={"report": report})


def _patients(store: Store) -> int:
    table = table_of(PatientRow)
    with store.reading() as transaction:
        return counts(transaction, [table])[table.name]
