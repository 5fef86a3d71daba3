"""From one patient's story to the protocol episode: every rule of docs/definitions.md, and its
traps. Days are counted from the first drug day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from analytics.course import DateSpan, FactRef, Person
from analytics.episode import derive, in_period
from analytics.study import Study
from tests.lib.story import BASE, DAY_0, course_of, episode_of, story, without


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
        (without("rai"), 46, "last_dosimetry"),
        (without("rai") + "\n48 uptake absent", 48, "last_dosimetry"),
        (without("204") + "\n50 rai 204 mCi", 50, "therapeutic_rai"),
        (without("204") + "\n120 rai 30 mCi", 120, "therapeutic_rai"),
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
    seen = episode_of(lines, study).follow_up
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
    seen = episode_of(lines, study, base=without("visit")).follow_up
    assert (seen.days, seen.reason) == (days, reason)


@pytest.mark.parametrize(
    ("lines", "prior", "given", "flags"),
    [
        ("-800 rai 100 mCi therapeutic\n-400 rai 150 mCi therapeutic", 250, 204, ()),
        # The same dose, told twice: by a procedure and by the pharmacy up to three days later.
        ("53 rai 204 mCi therapeutic administered", None, 204, ()),
        ("50 rai 180 mCi therapeutic administered", None, 180, ("activity_disagreement",)),
        ("50 rai 200 mCi therapeutic administered", None, 200, ()),  # 2 % apart
        ("50 rai 194.3 mCi therapeutic administered", None, 194.3, ()),  # 4.99 %
        ("50 rai 4 mCi diagnostic", None, 204, ()),  # a tracer is another administration
        ("52 rai 20 mCi", None, 204, ("activity_disagreement",)),  # purpose unknown: joins the dose
        ("-800 rai 20 mCi", None, 204, ()),  # between the thresholds: unknown, not counted
        ("-800 rai 10.1 mCi", None, 204, ()),
        ("-800 rai 30 mCi", 30, 204, ()),
        ("-800 rai 29 mCi therapeutic", 29, 204, ()),  # stated beats the threshold
        ("0 rai 100 mCi therapeutic", None, 100, ()),  # on the first drug day: not prior
        ("-1 rai 100 mCi therapeutic", 100, 204, ()),
    ],
)
def test_iodine(
    lines: str, prior: float | None, given: float, flags: tuple[str, ...], study: Study
) -> None:
    episode = episode_of(lines, study)
    assert episode.prior_rai_mbq == (None if prior is None else Decimal(str(prior)) * 37)
    assert episode.rai is not None
    assert episode.rai.activity_mbq == Decimal(str(given)) * 37
    assert episode.rai.flags == flags


@pytest.mark.parametrize(("status", "flagged"), [("completed", False), ("unknown", True)])
def test_a_dose_that_nothing_confirms_is_flagged(status: str, flagged: bool, study: Study) -> None:
    facts = story(BASE)
    doses = tuple(replace(dose, status=status) for dose in facts.rai)
    episode = derive(replace(facts, rai=doses), study).episodes[0]
    assert ("not_confirmed_given" in episode.deviations) == flagged


def test_a_prior_dose_of_unknown_activity_is_not_zero(study: Study) -> None:
    facts = story(BASE + "-800 rai 100 mCi therapeutic\n-400 rai 1 mCi therapeutic")
    silent = tuple(replace(d, activity_mbq=None) if d.activity_mbq == 37 else d for d in facts.rai)
    episode = derive(replace(facts, rai=silent), study).episodes[0]
    assert episode.prior_rai_mbq is None
    assert "prior_activity_missing" in episode.deviations


@pytest.mark.parametrize(
    ("lines", "regimen", "days"),
    [
        ("0..41 drug trametinib", "trametinib", [42]),
        ("0..20 drug trametinib\n21..41 drug trametinib", "trametinib", [42]),
        ("0..20 drug trametinib\n35..41 drug trametinib", "trametinib", [42]),  # 14 days free
        ("0..20 drug trametinib\n36..41 drug trametinib", "trametinib", [6]),  # 15: two courses
        ("0..41 drug trametinib\n10..41 drug dabrafenib", "dabrafenib+trametinib", [32, 42]),
        ("0..41 drug trametinib\n5..90 drug trametinib ordered", "trametinib", [42]),
        ("0..41 drug trametinib ordered", "trametinib", [42]),  # better than nothing
        ("0 drug trametinib", "trametinib", [None]),  # no end stated: not one day
    ],
)
def test_drugs(lines: str, regimen: str, days: list[int | None], study: Study) -> None:
    episode = episode_of(lines, study, base=without("drug"))
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
    assert episode_of(lines, study, base=without("variant")).profile.driver == driver


def test_a_second_course_is_counted_apart(study: Study) -> None:
    lines = "400..441 drug trametinib\n450 rai 150 mCi therapeutic"
    course = course_of(lines, study)
    assert [episode.number for episode in course.episodes] == [1, 2]
    assert course.episodes[1].prior_rai_mbq == 204 * 37


def test_a_dose_belongs_to_one_course(study: Study) -> None:
    lines = "0..24 drug trametinib\n40..65 drug trametinib\n30 uptake present\n45 rai 150 mCi"
    base = without("drug", "rai", "uptake", "dosimetry")
    course = course_of(lines + "\n120 RECIST PD", replace(study, unit="episode"), base)
    assert [(e.finish_rule, e.follow_up.reason) for e in course.episodes] == [
        ("last_dosimetry", "next_course"),
        ("therapeutic_rai", "progression"),
    ]
    assert [e.follow_up.days for e in course.episodes] == [10, 75]


def test_a_scan_before_the_drugs_qualifies_but_is_no_finish(study: Study) -> None:
    base = without("rai", "uptake", "dosimetry")
    episode = episode_of("-14 uptake present", study, base)
    assert (episode.finish_rule, episode.uptake) == ("last_drug_day", "not_assessed")
    assert course_of("-15 uptake present", study, base).attrition == "no_dosimetry_or_rai_in_window"


def test_an_open_exposure_years_ago_does_not_swallow_the_course(study: Study) -> None:
    episode = episode_of("-900 drug trametinib", study)
    assert episode.drugs.first_day == DAY_0
    weekly = "0 drug trametinib\n7 drug trametinib\n14 drug trametinib"
    episode = episode_of(weekly, study, without("trametinib"))
    assert "drug_end_assumed" in episode.deviations


@pytest.mark.parametrize(
    ("lines", "rule", "deviation"),
    [
        ("~134 RECIST PD", "partial_date:imaging", "progression_date_partial"),
        ("~134 status PD", "partial_date:disease_status", "progression_date_partial"),
        ("~134 Tg 5", "partial_date:thyroglobulin", None),
        ("~-134 RECIST PD", "partial_date:imaging", None),  # before finish: changes nothing
    ],
)
def test_a_partial_date_is_reported(
    lines: str, rule: str, deviation: str | None, study: Study
) -> None:
    course = course_of(lines, study)
    assert rule in [step.rule for step in course.findings]
    assert course.episodes[0].deviations == ((deviation,) if deviation else ())
    exact = replace(study, date_policy="midpoint")
    assert rule not in [step.rule for step in course_of(lines, exact).findings]


def test_an_index_drug_without_a_usable_start_is_said_so(study: Study) -> None:
    course = course_of("~0..41 drug trametinib", study, without("drug"))
    assert course.attrition == "index_drug_without_start"


@pytest.mark.parametrize(
    ("start", "end", "inside"), [(0, 0, True), (1, 90, False), (-90, -1, False), (-1, 1, True)]
)
def test_the_period_holds_both_its_ends(start: int, end: int, inside: bool, study: Study) -> None:
    course = course_of("", study)
    finish = course.episodes[0].finish
    found = in_period(course, finish + timedelta(days=start), finish + timedelta(days=end))
    assert bool(found.episodes) == inside
    assert found.attrition == (None if inside else "finish_outside_period")


def test_age_is_in_completed_years(study: Study) -> None:
    for month, day, age in ((3, 1, 60), (3, 2, 59), (2, 28, 60)):
        person = Person(ref=FactRef("Patient", "p"), birth=DateSpan.of(date(1961, month, day)))
        episode = derive(replace(story(BASE), persons=(person,)), study).episodes[0]
        assert episode.age_years == age


@pytest.mark.parametrize("status", ["refuted", "entered-in-error"])
def test_a_diagnosis_taken_back_does_not_count(status: str, study: Study) -> None:
    facts = story(BASE)
    diagnoses = tuple(replace(fact, verification_status=status) for fact in facts.diagnoses)
    assert derive(replace(facts, diagnoses=diagnoses), study).attrition == "no_thyroid_cancer"


@pytest.mark.parametrize(
    ("base", "deviations"),
    [
        (BASE, ()),
        (without("dabrafenib"), ("arm_does_not_match_driver",)),
        (without("rai"), ("rai_not_given",)),
    ],
)
def test_deviations_do_not_exclude(base: str, deviations: tuple[str, ...], study: Study) -> None:
    assert episode_of("", study, base=base).deviations == deviations


def test_every_date_says_its_rule_and_its_facts(study: Study) -> None:
    course = course_of("134 RECIST PD\n-10 Tg 5\n140 Tg 4", study)
    steps = {step.rule: step for step in course.findings}
    assert list(steps)[:2] == ["diagnosis", "index_drug"]
    assert steps["finish"].text == "therapeutic_rai"
    assert steps["progression"].refs[0].resource_type == "RECIST"
    assert all(steps[rule].refs for rule in ("diagnosis", "rai", "dosimetry", "tg:3m"))
