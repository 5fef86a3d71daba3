"""Progressions that nobody stated: those that the sums of diameters or thyroglobulin give.

Each becomes a statement of a source of its own, so that the study decides whether it counts.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from analytics import recist, thyroglobulin
from analytics.course import DateSpan, DiseaseStatus, PatientFacts
from analytics.measurement import Measurements
from analytics.study import Study


def with_computed_progressions(
    facts: PatientFacts, measured: Measurements, finish: date, study: Study
) -> PatientFacts:
    """The facts, with the progressions that the study wants computed."""
    found: tuple[DiseaseStatus, ...] = ()
    if "recist_computed" in study.progression_sources:
        found += recist.computed_progressions(facts.imaging, measured.ct["prior"], study)
    if "tg_increase" in study.progression_sources:
        found += tg_increases(measured, finish, study)
    return replace(facts, statuses=(*facts.statuses, *found))


def tg_increases(measured: Measurements, finish: date, study: Study) -> tuple[DiseaseStatus, ...]:
    """Each thyroglobulin above the one before the drugs, by the study's profile: biochemical.

    Only values off the drugs, unstimulated, and from `tg_increase_from_day` after finish.
    """
    first = finish + timedelta(days=study.tg_increase_from_day)
    return tuple(
        DiseaseStatus(
            ref=value.ref,
            disease_status="PD",
            date=DateSpan.of(value.day),
            evidence="tg_increase",
            biochemical=True,
        )
        for value in measured.tg_series
        if value.day >= first
        and not value.on_drug
        and value.tsh_state != "stimulated"
        and thyroglobulin.category(measured.tg["prior"], value, study) == "increase"
    )
