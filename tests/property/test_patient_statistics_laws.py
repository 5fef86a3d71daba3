"""Laws of single patients' statistics: RECIST, the signed-rank test and censored lines."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapter.definitions import load
from analytics.course import DateSpan, FactRef, ImagingAssessment
from analytics.errors import NotEstimable
from analytics.paired import pseudo_median, signed_rank, signed_rank_normal
from analytics.recist import BEST_FIRST, category_of, structural_response
from analytics.response import LesionSum
from analytics.tobit import tobit
from tests.lib.story import day

law = settings(derandomize=True, max_examples=100)
STUDY = load().study("redifferentiation")
FINISH = day(0)

mm = st.integers(0, 200).map(Decimal)


def _scan(at: int, total: int | None, new: bool, stated: str) -> ImagingAssessment:
    return ImagingAssessment(
        ref=FactRef("Observation", str(at)),
        date=DateSpan.of(day(at)),
        sum_diam_mm=None if total is None else Decimal(total),
        new_lesion=new,
        recist=stated,
    )


scans = st.lists(
    st.builds(
        _scan,
        st.integers(1, 192),
        st.one_of(st.none(), st.integers(0, 200)),
        st.sampled_from([False, False, False, True]),
        st.sampled_from(["", *BEST_FIRST]),
    ),
    max_size=8,
    unique_by=lambda scan: scan.ref,
)
rules = st.builds(
    lambda source, best: replace(STUDY, recist_source=source, best_response=best),
    st.sampled_from(["stated", "stated_first", "computed"]),
    st.sampled_from(["any", "until_progression", "confirmed"]),
)
baselines = st.one_of(
    st.none(), mm.map(lambda total: LesionSum(day(-60), total, False, FactRef("Observation", "b")))
)


@law
@given(scans, baselines, rules, st.randoms(use_true_random=False))
def test_the_order_in_which_scans_arrive_does_not_matter(found, baseline, study, random) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    first = structural_response(found, baseline, FINISH, study)
    assert structural_response(shuffled, baseline, FINISH, study) == first


@law
@given(mm, mm, mm, mm)
def test_more_tumour_is_never_a_better_response(total, more, baseline, nadir) -> None:
    assume(baseline > 0)
    nadir = min(nadir, baseline)
    rank = BEST_FIRST.index(category_of(total, baseline, nadir, STUDY))
    assert BEST_FIRST.index(category_of(total + more, baseline, nadir, STUDY)) >= rank


@law
@given(mm, mm, mm, mm)
def test_a_lower_nadir_is_never_kinder(total, baseline, nadir, lower) -> None:
    assume(baseline > 0)
    nadir = min(nadir, baseline)
    rank = BEST_FIRST.index(category_of(total, baseline, nadir, STUDY))
    low = min(nadir, lower)
    assert BEST_FIRST.index(category_of(total, baseline, low, STUDY)) >= rank


@law
@given(scans, baselines)
def test_each_rule_of_the_best_response_is_stricter_than_the_last(found, baseline) -> None:
    ranks = []
    for rule in ("any", "until_progression", "confirmed"):
        study = replace(STUDY, recist_source="computed", best_response=rule)
        best = structural_response(found, baseline, FINISH, study).best
        ranks.append((*BEST_FIRST, "missing").index(best))
    assert ranks == sorted(ranks)


@law
@given(scans, baselines)
def test_readers_who_state_what_the_sums_give_never_disagree(found, baseline) -> None:
    study = replace(STUDY, recist_source="computed")
    sums = structural_response(found, baseline, FINISH, study).assessments
    said = {each.ref: each.category for each in sums}
    echoed = [replace(scan, recist=said.get(scan.ref, "")) for scan in found]
    assert structural_response(echoed, baseline, FINISH, study).disagreements == ()


differences = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=30)


@law
@given(differences, st.randoms(use_true_random=False))
def test_signs_and_order_do_not_move_the_signed_rank_test(found, random) -> None:
    assume(any(found))
    shuffled = list(found)
    random.shuffle(shuffled)
    for test in (signed_rank, signed_rank_normal):
        result, mirrored = test(found), test([-each for each in found])
        assert 0 < result.p <= 1
        assert mirrored.p == pytest.approx(result.p, rel=1e-12)
        assert result.v + mirrored.v == result.n * (result.n + 1) / 2
        assert test(shuffled) == result
        assert test([*found, 0.0]) == replace(result, zeros=result.zeros + 1)


@law
@given(differences, st.integers(-20, 20))
def test_the_pseudo_median_moves_with_the_differences(found, shift) -> None:
    here, there = pseudo_median(found), pseudo_median([each + shift for each in found])
    assert there.value == here.value + shift
    assert (there.low, there.high) == (here.low + shift, here.high + shift)
    assert here.low <= here.value <= here.high


points = st.lists(st.tuples(st.integers(0, 40), st.integers(-30, 30)), min_size=4, max_size=20).map(
    lambda rows: np.array(rows, dtype=float)
)


@law
@given(points)
def test_without_censoring_tobit_is_least_squares_by_maximum_likelihood(rows) -> None:
    x, y = rows[:, 0], rows[:, 1]
    assume(len(set(x)) > 2)
    design = np.column_stack((np.ones(len(x)), x))
    coef, *_ = np.linalg.lstsq(design, y, rcond=None)
    residual = y - design @ coef
    variance = float(residual @ residual) / len(y)
    assume(variance > 1e-6)
    fit = tobit(design, y, np.zeros(len(y)))
    assert fit.coef == pytest.approx(coef, rel=1e-8, abs=1e-8)
    assert fit.sigma**2 == pytest.approx(variance, rel=1e-8)
    expected = variance * np.linalg.inv(design.T @ design)
    assert fit.covariance[:2, :2] == pytest.approx(expected, rel=1e-7, abs=1e-12)
    assert fit.covariance[2, 2] == pytest.approx(1 / (2 * len(y)), rel=1e-7)


@law
@given(points, st.integers(0, 3))
def test_mirrored_data_give_a_mirrored_line(rows, n_censored) -> None:
    x, y = rows[:, 0], rows[:, 1]
    side = np.array([-1.0] * n_censored + [0.0] * (len(y) - n_censored))
    design = np.column_stack((np.ones(len(x)), x))
    try:
        fit = tobit(design, y, side)
    except NotEstimable:
        assume(False)
    mirrored = tobit(design, -y, -side)
    assert mirrored.coef == pytest.approx(-fit.coef, rel=1e-6, abs=1e-8)
    assert mirrored.sigma == pytest.approx(fit.sigma, rel=1e-6)
