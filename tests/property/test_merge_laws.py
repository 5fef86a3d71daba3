"""The laws of the four steps: derive looks at one patient, add is a commutative monoid, and
estimate cannot tell how the patients were split."""

from __future__ import annotations

import dataclasses
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.definitions import load
from analytics.aggregate import Aggregate, HeadersDiffer, aggregate, header
from analytics.course import PatientFacts
from analytics.episode import Course, derive, in_period
from analytics.estimate import estimate
from analytics.study import Study
from tests.lib.patients import patients

STRATIFIERS = ("driver", "sex", "site")


@pytest.fixture(scope="module")
def study() -> Study:
    return load().study("redifferentiation")


def _cells(courses: list[Course], study: Study) -> Aggregate:
    return aggregate(courses, study, header(study, STRATIFIERS))


@st.composite
def cohorts(draw: st.DrawFn) -> list[PatientFacts]:
    n = draw(st.integers(0, 12))
    return [draw(patients(key=f"p{number}")) for number in range(n)]


@given(patient=patients(key="p"), seed=st.integers(0, 1000))
def test_the_order_of_facts_does_not_matter(patient: PatientFacts, seed: int, study: Study) -> None:
    shuffler = random.Random(seed)
    changed = {}
    for field in dataclasses.fields(patient):
        value = getattr(patient, field.name)
        if isinstance(value, tuple):
            changed[field.name] = tuple(shuffler.sample(value, len(value)))
    assert derive(dataclasses.replace(patient, **changed), study) == derive(patient, study)


@given(cohort=cohorts(), marks=st.lists(st.integers(0, 3), min_size=12, max_size=12))
@settings(max_examples=60)
def test_the_aggregate_of_all_is_the_sum_over_sites(
    cohort: list[PatientFacts], marks: list[int], study: Study
) -> None:
    courses = [derive(patient, study) for patient in cohort]
    whole = _cells(courses, study)
    parts = [
        _cells([c for c, mark in zip(courses, marks, strict=False) if mark == site], study)
        for site in range(4)
    ]
    zero = _cells([], study)
    forwards, backwards = zero, zero
    for part in parts:
        forwards = forwards + part
    for part in reversed(parts):
        backwards = part + backwards
    assert forwards == whole
    assert backwards == whole
    assert (parts[0] + parts[1]) + parts[2] == parts[0] + (parts[1] + parts[2])
    assert parts[0] + zero == parts[0]
    _same_estimates(forwards, whole, study)


def _same_estimates(left: Aggregate, right: Aggregate, study: Study) -> None:
    one, two = estimate(left, study), estimate(right, study)
    assert one.overall.values.keys() == two.overall.values.keys()
    for name, value in one.overall.values.items():
        other = two.overall.values[name]
        if isinstance(value, float) and isinstance(other, float):
            assert math.isclose(value, other, rel_tol=1e-12, abs_tol=1e-12), name
        else:
            assert value == other, name


@given(cohort=cohorts())
@settings(max_examples=40)
def test_strata_add_up_to_the_whole(cohort: list[PatientFacts], study: Study) -> None:
    found = estimate(_cells([derive(patient, study) for patient in cohort], study), study)
    for groups in found.strata.values():
        for name in ("n_patients", "progressed_by_192_n", "rai_uptake_n"):
            total = sum(group.values[name] or 0 for group in groups.values())
            assert total == found.overall.values[name]


@given(cohort=cohorts())
@settings(max_examples=40)
def test_everybody_is_in_or_out_with_a_reason(cohort: list[PatientFacts], study: Study) -> None:
    courses = [in_period(derive(patient, study), None, None) for patient in cohort]
    assert all(bool(course.episodes) != bool(course.attrition) for course in courses)
    values = estimate(_cells(courses, study), study).overall.values
    out = sum(v or 0 for name, v in values.items() if name.startswith("attrition:"))
    assert out + (values["n_patients"] or 0) == len(cohort)


@given(cohort=cohorts())
@settings(max_examples=40)
def test_times_lie_between_finish_and_horizon(cohort: list[PatientFacts], study: Study) -> None:
    for patient in cohort:
        for episode in derive(patient, study).episodes:
            seen = episode.follow_up
            assert 0 <= seen.days <= study.horizon_days
            assert (seen.days == 0) == (seen.reason == "no_follow_up")
            assert seen.event == (seen.reason == "progression")


def test_aggregates_of_different_studies_do_not_add(study: Study) -> None:
    other = dataclasses.replace(study, tg_profile="half")
    with pytest.raises(HeadersDiffer):
        _cells([], study) + _cells([], other)
