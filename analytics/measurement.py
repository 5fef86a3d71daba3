"""Thyroglobulin and lesion sums of one protocol: before the drugs, at landmarks, and changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from analytics import response, thyroglobulin
from analytics.course import Finding, PatientFacts
from analytics.exposure import DrugCourse
from analytics.protocol import Protocol
from analytics.response import LesionSum
from analytics.study import Study
from analytics.thyroglobulin import TgValue


def pairs(study: Study) -> list[tuple[str, str]]:
    """The changes that are reported: from before to each landmark, and between neighbours."""
    names = [landmark.name for landmark in study.landmarks]
    return [("prior", name) for name in names] + list(pairwise(names))


@dataclass(frozen=True, slots=True)
class Measurements:
    """Values by time (`prior` and the landmarks), their changes, and all values, oldest first."""

    tg: dict[str, TgValue | None]
    tg_change: dict[str, str]
    tg_series: tuple[TgValue, ...]
    ct: dict[str, LesionSum | None]
    ct_change: dict[str, str]
    ct_series: tuple[LesionSum, ...]

    def findings(self) -> Iterator[Finding]:
        """Which values were taken at which time, and what their changes were."""
        for name, value in self.tg.items():
            if value:
                yield Finding(f"tg:{name}", "measured", value.day, value.text, (value.ref,))
        for name, scan in self.ct.items():
            if scan:
                text = f"{scan.sum_mm} mm"
                yield Finding(f"ct:{name}", "measured", scan.day, text, (scan.ref,))
        for what, changes in (("tg", self.tg_change), ("ct", self.ct_change)):
            for change, category in changes.items():
                yield Finding(f"{what}:{change}", "category", text=category)


def measurements(
    facts: PatientFacts, protocol: Protocol, courses: Sequence[DrugCourse], study: Study
) -> Measurements:
    """The measurements of one protocol; `courses` are all courses of index drugs."""
    tg_series = _tg_series(facts, courses, study)
    sums = response.lesion_sums(facts.imaging, study)
    tg, ct = _tg(protocol, tg_series, study), _ct(protocol, sums, study)
    return Measurements(
        tg=tg,
        tg_change={
            f"{a}_to_{b}": thyroglobulin.category(tg[a], tg[b], study) for a, b in pairs(study)
        },
        tg_series=tg_series,
        ct=ct,
        ct_change={
            f"{a}_to_{b}": response.ct_category(ct[a], ct[b], study) for a, b in pairs(study)
        },
        ct_series=tuple(sums),
    )


def _tg_series(
    facts: PatientFacts, courses: Sequence[DrugCourse], study: Study
) -> tuple[TgValue, ...]:
    series = thyroglobulin.tg_series(facts.labs, facts.drugs, study)
    return tuple(
        replace(value, on_drug=True)
        if any(course.takes(value.day) for course in courses)
        else value
        for value in series
    )


def _tg(protocol: Protocol, series: Sequence[TgValue], study: Study) -> dict[str, TgValue | None]:
    # The drugs themselves can raise thyroglobulin: a value on them is no outcome.
    off_drug = [value for value in series if not value.on_drug]
    first = protocol.drugs.first_day
    values = {"prior": thyroglobulin.baseline(off_drug, first, study.baseline_days)}
    for mark in study.landmarks:
        at = (protocol.finish, mark.day, mark.tolerance)
        values[mark.name] = thyroglobulin.nearest_to(off_drug, *at)
    return values


def _ct(protocol: Protocol, sums: Sequence[LesionSum], study: Study) -> dict[str, LesionSum | None]:
    first = protocol.drugs.first_day
    values = {"prior": response.baseline_sum(sums, first, study.baseline_days)}
    for mark in study.landmarks:
        at = (protocol.finish, mark.day, mark.tolerance)
        values[mark.name] = response.sum_nearest_to(sums, *at)
    return values
