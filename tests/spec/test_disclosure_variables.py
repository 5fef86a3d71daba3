"""Which variables leave under which policy: each one is decided upon, and a new one stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from adapter.definitions import load
from analytics.aggregate import Aggregate, CountKey, ExitKey, ValueKey, aggregate, header
from analytics.disclosure.cells import Cell
from analytics.disclosure.gate import Disclosed, Withheld, disclose, rehearse
from analytics.episode import derive
from tests.lib.attacker import Attacker
from tests.lib.disclosure import Alike, any_size, cohort
from tests.lib.patients import patients

EVERYWHERE = {
    "patients", "race", "ethnicity", "sex", "histology", "driver", "pdl1", "uptake", "rai_treated",
    "observation_ended", "tg_*", "ct_*",
}  # fmt: skip
TO_REGISTRIES = {
    "regimen", "mutation", "gene_tested", "prior_rai_mci", "redifferentiation_rai_mci",
}  # fmt: skip
IN_SUMS = {
    "best_recist", "recist_*", "durable_control", "cumulative_rai_mci", "attrition",
    "later_courses", "later_rai_mci",
}  # fmt: skip
STAY = {
    "regimen_by_driver", "finish_rule", "absorbed_dose", "mutation_pair", "deviation",
    "dose_intensity", "tgab", "drug_days",
}  # fmt: skip
SIXTY = [
    Alike("BRAF_V600E", sex, "faint", "altered", 96, event, 15)
    for sex in ("female", "male")
    for event in (True, False)
]


@pytest.mark.parametrize(
    ("name", "leave"),
    [
        ("public", EVERYWHERE),
        ("registry", EVERYWHERE | TO_REGISTRIES),
        ("secure-sum", EVERYWHERE | TO_REGISTRIES | IN_SUMS),
    ],
)
def test_what_leaves_is_listed(name: str, leave: set[str]) -> None:
    policy = load().policy(name)
    assert {*policy.counts, *policy.histograms} == leave


@given(people=st.lists(patients(key="p"), min_size=4, max_size=8))
@settings(derandomize=True, max_examples=5, deadline=None, phases=(Phase.generate,))
def test_every_variable_of_a_real_aggregate_is_decided_upon(people: list) -> None:
    study = load().study("redifferentiation")
    cells = aggregate([derive(one, study) for one in people], study, header(study))
    counted, numbers = (
        {key.variable for key in cells.counts},
        {key.variable for key in cells.values},
    )
    for variable in sorted(counted | numbers):
        times = f"{variable.split('_', maxsplit=1)[0]}_*"
        decided = EVERYWHERE | TO_REGISTRIES | IN_SUMS | STAY
        assert {variable, times} & decided, f"{variable}: say whether it leaves"


@pytest.mark.parametrize("name", ["public", "registry", "secure-sum"])
def test_a_new_variable_stays(name: str) -> None:
    cells = cohort(SIXTY)
    pattern = ("BRAF_V600E",)
    new = replace(
        cells,
        counts={**cells.counts, CountKey("shoe_size", pattern, "43"): 30},
        values={**cells.values, ValueKey("age", pattern, 50): 60},
        exits={**cells.exits, ExitKey("first_outcome", pattern, 0, "entered"): 60},
    )
    known, found = (rehearse(each, any_size(name)) for each in (cells, new))
    assert isinstance(found.outcome, Disclosed)
    assert found.outcome == known.outcome
    assert {note.what for note in found.notes} - {note.what for note in known.notes} == {
        "counts of shoe_size do not leave",
        "values of age do not leave",
        "exits of first_outcome do not leave",
    }


@pytest.mark.parametrize("name", ["public", "registry", "secure-sum"])
def test_courses_are_not_taken_for_patients(name: str) -> None:
    cells = cohort(SIXTY)
    episodes = replace(cells, header=replace(cells.header, unit="episode"))
    found = disclose(episodes, any_size(name))
    assert isinstance(found, Withheld)
    assert found.reasons == ("the study counts courses, not patients (unit)",)


def test_the_header_says_what_the_study_counts() -> None:
    study = load().study("redifferentiation")
    assert header(study).unit == "patient"
    assert header(replace(study, unit="episode")).unit == "episode"


def _with_deaths() -> Aggregate:
    """Of 52 events 48 are progressions: 4 deaths, which is fewer than 10."""
    rows = [
        Alike("BRAF_V600E", "female", "faint", "altered", 96, True, 24),
        Alike("BRAF_V600E", "male", "faint", "altered", 192, True, 24),
        Alike("BRAF_V600E", "male", "faint", "altered", 192, True, 4, died=True),
        Alike("BRAF_V600E", "female", "none", "altered", 192, False, 30),
        Alike("BRAF_V600E", "male", "none", "altered", 96, False, 30),
    ]
    return cohort(rows)


def test_deaths_do_not_follow_from_events_and_progressions() -> None:
    found = disclose(_with_deaths(), any_size("registry"), by=())
    assert isinstance(found, Disclosed)
    low, high = Attacker(found).interval(Cell("observation_ended", (), "death"))
    assert low <= 4
    assert high - low >= 8


def test_a_class_of_a_number_does_not_follow_from_the_others() -> None:
    """48 of 50 have an activity in two classes, so the third has at most two."""
    rows = [
        Alike("BRAF_V600E", "female", "faint", "altered", 96, True, 24, prior_mci=90),
        Alike("BRAF_V600E", "male", "none", "altered", 192, False, 24, prior_mci=150),
        Alike("BRAF_V600E", "male", "faint", "altered", 192, False, 2, prior_mci=700),
    ]
    found = disclose(cohort(rows), any_size("registry"), by=())
    assert isinstance(found, Disclosed)
    low, high = Attacker(found).interval(Cell("prior_rai_mci", (), "above 600"))
    assert low <= 2
    assert high - low >= 8
