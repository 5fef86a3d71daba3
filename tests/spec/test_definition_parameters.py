"""What a study can say beside the reference's rules: index date, endpoint, death, genotype, uptake.

Days are counted from the first drug day; the I-131 of the base story is on day 50, and the last
visit on day 300.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from analytics.aggregate import aggregate, header
from analytics.course import DateSpan, Death, Dosimetry, FactRef
from analytics.episode import derive
from analytics.estimate import estimate
from analytics.study import Study
from tests.lib.story import BASE, course_of, day, episode_of, story, without


@pytest.mark.parametrize(
    ("index_date", "lines", "days", "reason"),
    [
        ("finish", "134 RECIST PD", 84, "progression"),
        ("therapeutic_rai", "134 RECIST PD", 84, "progression"),
        ("first_drug_day", "134 RECIST PD", 134, "progression"),
        ("first_drug_day", "20 RECIST PD", 20, "progression"),  # on the drugs: after day 0
        ("first_drug_day", "0 RECIST PD", 192, "horizon"),
        ("first_drug_day", "193 RECIST PD", 192, "horizon"),  # the horizon moves with day 0
    ],
)
def test_index_date(index_date: str, lines: str, days: int, reason: str, study: Study) -> None:
    changed: Any = {"index_date": index_date}
    seen = episode_of(lines, replace(study, **changed)).follow_up
    assert (seen.days, seen.reason) == (days, reason)


def test_without_the_dose_that_is_day_0_there_is_no_curve(study: Study) -> None:
    counted = replace(study, index_date="therapeutic_rai")
    course = course_of("134 RECIST PD", counted, without("rai"))
    (episode,) = course.episodes
    assert (episode.follow_up.days, episode.follow_up.reason) == (0, "no_follow_up")
    assert "no_index_date" in [step.rule for step in course.findings]
    figures = estimate(aggregate([course], counted, header(counted)), counted).overall
    assert (figures["n_patients"], figures["followed_n"]) == (1, 0)


def test_landmarks_are_counted_from_finish_whatever_the_index_date(study: Study) -> None:
    lines = "-9 Tg 100\n140 Tg 20\n140 RECIST PR"
    moved = episode_of(lines, replace(study, index_date="first_drug_day"))
    assert moved.tg_change["prior_to_3m"] == "decrease"
    assert moved.response.at["3m"] == "PR"


@pytest.mark.parametrize(
    ("endpoint", "lines", "event"),
    [
        ("structural", "134 RECIST PD", True),
        ("structural", "134 status PD", True),
        ("structural", "134 status PD biochemical", False),
        ("biochemical", "134 RECIST PD", False),
        ("biochemical", "134 CT 50 new", False),
        ("biochemical", "134 status PD", False),
        ("biochemical", "134 status PD biochemical", True),
        ("any", "134 RECIST PD", True),
        ("any", "134 status PD biochemical", True),
    ],
)
def test_endpoint(endpoint: str, lines: str, event: bool, study: Study) -> None:
    changed: Any = {"endpoint": endpoint}
    assert episode_of(lines, replace(study, **changed)).follow_up.event == event


@pytest.mark.parametrize(
    ("lines", "days"),
    [
        ("-9 Tg 10\n120 Tg 16", 70),
        ("-9 Tg 10\n120 Tg 12\n150 Tg 16", 100),  # 20 % is within the cut
        ("-9 Tg 10\n91 Tg 16", None),  # day 41 after finish may be lysis
        ("-9 Tg 10\n92 Tg 16", 42),
        ("-9 Tg 10\n92 TSH 60\n92 Tg 16", None),  # stimulated
        ("-9 Tg 10 assay-1\n120 Tg 16 assay-2", None),  # not to be compared
        ("120 Tg 16", None),  # nothing before the drugs
    ],
)
def test_a_rise_of_thyroglobulin_as_an_event(lines: str, days: int | None, study: Study) -> None:
    counted = replace(
        study, endpoint="any", tg_profile="half", progression_sources=("recist", "tg_increase")
    )
    seen = episode_of(lines, counted).follow_up
    assert (seen.days if seen.event else None) == days
    assert not episode_of(lines, replace(counted, endpoint="structural")).follow_up.event


@pytest.mark.parametrize(
    ("profile", "after", "category"),
    [
        ("band", "12.5", "stable"),  # on the cut
        ("band", "12.6", "increase"),
        ("band", "7.5", "stable"),
        ("band", "7.4", "decrease"),
        ("abstract", "10.1", "increase"),
        ("half", "12.6", "stable"),
    ],
)
def test_thyroglobulin_band(profile: str, after: str, category: str, study: Study) -> None:
    changed: Any = {"tg_profile": profile}
    episode = episode_of(f"-9 Tg 10\n140 Tg {after}", replace(study, **changed))
    assert episode.tg_change["prior_to_3m"] == category


@pytest.mark.parametrize(
    ("death", "by_cancer", "lines", "days", "reason"),
    [
        ("censored", True, "", 192, "horizon"),
        ("event", None, "", 100, "death"),
        ("event", False, "", 100, "death"),
        ("event_if_cancer", True, "", 100, "death"),
        ("event_if_cancer", False, "", 192, "horizon"),
        ("event_if_cancer", None, "", 192, "horizon"),
        ("event", True, "140 RECIST PD", 90, "progression"),
        ("event", True, "150 RECIST PD", 100, "progression"),  # of one day the progression
        ("event", True, "160 RECIST PD", 100, "death"),
    ],
)
def test_death(
    death: str, by_cancer: bool | None, lines: str, days: int, reason: str, study: Study
) -> None:
    when = Death(ref=FactRef("Patient", "p"), date=DateSpan.of(day(150)), cause_cancer=by_cancer)
    facts = replace(story(f"{BASE.strip()}\n{lines}"), deaths=(when,))
    changed: Any = {"death": death}
    seen = derive(facts, replace(study, **changed)).episodes[0].follow_up
    assert (seen.days, seen.reason, seen.event) == (days, reason, reason != "horizon")


def test_a_death_without_a_day_is_reported_where_it_counts(study: Study) -> None:
    facts = replace(story(BASE), deaths=(Death(ref=FactRef("Patient", "p")),))
    counts = derive(facts, replace(study, death="event"))
    assert "undated:death" in [step.rule for step in counts.findings]
    assert "undated:death" not in [step.rule for step in derive(facts, study).findings]


@pytest.mark.parametrize(
    ("taken", "out"),
    [((), None), (("BRAF_V600E",), None), (("NRAS_Q61R", "RAS_other"), "driver_not_included")],
)
def test_one_genotype(taken: tuple[str, ...], out: str | None, study: Study) -> None:
    course = course_of("", replace(study, include_drivers=taken))
    assert course.attrition == out
    if out:
        refused = next(step for step in course.findings if step.rule == out)
        assert (refused.outcome, refused.text) == ("out", "BRAF_V600E")
        assert refused.refs


@pytest.mark.parametrize(
    ("stated", "uptake"),
    [
        ([], "not_assessed"),
        ([(46, "20")], "present"),
        ([(46, "19.99")], "absent"),
        ([(40, "30"), (46, "12")], "absent"),  # the last dosimetry decides
        ([(46, "12"), (46, "30")], "present"),  # of one day the lesion of the largest dose
        ([(-3, "30")], "not_assessed"),  # before the drugs
    ],
)
def test_uptake_by_absorbed_dose(stated: list[tuple[int, str]], uptake: str, study: Study) -> None:
    doses = tuple(
        Dosimetry(
            ref=FactRef("dose", str(number)),
            date=DateSpan.of(day(when)),
            absorbed_dose_gy=Decimal(gray),
        )
        for number, (when, gray) in enumerate(stated)
    )
    facts = replace(story(BASE), dosimetry=doses)
    by_dose = replace(study, uptake_criterion="absorbed_dose")
    assert derive(facts, by_dose).episodes[0].uptake == uptake
    assert derive(facts, study).episodes[0].uptake == "present"


def test_strata_of_the_study_are_in_every_evaluation(study: Study) -> None:
    assert header(replace(study, strata=("sex",)), ["uptake"]).stratifiers == (
        "driver",
        "sex",
        "uptake",
    )
    assert header(study).stratifiers == ("driver",)
