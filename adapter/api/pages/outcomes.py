"""The outcomes: curves, responses, courses; for a role without patients, what may leave."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from adapter.abstract import headline
from adapter.api.evaluating.given import Given
from adapter.api.evaluating.question import Sent
from adapter.api.evaluating.routes import evaluator_of
from adapter.api.pages.cohort_form import cohort_form
from adapter.api.pages.cohorts import cohorts
from adapter.api.pages.filters import Filters, filters
from adapter.api.pages.patients import PageNames, tokens
from adapter.api.pages.reported import report_tables
from adapter.api.pages.shell import View, answer
from adapter.api.pages.viewing import PageRoute, Viewer, viewer
from adapter.api.security.audit import audit
from adapter.html_report.definition import of_evaluation, of_study
from adapter.html_report.page import Section
from adapter.report.evaluation import measures
from analytics.patient_level import counted_episodes

router = APIRouter(route_class=PageRoute, include_in_schema=False)
PATH = "/outcomes"


@router.get(PATH)
def outcomes(
    request: Request,
    who: Annotated[Viewer, Depends(viewer)],
    chosen: Annotated[Filters, Depends(filters)],
) -> Response:
    """The figures of the cohort that the address names."""
    view = _of_patients(request, who, chosen) if who.patient_level else _of_reports(request, who)
    return answer(request, who, view)


def _of_patients(request: Request, who: Viewer, chosen: Filters) -> View:
    # What draws takes a second and 100 MB to load, and a facade alone never needs it.
    from adapter.html_report.patient_page import outcome_sections

    held = cohorts(request)
    with held.context.store() as store:
        cohort = held.of(store, chosen)
    audit(request, who.who, "R", interaction="outcomes")
    evaluation = cohort.evaluation
    keys = [each.patient_key for each in counted_episodes(evaluation.courses, evaluation.study)]
    names = PageNames.leading(keys, tokens=tokens(request))
    sections = held.kept("outcomes", cohort, lambda: outcome_sections(evaluation, names))
    return View(
        "Outcomes",
        sections=sections if keys else (),
        facts=of_evaluation(evaluation),
        result=headline(evaluation) if keys else "No patient fits.",
        template="cohort_form.html.j2",
        form=cohort_form(PATH, cohort),
    )


def _of_reports(request: Request, who: Viewer) -> View:
    """The Measures' summaries for a period, by the same way as a system asks for them."""
    evaluator = evaluator_of(request)
    settings, study = evaluator.context.settings, cohorts(request).study
    sent = request.query_params
    stated = {name: sent.get(name, "") for name in ("from", "to")}
    sections: tuple[Section, ...] = ()
    if all(stated.values()):
        given = Given({
            "measure": tuple(sorted(measures(settings.report.base))),
            "periodStart": (stated["from"],),
            "periodEnd": (stated["to"],),
        })  # fmt: skip
        found = evaluator.now(evaluator.plan(Sent(given, who.who, several=True)))
        audit(request, who.who, "E", interaction="evaluate")
        sections = tuple(_reported(found.reports))
    return View(
        "Outcomes",
        sections=sections,
        facts=of_study(study),
        template="period_form.html.j2",
        form={"path": PATH, "from": stated["from"], "to": stated["to"], "today": date.today},
    )


def _reported(reports: list[list[dict[str, Any]]]) -> Iterator[Section]:
    for each in reports:
        for report in each:
            title, tables, hidden = report_tables(report)
            yield Section(title.replace(" ", "-"), title, texts=hidden, tables=tables)
