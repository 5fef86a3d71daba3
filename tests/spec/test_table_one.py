"""Table 1 and standardised differences, by hand."""

from __future__ import annotations

from dataclasses import replace
from math import inf, sqrt

import pytest

from analytics.aggregate import aggregate, header
from analytics.episode import Course, derive
from analytics.errors import NotEstimable
from analytics.standardized_difference import categorical_difference, continuous_difference
from analytics.study import Study
from analytics.table_one import Categories, Spread, count_table, table_one
from tests.lib.story import BASE, story, without


def test_means_in_units_of_their_spread() -> None:
    # means 2.5 and 4, variances 5/3 and 4
    expected = 1.5 / sqrt((5 / 3 + 4) / 2)
    assert continuous_difference([1, 2, 3, 4], [2, 4, 6]) == pytest.approx(expected)
    assert continuous_difference([2, 4, 6], [1, 2, 3, 4]) == pytest.approx(expected)


@pytest.mark.parametrize(("a", "b", "value"), [([1, 1], [1, 1], 0), ([1, 1], [2, 2], inf)])
def test_no_spread_is_none_or_all_of_a_difference(
    a: list[float], b: list[float], value: float
) -> None:
    assert continuous_difference(a, b) == value


def test_a_single_value_has_no_spread() -> None:
    with pytest.raises(NotEstimable, match="fewer than two"):
        continuous_difference([1.0], [1.0, 2.0])


def test_two_categories_are_two_proportions() -> None:
    found = categorical_difference({"yes": 3, "no": 7}, {"yes": 6, "no": 4})
    assert found == pytest.approx(0.3 / sqrt((0.3 * 0.7 + 0.6 * 0.4) / 2))


@pytest.mark.parametrize("names", ["abc", "bca", "cab"])
def test_three_categories_whichever_is_left_out(names: str) -> None:
    a = dict(zip(names, (2, 3, 5), strict=True))
    b = dict(zip(names, (4, 4, 2), strict=True))
    # left out: the first. d = (-0.1, 0.3), S = [[.225, -.115], [-.115, .205]], det .0329
    squared = (0.205 * 0.1**2 - 2 * 0.115 * 0.1 * 0.3 + 0.225 * 0.3**2) / 0.0329
    assert categorical_difference(a, b) == pytest.approx(sqrt(squared))


@pytest.mark.parametrize(
    ("a", "b", "value"),
    [
        ({"x": 3}, {"x": 5}, 0),
        ({"x": 3, "y": 0}, {"x": 5}, 0),
        ({"x": 3}, {"y": 5}, inf),
        ({"x": 1, "y": 1}, {"z": 2}, inf),
        ({"x": 1, "y": 1}, {"x": 2, "y": 2}, 0),
    ],
)
def test_same_and_nothing_shared(a: dict[str, int], b: dict[str, int], value: float) -> None:
    assert categorical_difference(a, b) == value


def test_a_group_without_values_has_no_difference() -> None:
    with pytest.raises(NotEstimable, match="no values"):
        categorical_difference({}, {"x": 1})


NRAS = BASE.strip().replace("BRAF V600E", "NRAS Q61R")
UNTESTED = without("variant")


@pytest.fixture(scope="module")
def courses(study: Study) -> list[Course]:
    """Tg before the drugs 1, 3, 5 and 11, and below 0.2; prior I-131 of one; one untested."""
    stories = (
        f"{BASE.strip()}\n-10 Tg 1\n-9 PD-L1 0",
        f"{BASE.strip()}\n-10 Tg 3\n-9 PD-L1 60",
        f"{BASE.strip()}\n-10 Tg 5\n-400 rai 100 mCi therapeutic",
        f"{NRAS}\n-10 Tg 11\n-9 PD-L1 5",
        f"{NRAS}\n-10 Tg <0.2",
        UNTESTED,
    )
    return [
        derive(replace(story(text), patient_key=f"p{number}"), study)
        for number, text in enumerate(stories)
    ]


def test_numbers_have_quartiles_range_and_missing(courses: list[Course], study: Study) -> None:
    rows = {row.name: row for row in table_one(courses, study, "driver").numbers}
    tg = rows["tg_prior_ng_ml"]
    assert (tg.overall.n, tg.overall.missing) == (5, 1)
    # 0.2 1 3 5 11: R's quantile() gives the second and fourth
    assert (tg.overall.q1, tg.overall.median, tg.overall.q3) == (1, 3, 5)
    assert (tg.overall.low, tg.overall.high) == (0.2, 11)
    assert tg.overall.mean == pytest.approx(20.2 / 5)
    braf, nras = tg.groups["BRAF_V600E"], tg.groups["NRAS_Q61R"]
    assert (braf.q1, braf.median, braf.q3, braf.sd) == (2, 3, 4, 2)
    # means 3 and 5.6, variances 4 and 10.8^2 / 2; the untested has no value
    assert tg.smd == pytest.approx(2.6 / sqrt((4 + 10.8**2 / 2) / 2))
    assert nras.n == 2
    assert tg.groups["not_tested"] == Spread(0, 1)
    assert (rows["prior_rai_mci"].overall.n, rows["prior_rai_mci"].overall.median) == (1, 100)
    assert rows["prior_rai_mci"].smd is None
    assert rows["drug_days"].overall.median == 42


def test_categories_leave_the_missing_out_of_their_percentages(
    courses: list[Course], study: Study
) -> None:
    found = table_one(courses, study, "driver").counts
    assert (found.n, found.sizes) == (6, {"BRAF_V600E": 3, "NRAS_Q61R": 2, "not_tested": 1})
    pdl1 = next(row for row in found.rows if row.name == "pdl1")
    assert pdl1.overall == Categories({"negative": 1, "positive": 2}, missing=3)
    assert pdl1.overall.percent("positive") == pytest.approx(200 / 3)
    assert pdl1.groups["not_tested"].percent("positive") is None
    # BRAF: 1 of 2 positive; NRAS: 1 of 1
    assert pdl1.smd == pytest.approx(0.5 / sqrt(0.25 / 2))
    assert "driver" not in {row.name for row in found.rows}


def test_drivers_not_tested_are_missing(courses: list[Course], study: Study) -> None:
    rows = {row.name: row for row in table_one(courses, study).counts.rows}
    assert rows["driver"].overall == Categories({"BRAF_V600E": 3, "NRAS_Q61R": 2}, missing=1)
    assert rows["driver"].groups == {}
    assert rows["driver"].smd is None


def test_the_aggregate_alone_gives_the_same_counts(courses: list[Course], study: Study) -> None:
    head = header(study, ("arm",))
    parts = [aggregate(courses[:2], study, head), aggregate(courses[2:], study, head)]
    assert count_table(parts[0] + parts[1], "arm") == table_one(courses, study, "arm").counts


def test_groups_must_be_there(courses: list[Course], study: Study) -> None:
    with pytest.raises(KeyError):
        count_table(aggregate(courses, study, header(study)), "sex")
    with pytest.raises(KeyError):
        table_one(courses, study, "shoe_size")


def test_nobody_gives_a_table_of_nobody(study: Study) -> None:
    found = table_one([], study, "driver")
    assert (found.counts.n, found.counts.sizes) == (0, {})
    assert {row.overall for row in found.numbers} == {Spread(0, 0)}
