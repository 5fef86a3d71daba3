"""The cohort explorer: who is in and who is out, by filters that are the address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from adapter.api.fhir.failures import FhirFailure
from adapter.api.pages.cohort_form import cohort_form
from adapter.api.pages.cohorts import Cohort, cohorts
from adapter.api.pages.filters import Filters, filters
from adapter.api.pages.patients import PageNames, Tokens, address, tokens
from adapter.api.pages.shell import View, answer
from adapter.api.pages.viewing import PageRoute, Viewer, patient_viewer
from adapter.api.security.audit import audit
from adapter.html_report.definition import of_evaluation
from adapter.html_report.flow import flow_section
from adapter.html_report.page import Linked, Section, Steps
from adapter.tables import counted
from analytics.episode import Course, Episode
from analytics.patient_level import counted_episodes

router = APIRouter(route_class=PageRoute, include_in_schema=False)
PATH = "/cohort"
ON_A_PAGE = 100
_ANCHORS = {"page": "in", "out": "out"}


@router.get(PATH)
def explorer(
    request: Request,
    who: Annotated[Viewer, Depends(patient_viewer)],
    chosen: Annotated[Filters, Depends(filters)],
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    out: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> Response:
    """The flow, the patients who are in, and those who are out with the reason."""
    held = cohorts(request)
    with held.context.store() as store:
        cohort = held.of(store, chosen)
    audit(request, who.who, "R", interaction="cohort")
    if page > lists_of(cohort.flow.enrolled) or out > lists_of(cohort.flow.persons):
        raise FhirFailure(404, "not-found", "the list has no such page")
    lists = _Lists(cohort, tokens(request), page, out)
    return answer(request, who, View(
        "Cohort",
        sections=(flow_section(cohort.flow, ()), lists.enrolled(), lists.others()),
        facts=of_evaluation(cohort.evaluation),
        result=f"{cohort.flow.enrolled:,} of {counted(cohort.flow.persons, 'person')} in the study",
        template="cohort.html.j2",
        form={**cohort_form(PATH, cohort), "more": list(lists.more())},
    ))  # fmt: skip


def lists_of(n: int) -> int:
    """How many pages a list of n takes."""
    return max(1, -(-n // ON_A_PAGE))


@dataclass(frozen=True, slots=True)
class _Lists:
    cohort: Cohort
    tokens: Tokens
    page: int
    out: int

    def enrolled(self) -> Section:
        """Who is in, in the order in which plots name them."""
        evaluation = self.cohort.evaluation
        episodes = counted_episodes(evaluation.courses, evaluation.study)
        names = PageNames.leading((each.patient_key for each in episodes), self.tokens)
        labels = {each.code: each.label for each in evaluation.study.driver_classes}
        first, shown = _cut(episodes, self.page)
        rows = [("", _row(each, names, labels)) for each in shown]
        columns = (
            "patient", "site", "sex", "age", "driver", "drugs", "protocol finish", "Tg change",
            "best RECIST", "outcome",
        )  # fmt: skip
        title = _title("In the study", first, len(shown), len(episodes))
        return Section("in", "Who is in", steps=(Steps(title, columns, rows),))

    def others(self) -> Section:
        """Who is out, by reason, each with a page that says why."""
        courses = [course for course in self.cohort.evaluation.courses if course.attrition]
        courses.sort(key=lambda course: (course.attrition or "", course.patient_key))
        first, shown = _cut(courses, self.out)
        rows = [("", _out(course, self.tokens)) for course in shown]
        title = _title("Out of it", first, len(shown), len(courses))
        steps = Steps(title, ("reason", "patient", "site", "what"), rows)
        return Section("out", "Who is out", steps=(steps,) if rows else ())

    def more(self) -> Iterator[tuple[str, str]]:
        """Where the others are: what a link says, and its address."""
        found, study = self.cohort.evaluation.courses, self.cohort.evaluation.study
        sizes = {
            "page": (self.page, len(counted_episodes(found, study)), "in the study"),
            "out": (self.out, sum(bool(course.attrition) for course in found), "out of it"),
        }
        for name, (page, n, said) in sizes.items():
            for word, other in (("before", page - 1), ("after", page + 1)):
                if 1 <= other <= lists_of(n):
                    query = self.cohort.filters.query
                    to = f"{PATH}{query}{'&' if query else '?'}{name}={other}#{_ANCHORS[name]}"
                    yield f"{ON_A_PAGE} {said} {word} these", to


def _cut(found: Sequence[Episode] | Sequence[Course], page: int) -> tuple[int, list]:  # type: ignore[type-arg]
    first = (page - 1) * ON_A_PAGE
    return first, list(found[first : first + ON_A_PAGE])


def _title(what: str, first: int, shown: int, n: int) -> str:
    return f"{what}: {first + 1:,} to {first + shown:,} of {n:,}" if shown else f"{what}: nobody"


def _row(episode: Episode, names: PageNames, labels: dict[str, str]) -> tuple[str | Linked, ...]:
    seen, driver = episode.follow_up, episode.profile.driver
    change = next(reversed(episode.tg_change.values()), "")
    return (
        names.link(episode.patient_key),
        episode.site,
        episode.sex,
        "" if episode.age_years is None else f"{episode.age_years}",
        labels.get(driver, driver),
        episode.drugs.regimen.replace("+", " + "),
        f"{episode.finish} ({episode.finish_rule.replace('_', ' ')})",
        change.replace("_", " "),
        episode.best_recist.replace("_", " "),
        f"{seen.reason.replace('_', ' ')}, day {seen.days}",
    )


def _out(course: Course, known: Tokens) -> tuple[str | Linked, ...]:
    return (
        (course.attrition or "").replace("_", " "),
        Linked(known.label(course.patient_key), address(known, course.patient_key)),
        course.site,
        course.findings[-1].text if course.findings else "",
    )
