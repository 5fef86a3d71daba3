"""Store -> derive -> add -> estimate: the line from facts to figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, NoReturn

from adapter.cohort import check_sites
from adapter.errors import UsageError
from analytics.aggregate import STRATIFIERS, Aggregate, aggregate, header
from analytics.episode import Course, derive, in_period
from analytics.estimate import Estimates, estimate
from analytics.figures import Value
from analytics.patient_level import SiteFigures, site_figures
from analytics.study import Study

if TYPE_CHECKING:
    from adapter.cohort_cells import CohortCells, Question
    from adapter.quality.gate import Gate
    from adapter.store import Store


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: sites (all if empty), the period of protocol finish, extra stratifiers, and
    patients by the store's keys (all if empty)."""

    sites: tuple[str, ...] = ()
    start: date | None = None
    end: date | None = None
    stratifiers: tuple[str, ...] = ()
    patients: tuple[str, ...] = ()


class NotKept(Sequence[Course]):
    """Stands for the courses where only an aggregate was asked for.

    Raises LookupError when it is looked into: an output of single patients must not be empty.
    """

    def __getitem__(self, _: object) -> NoReturn:
        raise LookupError("an aggregate keeps no courses; outputs of single patients need evaluate")

    def __len__(self) -> int:
        return len(self[:])

    def __iter__(self) -> Iterator[Course]:
        return iter(self[:])


@dataclass(frozen=True, slots=True)
class Cohort:
    """What is told of the patients beside the aggregate. screened: of whom there are facts;
    enrolled: who have an episode; finishes: the days of protocol finish, ascending."""

    screened: int
    enrolled: int
    sites: tuple[str, ...]
    finishes: list[date]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that the reports are made from. `site` figures never leave the site.

    Of `evaluate_aggregate` it has a `cohort`, but no courses (`NotKept`) and no site figures. gate:
    the quality gate's result, where it was run (`adapter.quality.stamp`).
    """

    study: Study
    request: Request
    courses: Sequence[Course]
    aggregate: Aggregate
    estimates: Estimates
    site: SiteFigures
    data_version: str
    cohort: Cohort | None = None
    gate: Gate | None = None

    def figures(self) -> dict[str, Value]:
        """All figures by name, those of single patients included where there are any."""
        return {**self.estimates.overall.values, **self.site.figures}

    @property
    def quality(self) -> str:
        """The quality gate's result in words."""
        return self.gate.words if self.gate else "not run"

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites asked for, else those whose patients were looked at."""
        return self.request.sites or self._seen.sites

    @property
    def finishes(self) -> list[date]:
        """The days of protocol finish, ascending."""
        return self._seen.finishes

    @property
    def screened(self) -> int:
        """The number of patients who were looked at."""
        return self._seen.screened

    @property
    def enrolled(self) -> int:
        """The number of them who are in the study."""
        return self._seen.enrolled

    @property
    def _seen(self) -> Cohort:
        if self.cohort:
            return self.cohort
        finishes = [episode.finish for course in self.courses for episode in course.episodes]
        sites = sorted({course.site for course in self.courses})
        enrolled = sum(bool(course.episodes) for course in self.courses)
        return Cohort(len(self.courses), enrolled, tuple(sites), sorted(finishes))

    def document(self) -> dict[str, Any]:
        """The `figures` format: figures, reasons for nulls, study with its hash, strata."""
        return {
            "figures": self.figures(),
            "not_estimable": {
                **self.estimates.overall.not_estimable,
                **self.site.not_estimable,
            },
            "study": {**self.study.parameters(), "hash": self.study.fingerprint},
            "strata": {
                stratifier: {value: found.values for value, found in groups.items()}
                for stratifier, groups in self.estimates.strata.items()
            },
            "data_version": self.data_version,
            "quality": {"passed": self.gate.passed if self.gate else None, "result": self.quality},
            "period": self._period(),
            "sites": list(self.sites),
        }

    def _period(self) -> dict[str, Any]:
        """As asked, an end left open filled with the first or last protocol finish."""
        start, end, finishes = self.request.start, self.request.end, self.finishes
        first, last = (finishes[0], finishes[-1]) if finishes else (None, None)
        days = [day.isoformat() if day else None for day in (start or first, end or last)]
        return {"start": days[0], "end": days[1], "asked": bool(start or end)}


def evaluate(
    store: Store, study: Study, request: Request, told: Callable[[int], None] = lambda done: None
) -> Evaluation:
    """The evaluation of a store under a study, with every patient's course.

    told: hears before each patient how many are done; what it raises ends the work there. Raises
    UsageError for an unknown stratifier or site, or a period that ends before it starts.
    """
    check(store, request)
    courses = list(_courses(store, study, request, told))
    return of_courses(courses, study, request, store.fingerprint(request.sites))


def of_courses(
    courses: Sequence[Course], study: Study, request: Request, data_version: str
) -> Evaluation:
    """The evaluation of every patient's course, in the order of the patients."""
    found = aggregate(courses, study, header(study, request.stratifiers))
    return Evaluation(
        study=study,
        request=request,
        courses=courses,
        aggregate=found,
        estimates=estimate(found, study),
        site=site_figures(courses, study),
        data_version=data_version,
    )


def evaluate_aggregate(
    store: Store, study: Study, request: Request, *, workers: int = 1, keep: bool = True
) -> Evaluation:
    """As `evaluate`, for what needs no single patient: a MeasureReport, an aggregate to be pooled.

    The same aggregate, estimates and data version; memory does not grow with the patients. Whose
    facts have not changed since the last time is not derived again, where `keep` is not False.
    workers: so many forked processes; a process with threads must have 1. Raises as `evaluate`.
    """
    from adapter.cohort_cells import cohort_cells

    check(store, request)
    question = question_of(study, request)
    return of_cells(cohort_cells(store, question, workers, keep=keep), question, request)


def question_of(study: Study, request: Request) -> Question:
    """What is asked of each patient."""
    from adapter.cohort_cells import Question

    head = header(study, request.stratifiers)
    return Question(study, head, request.start, request.end, request.sites)


def of_cells(seen: CohortCells, question: Question, request: Request) -> Evaluation:
    """The evaluation of what all patients add up to."""
    study, found = question.study, seen.aggregate(question.head)
    return Evaluation(
        study=study,
        request=request,
        courses=NotKept(),
        aggregate=found,
        estimates=estimate(found, study),
        site=SiteFigures({}),
        data_version=seen.data_version,
        cohort=Cohort(
            seen.patients,
            seen.enrolled,
            tuple(sorted(seen.sites)),
            sorted(seen.finishes.elements()),
        ),
    )


def check(store: Store, request: Request) -> None:
    """Raise UsageError for an unknown stratifier or site, or an end before the start."""
    for name in request.stratifiers:
        if name not in STRATIFIERS:
            known = ", ".join(STRATIFIERS)
            raise UsageError(f"cannot stratify by {name!r}", hint=f"stratifiers: {known}")
    if request.start and request.end and request.end < request.start:
        raise UsageError(
            f"the period ends on {request.end}, before it starts on {request.start}",
            hint="both days are counted; give the earlier one as the start",
        )
    check_sites(store, request.sites)


def _courses(
    store: Store, study: Study, request: Request, told: Callable[[int], None]
) -> Iterator[Course]:
    some = {"patient_keys": request.patients} if request.patients else {}
    for number, facts in enumerate(store.patients(request.sites, **some)):
        told(number)
        yield in_period(derive(facts, study), request.start, request.end)
