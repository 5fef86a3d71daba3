"""Waterfalls, spiders and nadirs: one row a patient. Days are counted from the first drug day;
protocol finish is day 50."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analytics.patient_series import (
    Bar,
    Nadir,
    Point,
    Waterfall,
    ct_nadir,
    ct_spider,
    ct_waterfall,
    tg_nadir,
    tg_spider,
    tg_waterfall,
)
from analytics.study import Study
from tests.lib.story import episode_of


@pytest.mark.parametrize(
    ("lines", "nadir"),
    [
        ("140 Tg 4\n200 Tg 3\n230 Tg 9", Nadir(150, 3, False)),
        ("140 Tg 3\n200 Tg 3", Nadir(90, 3, False)),  # the first of equals
        ("140 Tg 0.1\n200 Tg <0.1", Nadir(150, 0.1, True)),
        ("140 Tg <0.2\n200 Tg <0.1", Nadir(150, 0.1, True)),
        ("140 Tg 4\n200 Tg 1\n200 TSH 60", Nadir(90, 4, False)),  # stimulated
        ("40 Tg 1\n140 Tg 4\n243 Tg 2", Nadir(90, 4, False)),  # before finish; after the horizon
        ("40 Tg 1", None),
    ],
)
def test_the_nadir_of_tg(lines: str, nadir: Nadir | None, study: Study) -> None:
    assert tg_nadir(episode_of(lines, study), study) == nadir


def test_a_value_on_the_drugs_is_no_nadir(study: Study) -> None:
    episode = episode_of("100 Tg 1\n140 Tg 4\n90..110 drug trametinib", study)
    assert tg_nadir(episode, study) == Nadir(90, 4, False)


def test_the_nadir_of_sums(study: Study) -> None:
    assert ct_nadir(episode_of("140 CT 60\n230 CT 40", study), study) == Nadir(180, 40, False)
    assert ct_nadir(episode_of("40 CT 60", study), study) is None


TG = {
    "halved": "-10 Tg 10\n140 Tg 8\n230 Tg 5",
    "risen": "-10 Tg 10\n140 Tg 25",
    "undetectable": "-10 Tg 10\n140 Tg 4\n230 Tg <1",
    "no baseline": "140 Tg 4",
    "never detectable": "-10 Tg <1\n140 Tg <1",
    "other assay": "-10 Tg 10\n140 Tg 4 assay-2",
}


def _waterfall(study: Study, at: str) -> Waterfall:
    episodes = [replace(episode_of(lines, study), patient_key=name) for name, lines in TG.items()]
    return tg_waterfall(episodes, study, at)


def test_the_best_change_of_each_patient_from_the_worst_down(study: Study) -> None:
    assert _waterfall(study, "best") == Waterfall(
        bars=(
            Bar("risen", 1, 150.0, False, "increase"),
            Bar("halved", 1, -50.0, False, "decrease"),
            Bar("undetectable", 1, -90.0, True, "decrease"),
        ),
        missing=3,
    )


def test_the_change_at_a_landmark(study: Study) -> None:
    three = _waterfall(study, "3m")
    assert [bar.patient_key for bar in three.bars] == ["risen", "halved", "undetectable"]
    assert [bar.percent for bar in three.bars] == pytest.approx([150, -20, -60])
    six = _waterfall(study, "6m")
    assert [bar.patient_key for bar in six.bars] == ["halved", "undetectable"]
    assert six.missing == 4
    with pytest.raises(KeyError):
        _waterfall(study, "12m")


def test_waterfalls_of_sums_are_coloured_by_response(study: Study) -> None:
    lines = "-14 CT 80\n140 CT 60\n140 RECIST SD\n230 CT 40\n230 RECIST PR"
    episodes = [episode_of(lines, study), episode_of("140 CT 60", study)]
    best = ct_waterfall(episodes, study)
    assert best == Waterfall((Bar("story", 1, -50.0, False, "PR"),), missing=1)
    three = ct_waterfall(episodes, study, "3m")
    assert three.bars == (Bar("story", 1, -25.0, False, "SD"),)


def test_a_spider_marks_what_a_category_leaves_out(study: Study) -> None:
    lines = (
        "-99 Tg 7\n-10 Tg 10\n20 Tg 15\n110 Tg 90\n110 TSH 60\n140 Tg 4\n140 TgAb 9 POS\n230 Tg <1"
    )
    (line,) = tg_spider([episode_of(lines, study)])
    assert line.points == (
        Point(-60, 10, 0.0),
        Point(-30, 15, 50.0, on_drug=True),
        Point(60, 90, 800.0, stimulated=True),
        Point(90, 4, pytest.approx(-60.0), tgab_positive=True),
        Point(180, 1, -90.0, below_limit=True),
    )


def test_without_a_value_before_a_spider_has_no_percentages(study: Study) -> None:
    (line,) = tg_spider([episode_of("140 Tg 4", study)])
    assert line.points == (Point(90, 4, None),)
    (line,) = tg_spider([episode_of("-10 Tg <1\n140 Tg 4", study)])
    assert [point.percent for point in line.points] == [None, None]


def test_a_spider_of_sums(study: Study) -> None:
    (line,) = ct_spider([episode_of("-200 CT 70\n-14 CT 80\n140 CT 60", study)])
    assert line.points == (Point(-64, 80, 0.0), Point(90, 60, -25.0))
