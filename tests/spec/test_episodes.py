"""From one patient's story to the protocol episode: every rule of docs/definitions.md, and its
traps. Days are counted from the first drug day."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapter.definitions import load
from analytics.episode import Course, Episode, derive
from analytics.study import Study
from tests.lib.story import DAY_0, story

BASE = """
    -900    diagnosis PTC
    -40     variant present BRAF V600E
    0..41   drug dabrafenib
    0..41   drug trametinib
    46      uptake present
    46      dosimetry 310 mCi
    50      rai 204 mCi therapeutic
    300     visit finished
"""


@pytest.fixture(scope="module")
def study() -> Study:
    return load().study("redifferentiation")


def _course(lines: str, study: Study, base: str = BASE) -> Course:
    return derive(story(base.strip() + "\n" + lines.strip()), study)


def _episode(lines: str, study: Study, base: str = BASE) -> Episode:
    course = _course(lines, study, base)
    assert course.episodes, course.attrition
    return course.episodes[0]


def _without(*words: str) -> str:
    lines = [line for line in BASE.strip().splitlines() if not any(w in line for w in words)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("0..41 drug trametinib\n50 rai 200 mCi therapeutic", "no_thyroid_cancer"),
        ("-9 diagnosis MTC\n0..41 drug trametinib\n50 rai 200 mCi", "excluded_histology"),
        ("-9 diagnosis PTC\n-9 diagnosis ATC\n0..41 drug trametinib", "excluded_histology"),
        ("-9 diagnosis PTC\n50 rai 200 mCi therapeutic", "no_index_drug"),
        ("-9 diagnosis PTC\n0..41 drug lenvatinib\n50 rai 200 mCi", "no_index_drug"),
        ("-9 diagnosis PTC\n0..41 drug trametinib", "no_dosimetry_or_rai_in_window"),
        (
            "-9 diagnosis PTC\n0..41 drug trametinib\n121 rai 200 mCi",
            "no_dosimetry_or_rai_in_window",
        ),
        (
            "-9 diagnosis PTC\n0..41 drug trametinib\n-1 rai 200 mCi",
            "no_dosimetry_or_rai_in_window",
        ),
        ("-9 diagnosis PTC\n0..41 drug trametinib\n50 rai 4 mCi", "no_dosimetry_or_rai_in_window"),
    ],
)
def test_who_is_out_and_why(lines: str, reason: str, study: Study) -> None:
    course = derive(story(lines), study)
    assert course.episodes == ()
    assert course.attrition == reason


@pytest.mark.parametrize(
    ("lines", "finish_day", "rule"),
    [
        (BASE, 50, "therapeutic_rai"),
        (_without("rai"), 46, "last_dosimetry"),
        (_without("rai") + "\n48 uptake absent", 48, "last_dosimetry"),
        (_without("204") + "\n50 rai 204 mCi", 50, "therapeutic_rai"),
        (_without("204") + "\n120 rai 30 mCi", 120, "therapeutic_rai"),
    ],
)
def test_protocol_finish(lines: str, finish_day: int, rule: str, study: Study) -> None:
    episode = derive(story(lines), study).episodes[0]
    assert ((episode.finish - DAY_0).days, episode.finish_rule) == (finish_day, rule)


def test_rule_b_waits_for_the_last_drug_day(study: Study) -> None:
    lines = BASE.replace("0..41   drug trametinib", "0..70   drug trametinib")
    assert (derive(story(lines), study).episodes[0].finish - DAY_0).days == 50
    waits = replace(study, finish_waits_for_drug=True)
    episode = derive(story(lines), waits).episodes[0]
    assert (episode.finish - DAY_0).days == 70
    assert episode.finish_rule == "therapeutic_rai+last_drug_day"


@pytest.mark.parametrize(
    ("lines", "days", "reason"),
    [
        ("134 RECIST PD", 84, "progression"),
        ("134 RECIST PD\n140 RECIST PD", 84, "progression"),
        ("134 status PD", 84, "progression"),
        ("134 CT 50 new", 84, "progression"),
        ("134 status PD biochemical", 192, "horizon"),  # Tg rise alone is no progression
        ("134 RECIST SD", 192, "horizon"),
        ("50 RECIST PD", 192, "horizon"),  # on the day of finish: not after it
        ("20 RECIST PD", 192, "horizon"),  # on the drugs
        ("242 RECIST PD", 192, "progression"),  # the last day that counts
        ("243 RECIST PD", 192, "horizon"),
        ("~134 RECIST PD", 192, "horizon"),  # known to the month only: excluded by default
    ],
)
def test_progression_and_horizon(lines: str, days: int, reason: str, study: Study) -> None:
    seen = _episode(lines, study).follow_up
    assert (seen.days, seen.reason) == (days, reason)
    assert seen.event == (reason == "progression")


@pytest.mark.parametrize(
    ("lines", "days", "reason"),
    [
        ("169 visit finished", 119, "last_contact"),
        ("169 visit finished\n260 visit planned", 119, "last_contact"),
        ("169 visit finished\n200 visit cancelled", 119, "last_contact"),
        ("169 visit finished\n197 Tg 3.0", 147, "last_contact"),
        ("242 visit finished", 192, "horizon"),
        ("40 visit finished", 0, "no_follow_up"),
        ("169 visit finished\n169 RECIST PD", 119, "progression"),  # a tie: the event is first
    ],
)
def test_end_of_observation(lines: str, days: int, reason: str, study: Study) -> None:
    seen = _episode(lines, study, base=_without("visit")).follow_up
    assert (seen.days, seen.reason) == (days, reason)


@pytest.mark.parametrize(
    ("lines", "prior", "given", "flags"),
    [
        ("-800 rai 100 mCi therapeutic\n-400 rai 150 mCi therapeutic", 250, 204, ()),
        # The same dose, told twice: by a procedure and by the pharmacy two days later.
        ("52 rai 204 mCi therapeutic administered", 0, 204, ()),
        ("50 rai 180 mCi therapeutic administered", 0, 180, ("activity_disagreement",)),
        ("50 rai 200 mCi therapeutic administered", 0, 200, ()),  # 2 % apart
        ("50 rai 4 mCi diagnostic", 0, 204, ()),  # a tracer is another administration
        ("-800 rai 20 mCi", 0, 204, ()),  # between the thresholds: unknown, not counted
        ("-800 rai 29 mCi therapeutic", 29, 204, ()),  # stated beats the threshold
    ],
)
def test_iodine(lines: str, prior: int, given: int, flags: tuple[str, ...], study: Study) -> None:
    episode = _episode(lines, study)
    assert episode.prior_rai_mbq == prior * 37
    assert episode.rai is not None
    assert episode.rai.activity_mbq == given * 37
    assert episode.rai.flags == flags


@pytest.mark.parametrize(
    ("lines", "regimen", "days"),
    [
        ("0..41 drug trametinib", "trametinib", [42]),
        ("0..20 drug trametinib\n21..41 drug trametinib", "trametinib", [42]),
        ("0..20 drug trametinib\n35..41 drug trametinib", "trametinib", [42]),  # 14 days free
        ("0..20 drug trametinib\n36..41 drug trametinib", "trametinib", [21]),  # 15: two courses
        ("0..41 drug trametinib\n10..41 drug dabrafenib", "dabrafenib+trametinib", [32, 42]),
        ("0..41 drug trametinib\n5..90 drug trametinib ordered", "trametinib", [42]),
        ("0..41 drug trametinib ordered", "trametinib", [42]),  # better than nothing
        ("0 drug trametinib", "trametinib", [None]),  # no end stated: not one day
    ],
)
def test_drugs(lines: str, regimen: str, days: list[int | None], study: Study) -> None:
    episode = _episode(lines, study, base=_without("drug"))
    assert episode.drugs.regimen == regimen
    assert sorted([span.days for span in episode.drugs.spans], key=lambda n: n or 0) == days


@pytest.mark.parametrize(
    ("lines", "driver"),
    [
        ("-9 variant present BRAF V600E", "BRAF_V600E"),
        ("-9 variant present NRAS Q61R", "NRAS_Q61R"),
        ("-9 variant present NRAS Q61K", "RAS_other"),
        ("-9 variant present BRAF K601E", "BRAF_other"),
        ("-9 variant present RET fusion", "fusion"),
        ("-9 variant absent BRAF\n-9 variant absent NRAS", "none_detected"),
        ("-9 variant present TP53 R282W\n-9 variant absent BRAF", "none_detected"),
        ("-9 variant present TP53 R282W", "not_tested"),  # a finding elsewhere tests no driver
        ("-9 variant present NRAS", "not_tested"),  # altered, not how: proves nothing
        ("-9 variant no_call BRAF", "not_tested"),
        ("", "not_tested"),
    ],
)
def test_driver(lines: str, driver: str, study: Study) -> None:
    assert _episode(lines, study, base=_without("variant")).profile.driver == driver


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
    change = _episode("\n".join((before, three, six)), study).tg_change
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
    assert _episode(lines, study).tg_change["prior_to_3m"] == category


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
    assert _episode(lines, replace(study, tgab=tgab)).tg_change["prior_to_3m"] == category


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
    found = _episode(lines, replace(study, tg_profile=profile)).tg_change["prior_to_3m"]
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
    episode = _episode(f"-14 CT {before}\n140 CT {after}", study)
    assert episode.ct_change["prior_to_3m"] == category


def test_a_second_course_is_counted_apart(study: Study) -> None:
    lines = "400..441 drug trametinib\n450 rai 150 mCi therapeutic"
    course = _course(lines, study)
    assert [episode.number for episode in course.episodes] == [1, 2]
    assert course.episodes[1].prior_rai_mbq == 204 * 37


@pytest.mark.parametrize(
    ("base", "deviations"),
    [
        (BASE, ()),
        (_without("dabrafenib"), ("arm_does_not_match_driver",)),
        (_without("rai"), ("rai_not_given",)),
    ],
)
def test_deviations_do_not_exclude(base: str, deviations: tuple[str, ...], study: Study) -> None:
    assert _episode("", study, base=base).deviations == deviations


def test_every_date_says_its_rule_and_its_facts(study: Study) -> None:
    course = _course("134 RECIST PD\n-10 Tg 5\n140 Tg 4", study)
    steps = {step.rule: step for step in course.findings}
    assert list(steps)[:2] == ["diagnosis", "index_drug"]
    assert steps["finish"].text == "therapeutic_rai"
    assert steps["progression"].refs[0].resource_type == "RECIST"
    assert all(steps[rule].refs for rule in ("diagnosis", "rai", "dosimetry", "tg:3m"))
