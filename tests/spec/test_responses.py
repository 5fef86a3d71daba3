"""Thyroglobulin and CT at baseline and the landmarks: which values are taken, and the category of
their change. Days are counted from the first drug day; protocol finish is day 50."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from analytics.study import Study
from tests.lib.story import episode_of

TG = [
    # before, 3 months, 6 months, prior_to_3m, 3m_to_6m
    ("-10 Tg 412", "140 Tg 96.4", "230 Tg 120", "decrease", "increase"),
    ("-10 Tg 10", "140 Tg 10.0", "230 Tg <0.1", "stable", "decrease"),
    ("-10 Tg <0.1", "140 Tg <0.1", "230 Tg <0.2", "stable", "stable"),
    ("-10 Tg <1", "140 Tg 0.5", "230 Tg <0.5", "indeterminate", "decrease"),
    ("-10 Tg 0.5", "140 Tg <1", "230 Tg 1.0", "indeterminate", "increase"),
    ("-91 Tg 5", "140 Tg 4", "230 Tg 3", "missing", "decrease"),  # too early for a baseline
    ("0 Tg 5", "140 Tg 4", "260 Tg 3", "missing", "decrease"),  # a drug day is no baseline
    ("-10 Tg 5", "109 Tg 4", "275 Tg 6", "missing", "missing"),  # 59 d; 225 d is the last of 6 m
    ("-10 Tg 5", "110 Tg 4", "276 Tg 6", "decrease", "missing"),
    ("-10 Tg 5", "140 Tg 4 assay-2", "230 Tg 3 assay-2", "not_evaluable", "decrease"),
]


@pytest.mark.parametrize(("before", "three", "six", "first", "second"), TG)
def test_thyroglobulin(
    before: str, three: str, six: str, first: str, second: str, study: Study
) -> None:
    change = episode_of("\n".join((before, three, six)), study).tg_change
    if six.startswith("275"):  # 225 days after finish still is "6 months"
        assert change["prior_to_6m"] == "increase"
    assert (change["prior_to_3m"], change["3m_to_6m"]) == (first, second)


@pytest.mark.parametrize(
    ("lines", "category"),
    [
        ("-10 Tg 5\n-12 drug rhTSH\n-20 Tg 8\n140 Tg 6", "decrease"),  # the stimulated 5 is out
        ("-10 Tg 5\n-10 TSH 45\n-20 Tg 8\n140 Tg 6", "decrease"),
        ("-10 Tg 5\n-10 TSH 0.1\n-20 Tg 8\n140 Tg 6", "increase"),
        ("-10 Tg 5\n138 Tg 9\n142 Tg 4", "decrease"),  # equally near day 90: the later
    ],
)
def test_stimulated_values_and_nearest(lines: str, category: str, study: Study) -> None:
    assert episode_of(lines, study).tg_change["prior_to_3m"] == category


@pytest.mark.parametrize(
    ("tgab", "first", "second", "category"),
    [
        ("include", "18.4 POS", "12.9 POS", "decrease"),
        ("exclude", "18.4 POS", "12.9 POS", "not_evaluable"),
        ("exclude", "1.0 NEG", "1.0 NEG", "decrease"),
        ("stable", "18.4 POS", "17.0 POS", "decrease"),
        ("stable", "18.4 POS", "12.9 POS", "not_evaluable"),
        ("stable", "1.0 NEG", "12.9 POS", "not_evaluable"),
    ],
)
def test_antibodies(tgab: Any, first: str, second: str, category: str, study: Study) -> None:
    lines = f"-10 Tg 37\n-10 TgAb {first}\n140 Tg 15\n140 TgAb {second}"
    assert episode_of(lines, replace(study, tgab=tgab)).tg_change["prior_to_3m"] == category


@pytest.mark.parametrize(
    ("profile", "before", "after", "category"),
    [
        ("half", "10", "5.0", "stable"),  # exactly half is not more than 50 %
        ("half", "10", "4.9", "decrease"),
        ("half", "10", "15.1", "increase"),
        ("half", "10", "<5", "decrease"),  # below the limit: less than half
        ("half", "10", "<6", "indeterminate"),
        ("rcv", "100", "66", "stable"),  # -34 %
        ("rcv", "100", "64", "decrease"),  # -36 %; the cut is -35 %
        ("rcv", "100", "153", "stable"),
        ("rcv", "100", "155", "increase"),  # the cut is +54 %
    ],
)
def test_tg_profiles(profile: Any, before: str, after: str, category: str, study: Study) -> None:
    lines = f"-10 Tg {before}\n140 Tg {after}"
    found = episode_of(lines, replace(study, tg_profile=profile)).tg_change["prior_to_3m"]
    assert found == category


@pytest.mark.parametrize(
    ("before", "after", "category"),
    [
        ("100", "70", "decrease"),  # exactly -30 %
        ("100", "71", "stable"),
        ("100", "120", "increase"),
        ("100", "119", "stable"),
        ("20", "24", "stable"),  # +20 % but only 4 mm
        ("20", "25", "increase"),
        ("50", "40 new", "increase"),
        ("0", "6", "increase"),
        ("0", "0", "stable"),
    ],
)
def test_ct(before: str, after: str, category: str, study: Study) -> None:
    episode = episode_of(f"-14 CT {before}\n140 CT {after}", study)
    assert episode.ct_change["prior_to_3m"] == category


@pytest.mark.parametrize(
    ("lines", "taken"),
    [
        ("-90 Tg 5", True),
        ("-91 Tg 5", False),
        ("-1 Tg 5", True),
        ("-10 Tg 5\n-17 drug rhTSH", False),  # seven days before: stimulated
        ("-10 Tg 5\n-18 drug rhTSH", True),
        ("-10 Tg 5\n-10 TSH 29.9", True),
        ("-10 Tg 5\n-10 TSH 30", False),
        ("-10 Tg 5\n-13 TSH 40", False),
        ("-10 Tg 5\n-14 TSH 40", True),
    ],
)
def test_which_value_is_the_baseline(lines: str, taken: bool, study: Study) -> None:
    assert bool(episode_of(lines, study).tg["prior"]) == taken


def test_a_stimulated_value_is_no_landmark(study: Study) -> None:
    assert episode_of("140 Tg 5\n140 TSH 90", study).tg["3m"] is None


def test_a_value_on_the_drugs_is_no_landmark(study: Study) -> None:
    lines = "-10 Tg 5\n140 Tg 9\n100..150 drug lenvatinib"
    assert episode_of(lines, study).tg_change["prior_to_3m"] == "increase"  # no index drug
    lines = "-10 Tg 5\n140 Tg 9\n30..150 drug trametinib"
    assert episode_of(lines, study).tg_change["prior_to_3m"] == "missing"


@pytest.mark.parametrize(
    ("lines", "best"),
    [
        ("51 RECIST PR", "PR"),
        ("50 RECIST PR", "missing"),  # on the day of finish
        ("242 RECIST PR", "PR"),
        ("243 RECIST PR", "missing"),
        ("100 RECIST SD\n200 RECIST CR\n210 RECIST PD", "CR"),
    ],
)
def test_best_response(lines: str, best: str, study: Study) -> None:
    assert episode_of(lines, study).best_recist == best


@pytest.mark.parametrize(
    ("lines", "taken"),
    [
        ("0 CT 40", True),
        ("1 CT 40", False),
        ("-90 CT 40", True),
        ("-91 CT 40", False),
        ("-80 CT 30\n-20 CT 40", True),
    ],
)
def test_baseline_ct(lines: str, taken: bool, study: Study) -> None:
    scan = episode_of(lines, study).ct["prior"]
    assert (scan is not None and scan.sum_mm == 40) == taken
