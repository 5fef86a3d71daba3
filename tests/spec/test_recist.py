"""RECIST 1.1 from sums and from statements. Days are counted from the first drug day; protocol
finish is day 50, so a landmark of 90 days is day 140."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analytics.recist import category_of
from analytics.study import Study
from tests.lib.story import day, episode_of


def computed(lines: str, study: Study) -> list[str]:
    """The categories by day after the baseline."""
    taken = episode_of(lines, replace(study, recist_source="computed")).response.assessments
    return [each.category for each in taken]


@pytest.mark.parametrize(
    ("total", "baseline", "nadir", "category"),
    [
        ("70", "100", "100", "PR"),  # exactly -30 %
        ("71", "100", "100", "SD"),
        ("0", "100", "100", "CR"),
        ("120", "100", "100", "PD"),  # exactly +20 %
        ("119", "100", "100", "SD"),
        ("24", "20", "20", "SD"),  # +20 %, but 4 mm
        ("25", "20", "20", "PD"),
        ("60", "100", "50", "PD"),  # +20 % from the nadir, though -40 % from baseline
        ("59", "100", "50", "PR"),
        ("5", "100", "0", "PD"),  # back after a complete response
        ("4", "100", "0", "PR"),
        ("10", "0", "0", "NE"),  # nothing was measurable
    ],
)
def test_the_cuts(total: str, baseline: str, nadir: str, category: str, study: Study) -> None:
    found = category_of(Decimal(total), Decimal(baseline), Decimal(nadir), study)
    assert found == category


@pytest.mark.parametrize(
    ("lines", "categories"),
    [
        ("-14 CT 100\n140 CT 60\n230 CT 71", ["PR", "SD"]),  # +18 % of the nadir, -29 % of baseline
        ("-14 CT 100\n140 CT 60\n230 CT 72", ["PR", "PD"]),  # +20 % and 12 mm over the nadir
        ("-14 CT 100\n20 CT 50\n140 CT 60", ["PR", "PD"]),  # the nadir may lie on the drugs
        ("-14 CT 100\n140 CT 60 new", ["PD"]),
        ("140 CT 60", ["NE"]),  # no baseline
        ("140 CT 60 new", ["PD"]),
        ("-14 CT 100\n140 CT 90\n140 CT 60", ["SD", "PR"]),  # scans of one day do not compare
        ("-95 CT 100\n140 CT 50", ["NE", "NE"]),  # too early for a baseline
        ("-80 CT 10\n-14 CT 100\n140 CT 90", ["SD"]),  # the last before the drugs
    ],
)
def test_each_scan_is_compared_with_baseline_and_nadir(
    lines: str, categories: list[str], study: Study
) -> None:
    assert computed(lines, study) == categories


BOTH = "-14 CT 100\n140 CT 65\n140 RECIST SD\n230 CT 60"


@pytest.mark.parametrize(
    ("source", "best", "three", "six"),
    [
        ("stated", "SD", "SD", "missing"),
        ("computed", "PR", "PR", "PR"),
        ("stated_first", "PR", "SD", "PR"),
    ],
)
def test_which_of_the_two_is_taken(
    source: Any, best: str, three: str, six: str, study: Study
) -> None:
    response = episode_of(BOTH, replace(study, recist_source=source)).response
    assert (response.best, response.at) == (best, {"3m": three, "6m": six})


def test_a_disagreement_is_flagged(study: Study) -> None:
    episode = episode_of(BOTH, study)
    assert episode.response.disagreements == (day(140),)
    assert "recist_disagreement" in episode.deviations
    agreed = episode_of("-14 CT 100\n140 CT 65\n140 RECIST PR", study)
    assert "recist_disagreement" not in agreed.deviations
    for unknown in ("140 RECIST NE", "141 RECIST SD"):  # says nothing; another day
        episode = episode_of(f"-14 CT 100\n140 CT 65\n{unknown}", study)
        assert "recist_disagreement" not in episode.deviations


@pytest.mark.parametrize(
    ("lines", "any_", "until", "confirmed"),
    [
        ("100 RECIST SD\n150 RECIST PD\n200 RECIST PR", "PR", "SD", "SD"),
        ("100 RECIST PR\n128 RECIST PR", "PR", "PR", "PR"),
        ("100 RECIST PR\n127 RECIST PR", "PR", "PR", "SD"),  # 27 days are too soon
        ("100 RECIST PR\n130 RECIST CR", "CR", "CR", "PR"),
        ("100 RECIST CR\n130 RECIST PR", "CR", "CR", "SD"),
        ("100 RECIST PR\n120 RECIST PD\n140 RECIST PR", "PR", "PR", "SD"),
        ("100 RECIST PD", "PD", "PD", "PD"),
        ("100 RECIST NE", "NE", "NE", "NE"),
        ("45 RECIST PR\n300 RECIST PR", "missing", "missing", "missing"),
    ],
)
def test_best_overall_response(
    lines: str, any_: str, until: str, confirmed: str, study: Study
) -> None:
    rules: tuple[Any, ...] = ("any", "until_progression", "confirmed")
    found = [episode_of(lines, replace(study, best_response=rule)).best_recist for rule in rules]
    assert found == [any_, until, confirmed]


@pytest.mark.parametrize(
    ("lines", "three"),
    [
        ("110 RECIST PR", "PR"),
        ("109 RECIST PR", "missing"),
        ("130 RECIST SD\n150 RECIST PR", "PR"),  # equally near: the later
        ("140 RECIST PR\n140 RECIST PD", "PD"),  # of one day the worse
        ("140 RECIST NE\n130 RECIST SD", "SD"),
    ],
)
def test_response_at_three_months(lines: str, three: str, study: Study) -> None:
    assert episode_of(lines, study).response.at["3m"] == three


@pytest.mark.parametrize(
    ("lines", "durable"),
    [
        ("140 RECIST SD", "yes"),  # followed to day 300
        ("140 RECIST SD\n218 RECIST PD", "no"),  # 168 days after finish
        ("140 RECIST SD\n219 RECIST PD", "yes"),
        ("", "not_evaluable"),  # no scan shows control
        ("40 RECIST SD", "not_evaluable"),  # only before finish
        ("90 RECIST PD", "no"),
    ],
)
def test_durable_control(lines: str, durable: str, study: Study) -> None:
    assert episode_of(lines, study).durable_control == durable


def test_control_is_not_durable_before_its_time(study: Study) -> None:
    base = episode_of("", study)
    assert base.follow_up.days == 192
    short = "-900 diagnosis PTC\n0..41 drug trametinib\n50 rai 204 mCi therapeutic"
    for last, durable in ((217, "not_evaluable"), (218, "yes")):
        lines = f"140 RECIST SD\n{last} visit finished"
        assert episode_of(lines, study, base=short).durable_control == durable


@pytest.mark.parametrize(
    ("lines", "days"),
    [
        ("-14 CT 100\n140 CT 60\n230 CT 72", 180),
        ("-14 CT 100\n140 CT 60\n230 CT 71", None),
        ("-14 CT 100\n140 CT 121", 90),
        ("140 CT 121", None),  # nothing to compare with
    ],
)
def test_sums_make_an_event_only_where_the_study_says_so(
    lines: str, days: int | None, study: Study
) -> None:
    assert not episode_of(lines, study).follow_up.event
    sources: Any = (*study.progression_sources, "recist_computed")
    seen = episode_of(lines, replace(study, progression_sources=sources)).follow_up
    assert seen.event == (days is not None)
    assert seen.days == (days or 192)


def test_the_readers_of_the_reference_cohort_and_the_sums_agree(shared: Path, study: Study) -> None:
    """ct.csv states both: every category follows from the sums."""
    rows = [
        line.split(",")
        for line in (shared / "reference/cohort/ct.csv").read_text().splitlines()[1:]
    ]
    assert len(rows) == 46
    nadir: dict[str, Decimal] = {}
    baseline: dict[str, Decimal] = {}
    for patient, _, timepoint, _, total, _, stated in rows:
        if timepoint == "baseline":
            nadir[patient] = baseline[patient] = Decimal(total)
            continue
        category = category_of(Decimal(total), baseline[patient], nadir[patient], study)
        assert category == stated, (patient, timepoint)
        nadir[patient] = min(nadir[patient], Decimal(total))
    assert len(baseline) == 16
