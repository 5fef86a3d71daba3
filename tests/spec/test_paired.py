"""Paired changes: Wilcoxon's test, the pseudo-median and paired means as R gives them."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from itertools import product

import pytest
from scipy.stats import wilcoxon

from analytics.errors import NotEstimable
from analytics.paired import (
    geometric_mean_ratio,
    paired_mean,
    pseudo_median,
    signed_rank,
    signed_rank_normal,
)
from tests.lib.needs import missing
from tests.lib.r_thyroglobulin import CHANGE, EXPECTED, SCRIPT

FIFTY = [math.sin(number) + 0.2 for number in range(1, 51)]
TIED = [1.0, 1.0, -2.0, 3.0, 4.0, -4.0, 5.0]


def test_the_cohort_at_three_months_has_the_published_p() -> None:
    assert signed_rank(CHANGE).p == 0.0067138671875  # statistics.md 5: scipy and R


@pytest.mark.parametrize(
    ("name", "differences", "exact"),
    [
        ("cohort", CHANGE, True),
        ("tied", TIED, False),
        ("fifty", FIFTY, False),
        ("forty_nine", FIFTY[:49], True),
    ],
)
def test_the_signed_rank_test_is_r_s(name: str, differences: list[float], exact: bool) -> None:
    found = signed_rank(differences)
    assert found.exact is exact
    assert [found.v] == EXPECTED[f"signed_rank.{name}.v"]
    assert [found.p] == pytest.approx(EXPECTED[f"signed_rank.{name}.p"], rel=1e-12)


def test_a_zero_is_left_out_and_counted_where_r_gives_up_the_exact_test() -> None:
    found = signed_rank([0.0, *CHANGE])
    assert (found.n, found.zeros, found.exact) == (15, 1, True)
    assert found.p == signed_rank(CHANGE).p
    theirs = signed_rank_normal([0.0, *CHANGE])
    assert theirs.exact is False
    assert [theirs.p] == pytest.approx(EXPECTED["signed_rank.zero.p"], rel=1e-12)
    assert [theirs.p] == pytest.approx(EXPECTED["signed_rank.cohort_normal.p"], rel=1e-12)


def test_the_exact_p_counts_all_signings() -> None:
    sizes = [1.5, 0.25, 2.0, 7.0, 3.0, 4.0]
    observed = signed_rank([1.5, -0.25, 2.0, 7.0, -3.0, 4.0])
    totals = [
        signed_rank([sign * size for sign, size in zip(signs, sizes, strict=True)]).v
        for signs in product((1, -1), repeat=6)
    ]
    tail = min(
        sum(total >= observed.v for total in totals), sum(total <= observed.v for total in totals)
    )
    assert observed.p == min(1, 2 * tail / 64)


def test_scipy_agrees_without_ties() -> None:
    theirs = wilcoxon(CHANGE, method="exact")
    assert signed_rank(CHANGE).p == pytest.approx(theirs.pvalue, rel=1e-12)


def test_the_pseudo_median_is_r_s() -> None:
    found = pseudo_median(CHANGE)
    expected = EXPECTED["pseudo_median.cohort"][:3]
    assert [found.value, found.low, found.high] == pytest.approx(expected, rel=1e-12)
    assert found.level == pytest.approx(0.95208740234375)  # 1 - 2 P(V <= 25), not less than asked
    small = pseudo_median([1.5, -0.25, 2])
    assert [small.value, small.low, small.high, small.level] == EXPECTED["pseudo_median.small"]


def test_the_paired_mean_is_r_s() -> None:
    found = paired_mean(CHANGE)
    values = [found.mean, found.se, found.low, found.high, found.t, found.p]
    assert values == pytest.approx(EXPECTED["paired_mean.cohort"], rel=1e-12)


def test_the_geometric_mean_ratio_by_hand() -> None:
    # Halved and doubled: no change on average. t(1) is the Cauchy distribution.
    ratio = geometric_mean_ratio([math.log(0.5), math.log(2)], level=0.5)
    assert ratio.value == 1
    # SE = ln 2 and the 75 % point of t(1) is 1.
    assert (ratio.low, ratio.high) == pytest.approx((0.5, 2), rel=1e-12)


@pytest.mark.parametrize(
    ("function", "differences", "reason"),
    [
        (signed_rank, [], "no pair changed"),
        (signed_rank, [0.0, 0.0], "no pair changed"),
        (signed_rank_normal, [0.0], "no pair changed"),
        (pseudo_median, [], "1 to 49 pairs"),
        (pseudo_median, FIFTY, "1 to 49 pairs"),
        (paired_mean, [1.0], "fewer than two pairs"),
        (paired_mean, [0.3, 0.3, 0.3], "the same amount"),
        (paired_mean, [0.0, 0.0], "the same amount"),
    ],
)
def test_what_has_no_answer_says_so(function, differences: list[float], reason: str) -> None:
    with pytest.raises(NotEstimable, match=reason):
        function(differences)


@pytest.mark.parametrize("function", [pseudo_median, paired_mean])
def test_a_level_lies_between_0_and_1(function) -> None:
    for level in (0, 1, 95):
        with pytest.raises(ValueError, match="confidence level"):
            function([1.0, 2.0, 4.0], level)


def test_r_still_gives_the_stored_values() -> None:
    rscript = shutil.which("Rscript")
    if rscript is None:
        missing("Rscript is not here")
    run = subprocess.run([rscript, SCRIPT], capture_output=True, text=True, check=True)
    again = {name: value for name, value in json.loads(run.stdout).items() if name in EXPECTED}
    assert again == {name: pytest.approx(value, rel=1e-9) for name, value in EXPECTED.items()}
