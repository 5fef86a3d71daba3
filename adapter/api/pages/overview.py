"""The first page: the main result, the quality gate, and how fresh each site's data are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from adapter.abstract import headline
from adapter.api.pages.cohorts import Cohorts, cohorts
from adapter.api.pages.filters import Filters
from adapter.api.pages.shell import View, answer
from adapter.api.pages.viewing import PageRoute, Viewer, viewer
from adapter.html_report.definition import of_evaluation, of_study
from adapter.html_report.flow import flow_section
from adapter.html_report.page import Section
from adapter.tables import Table, counted

if TYPE_CHECKING:
    from adapter.models import IngestRunRow
    from adapter.quality.gate import Gate
    from adapter.store import Store

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/")
def overview(request: Request, who: Annotated[Viewer, Depends(viewer)]) -> Response:
    """What there is, in one look; counts only for who may see patients."""
    held = cohorts(request)
    with held.context.store() as store:
        view = _of_patients(held, store) if who.patient_level else _of_aggregates(held, store)
    return answer(request, who, view)


def _of_patients(held: Cohorts, store: Store) -> View:
    found = held.of(store, Filters())
    evaluation = found.evaluation
    gate = (gate_section(evaluation.gate),) if evaluation.gate else ()
    return View(
        evaluation.study.title,
        sections=(
            freshness_section(store),
            *gate,
            flow_section(found.flow, ()),
        ),
        facts=of_evaluation(evaluation),
        result=headline(evaluation) if evaluation.enrolled else "No patient is in the study.",
    )


def _of_aggregates(held: Cohorts, store: Store) -> View:
    study = held.study
    text = "Outcomes shows, for a period, what your disclosure policy lets out."
    about = Section("about", "What you may see", texts=(text,))
    return View(study.title, (about, freshness_section(store)), of_study(study))


def freshness_section(store: Store) -> Section:
    """When each site's data came last, and whether that ended well."""
    last: dict[str, IngestRunRow] = {run.site: run for run in store.runs()}
    unfinished = {run.site for run in store.unfinished_runs()}
    now = datetime.now(UTC)
    rows = [_fresh(run, run.site in unfinished, now) for run in last.values()]
    table = Table("", ("site", "last ingest", "ago", ""), rows)
    return Section("freshness", "How fresh the data are", tables=(table,))


def _fresh(run: IngestRunRow, unfinished: bool, now: datetime) -> tuple[str, ...]:
    began = run.started if run.started.tzinfo else run.started.replace(tzinfo=UTC)
    said = "an ingest did not end: run it again" if unfinished else ""
    return run.site, f"{began:%Y-%m-%d %H:%M} UTC", counted((now - began).days, "day"), said


def gate_section(gate: Gate) -> Section:
    """The rules of the quality gate, those that fail first."""
    verdicts = sorted(gate.verdicts, key=lambda each: each.state != "failed")
    rows = [
        (
            each.rule.id,
            f"{each.state}{_severity(each.rule.severity, each.state)}",
            f"{each.tally.failed:,} of {each.tally.checked:,}",
            f"{100 * each.rule.max_share:g} %",
            each.rule.title,
        )
        for each in verdicts
    ]
    columns = ("rule", "result", "fail", "limit", "what it asks")
    note = "raiway check names the resources that fail, and ends with 3 where an error rule does."
    table = Table("", columns, rows, (note,))
    return Section("gate", "Quality gate", texts=(gate.words,), tables=(table,))


def _severity(severity: str, state: str) -> str:
    return f" ({severity})" if state == "failed" else ""
