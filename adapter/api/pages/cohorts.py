"""The evaluations that pages show, kept until the data change: plots alone take seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import Request

from adapter import definitions
from adapter.api.context import ApiContext
from adapter.api.evaluating.cache import ResultCache
from adapter.api.fhir.failures import FhirFailure
from adapter.api.pages.filters import Filters
from adapter.cohort import Attrition, attrition_of
from adapter.evaluate import Evaluation, evaluate
from adapter.models import PatientRow
from adapter.quality.stamp import runs_so_far, stamped
from analytics.aggregate import aggregate
from analytics.estimate import estimate
from analytics.patient_level import site_figures
from analytics.study import Study

if TYPE_CHECKING:
    from adapter.store import Store

MOST_PATIENTS = 10_000
"""Of more, single courses are not held in a server's memory: about 25 kB each."""
KEPT_EVALUATIONS, KEPT_PAGES = 2, 24
_Held = TypeVar("_Held")


@dataclass(frozen=True, slots=True)
class Cohort:
    """What a page shows of: the evaluation of the patients who fit, and of whom they are a part.

    whole: without the filters by driver and drug, for what can be chosen.
    """

    filters: Filters
    evaluation: Evaluation
    whole: Evaluation
    flow: Attrition


class Cohorts:
    """The cohorts of one server process; threads may share it."""

    def __init__(self, context: ApiContext) -> None:
        self.context = context
        self._evaluations: ResultCache[Evaluation] = ResultCache(KEPT_EVALUATIONS)
        self._pages: ResultCache[Any] = ResultCache(KEPT_PAGES)

    @property
    def study(self) -> Study:
        """The study of the server's settings. Raises DefinitionError."""
        return definitions.load().study(self.context.settings.analysis.study)

    def of(self, store: Store, filters: Filters) -> Cohort:
        """The cohort. Raises UsageError for an unknown site, FhirFailure 403 for one too large."""
        study = self.study
        asked = filters.asked
        version = store.fingerprint(asked.sites)
        key = (study.fingerprint, version, runs_so_far(store), datetime.now(UTC).date(), asked)
        whole = self._evaluations.get(key, lambda: (self._evaluated(store, study, filters), True))
        found = _narrowed(whole, filters) if filters.narrowed else whole
        return Cohort(filters, found, whole, attrition_of(found.courses, study))

    def kept(self, page: str, cohort: Cohort, made: Callable[[], _Held]) -> _Held:
        """What a page is made of, made once for the same data, rules, gate and patients."""
        found = cohort.evaluation
        chosen = tuple(
            (e.patient_key, e.number) for course in found.courses for e in course.episodes
        )
        key = (page, found.study.fingerprint, found.data_version, found.quality, chosen)
        parts: _Held = self._pages.get(key, lambda: (made(), True))
        return parts

    def check_size(self, store: Store, sites: Sequence[str]) -> None:
        """Raises FhirFailure 403 where the sites have more patients than a page looks at."""
        if _persons(store, sites) > MOST_PATIENTS:
            raise FhirFailure(
                403,
                "too-costly",
                f"more than {MOST_PATIENTS:,} patients: choose a site, or use the command line",
            )

    def _evaluated(self, store: Store, study: Study, filters: Filters) -> Evaluation:
        self.check_size(store, filters.site)
        return stamped(store, evaluate(store, study, filters.asked))


def _persons(store: Store, sites: Sequence[str]) -> int:
    if not sites:
        return store.counts()[PatientRow.__tablename__]
    return sum(1 for site in sites for _ in store.rows(PatientRow, site=site))


def _narrowed(whole: Evaluation, filters: Filters) -> Evaluation:
    """The evaluation of a part: added up and estimated anew, from the same courses."""
    study, courses = whole.study, filters.keep(whole.courses)
    found = aggregate(courses, study, whole.aggregate.header)
    return replace(
        whole,
        courses=courses,
        aggregate=found,
        estimates=estimate(found, study),
        site=site_figures(courses, study),
    )


def cohorts(request: Request) -> Cohorts:
    """The cohorts of the application that a request came to."""
    found: Cohorts = request.app.state.cohorts
    return found
