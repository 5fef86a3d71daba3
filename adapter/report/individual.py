"""Reports of single patients: the same line over the aggregate of one.

No rule counts here a second time: a patient's own counts are those that `estimate` and the report's
renderer give for an aggregate that holds nobody else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adapter.elements import Json
from adapter.evaluate import Evaluation
from adapter.measures.definition import MeasureDefinition
from adapter.models import PatientRow
from adapter.report.evaluated import evaluated_resources
from adapter.report.evaluation import checked
from adapter.report.group import report_group
from adapter.report.source import ReportSource
from adapter.report.writer import ReportHead, measure_report
from analytics.aggregate import aggregate
from analytics.episode import Course
from analytics.estimate import estimate

if TYPE_CHECKING:
    from adapter.store import Store

KEY_SYSTEM = "urn:raiway:patient-key"


def individual_report(
    evaluation: Evaluation, course: Course, asked: MeasureDefinition, head: ReportHead, store: Store
) -> Json:
    """The report of one patient of the evaluation, with the resources that were read.

    head: of the summary, whose period and date it shares. Raises GateFailed as `checked` does.
    """
    study = evaluation.study
    cells = aggregate([course], study, evaluation.aggregate.header)
    found = estimate(cells, study)
    source = ReportSource(asked, study, found.overall, found.strata)
    own = replace(
        head,
        kind="individual",
        subject=subject(store, course),
        evaluated=evaluated_resources(store, course, source),
    )
    return checked(measure_report(asked, found, cells, study, own), asked)


def own_groups(evaluation: Evaluation, course: Course, asked: MeasureDefinition) -> list[Json]:
    """The groups of one patient's report, without the rest of it."""
    cells = aggregate([course], evaluation.study, evaluation.aggregate.header)
    found = estimate(cells, evaluation.study)
    source = ReportSource(asked, evaluation.study, found.overall, found.strata)
    return [report_group(group, source) for group in asked.groups]


def subject(store: Store, course: Course) -> Json:
    """The FHIR Reference to the patient of a course."""
    rows = store.rows(PatientRow, patient_key=course.patient_key, site=course.site)
    return patient_reference(course, next((row.patient_id for row in rows), ""))


def patient_reference(course: Course, patient_id: str) -> Json:
    """By the id of the Patient resource; where none ever came, by the store's key."""
    if patient_id:
        return {"reference": f"Patient/{patient_id}"}
    return {"type": "Patient", "identifier": {"system": KEY_SYSTEM, "value": course.patient_key}}
