"""Store -> derive -> add -> estimate: the line from facts to figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from adapter.cohort import check_sites
from adapter.errors import UsageError
from analytics.aggregate import STRATIFIERS, Aggregate, aggregate, header
from analytics.episode import Course, derive, in_period
from analytics.estimate import Estimates, estimate
from analytics.figures import Value
from analytics.patient_level import SiteFigures, site_figures
from analytics.study import Study

if TYPE_CHECKING:
    from adapter.store import Store


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: sites (all if empty), the period of protocol finish, extra stratifiers."""

    sites: tuple[str, ...] = ()
    start: date | None = None
    end: date | None = None
    stratifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that the reports are made from. `site` figures never leave the site."""

    study: Study
    request: Request
    courses: Sequence[Course]
    aggregate: Aggregate
    estimates: Estimates
    site: SiteFigures
    data_version: str

    def figures(self) -> dict[str, Value]:
        """All figures by name, those of single patients included."""
        return {**self.estimates.overall.values, **self.site.figures}

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites asked for, else those whose patients were looked at."""
        return self.request.sites or tuple(sorted({course.site for course in self.courses}))

    @property
    def finishes(self) -> list[date]:
        """The days of protocol finish, ascending."""
        return sorted(episode.finish for course in self.courses for episode in course.episodes)

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
            "period": self._period(),
            "sites": list(self.sites),
        }

    def _period(self) -> dict[str, Any]:
        """As asked, an end left open filled with the first or last protocol finish."""
        start, end, finishes = self.request.start, self.request.end, self.finishes
        first, last = (finishes[0], finishes[-1]) if finishes else (None, None)
        days = [day.isoformat() if day else None for day in (start or first, end or last)]
        return {"start": days[0], "end": days[1], "asked": bool(start or end)}


def evaluate(store: Store, study: Study, request: Request) -> Evaluation:
    """The evaluation of a store under a study.

    Raises UsageError for an unknown stratifier or site, or a period that ends before it starts.
    """
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
    courses = [
        in_period(derive(facts, study), request.start, request.end)
        for facts in store.patients(request.sites)
    ]
    cells = aggregate(courses, study, header(study, request.stratifiers))
    return Evaluation(
        study=study,
        request=request,
        courses=courses,
        aggregate=cells,
        estimates=estimate(cells, study),
        site=site_figures(courses, study),
        data_version=store.fingerprint(request.sites),
    )
