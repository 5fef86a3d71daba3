"""One patient: the course, what set each date, the facts behind it, and the resource as it came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import RedirectResponse, Response

from adapter.api.fhir.failures import FhirFailure
from adapter.api.pages.cohorts import Cohorts, cohorts
from adapter.api.pages.filters import Filters
from adapter.api.pages.patients import LABEL, PATH, address, tokens
from adapter.api.pages.shell import View, answer
from adapter.api.pages.viewing import (
    PageRoute,
    Viewer,
    form_sender,
    patient_viewer,
    sent_form,
)
from adapter.api.security.audit import audit
from adapter.cohort import explained
from adapter.evidence import evidence
from adapter.html_report.definition import of_study
from adapter.html_report.names import Names
from adapter.html_report.page import Plot, Section
from adapter.html_report.patient_part import patients_section
from adapter.models import PatientRow, ResourceRow
from adapter.tables import Table, counted
from analytics.course import MBQ_PER_MCI
from analytics.episode import Course, Episode
from analytics.study import Study

if TYPE_CHECKING:
    from adapter.store import Store

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(f"{PATH}/{{token}}")
def patient(
    request: Request,
    who: Annotated[Viewer, Depends(patient_viewer)],
    token: Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")],
) -> Response:
    """The page of the patient whose token it is."""
    held = cohorts(request)
    with held.context.store() as store:
        view = _view(held, store, (_key(request, store, token), token))
    audit(request, who.who, "R", [f"Patient/{token}"], interaction="patient")
    return answer(request, who, view)


@router.post(PATH)
def find(
    request: Request,
    who: Annotated[Viewer, Depends(form_sender)],
    form: Annotated[dict[str, str], Depends(sent_form)],
) -> Response:
    """To the page of the patient who is named by key, `Patient/id` or id. Sent as a form, so that
    no id stands in an address."""
    held = cohorts(request)
    with held.context.store() as store:
        course = explained(store, held.study, form.get("patient", "").strip(), form.get("site", ""))
    audit(request, who.who, "E", interaction="find-patient")
    return RedirectResponse(address(tokens(request), course.patient_key), 303)


def _key(request: Request, store: Store, token: str) -> str:
    """The key in the store. Raises FhirFailure 404."""
    known = tokens(request)
    found = known.find(token, (row.patient_key for row in store.rows(PatientRow)))
    if found is None:
        # Somebody whose Patient resource never came.
        everybody = cohorts(request).of(store, Filters()).evaluation.courses
        found = known.find(token, (course.patient_key for course in everybody))
    if found is None:
        text = "no patient of the store has this page; the data may have changed"
        raise FhirFailure(404, "not-found", text)
    return found


def _view(held: Cohorts, store: Store, named: tuple[str, str]) -> View:
    """named: the key in the store, and the token."""
    study, (key, token) = held.study, named
    label = token[:LABEL]
    course = explained(store, study, key)
    names = Names({key: label})
    n = sum(1 for _ in store.rows(ResourceRow, patient_key=key))
    (part,) = patients_section([course], names, evidence(store, [course])).parts
    said = f"in the study, {counted(len(course.episodes), 'episode')}"
    out = f"not in the study: {(course.attrition or '').replace('_', ' ')}"
    return View(
        f"Patient {label}",
        sections=(*_course(course, names, study), replace(part, title="What set each date")),
        facts=(("key", key), ("site", course.site), ("resources", f"{n:,}"), *of_study(study)),
        result=said if course.episodes else out,
    )


def _course(course: Course, names: Names, study: Study) -> Iterator[Section]:
    from adapter.html_report import patient_plots

    if not course.episodes:
        return
    first = course.episodes[:1]
    drawn = (
        patient_plots.swimmer_plot(first, names),
        patient_plots.spider_plot("tg", first, names),
        patient_plots.spider_plot("ct", first, names),
    )
    texts = ("The plots are of the first episode.",) if len(course.episodes) > 1 else ()
    plots: tuple[Plot, ...] = tuple(plot for plot in drawn if plot)
    tables = tuple(_episode(each, study) for each in course.episodes)
    yield Section("course", "Course", texts=texts, plots=plots, tables=tables)


def _episode(episode: Episode, study: Study) -> Table:
    """What was done and what came of it."""
    seen, driver = episode.follow_up, episode.profile.driver
    labels = {each.code: each.label for each in study.driver_classes}
    drugs = episode.drugs.regimen.replace("+", " + ")
    rows = [
        ("driver", labels.get(driver, driver)),
        ("index drugs", f"{drugs}, from {episode.drugs.first_day}"),
        ("uptake", episode.uptake or "-"),
        ("I-131", _activity(episode)),
        ("protocol finish", f"{episode.finish} ({episode.finish_rule.replace('_', ' ')})"),
        *((f"Tg, {name.replace('_', ' ')}", said) for name, said in episode.tg_change.items()),
        *((f"CT, {name.replace('_', ' ')}", said) for name, said in episode.ct_change.items()),
        ("best RECIST", episode.best_recist),
        ("outcome", f"{seen.reason.replace('_', ' ')}, day {seen.days}"),
        *(("deviation", each) for each in episode.deviations),
    ]
    said = [(name, value.replace("_", " ")) for name, value in rows]
    return Table(f"Episode {episode.number}", ("", ""), said)


def _activity(episode: Episode) -> str:
    if episode.rai is None:
        return "none"
    if episode.rai_mbq is None:
        return "activity unknown"
    return f"{episode.rai_mbq / MBQ_PER_MCI:.1f} mCi ({episode.rai_mbq / 1000:.2f} GBq)"
