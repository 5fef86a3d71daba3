"""Relative dose intensity and absorbed dose of a course, reckoned by hand. Protocol finish is day
50 (the therapeutic I-131); dabrafenib's label is 300 mg a day, trametinib's 2 mg."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from analytics.aggregate import aggregate, header
from analytics.course import DrugExposure
from analytics.dose_intensity import DoseIntensity
from analytics.episode import derive
from analytics.estimate import estimate
from analytics.patient_level import site_figures
from analytics.study import Study
from tests.lib.story import episode_of, story, without

REST = without("dabrafenib", "trametinib")


def intensity(lines: str, study: Study, ingredient: str = "dabrafenib") -> DoseIntensity:
    found = episode_of(lines, study, REST).dose_intensity
    return next(each for each in found if each.ingredient == ingredient)


FULL = "0..41 drug dabrafenib stated 150 mg 2 daily"


@pytest.mark.parametrize(
    ("lines", "delivered", "planned", "category"),
    [
        (FULL, 42 * 300, 42 * 300, "from_90_pct"),
        ("0..41 drug dabrafenib stated 75 mg 2 daily", 42 * 150, 42 * 300, "under_70_pct"),
        (  # reduced after three weeks: 10,500 of 12,600 mg
            """0..20 drug dabrafenib stated 150 mg 2 daily
            21..41 drug dabrafenib stated 100 mg 2 daily""",
            21 * 300 + 21 * 200, 42 * 300, "70_to_89_pct",
        ),
        (  # paused for a week
            """0..20 drug dabrafenib stated 150 mg 2 daily
            28..41 drug dabrafenib stated 150 mg 2 daily""",
            35 * 300, 42 * 300, "70_to_89_pct",
        ),
        (  # goes on after finish: days 0 to 50 count
            """0..50 drug dabrafenib stated 150 mg 2 daily
            51..90 drug dabrafenib stated 50 mg 2 daily""",
            51 * 300, 51 * 300, "from_90_pct",
        ),
        (  # stopped early: no dose is missed after the drug's last day
            "0..13 drug dabrafenib stated 150 mg 2 daily",
            14 * 300, 14 * 300, "from_90_pct",
        ),
        (  # a refill before the supply ran out is no second dose
            """0..29 drug dabrafenib dispensed 150 mg 2 daily
            25..41 drug dabrafenib dispensed 150 mg 2 daily""",
            42 * 300, 42 * 300, "from_90_pct",
        ),
        (  # nor is one of a lower dose, which holds from its own day
            """0..29 drug dabrafenib dispensed 150 mg 2 daily
            25..41 drug dabrafenib dispensed 75 mg 2 daily""",
            25 * 300 + 17 * 150, 42 * 300, "70_to_89_pct",
        ),
        (  # the order says the dose, the statement the days
            """0..41 drug dabrafenib
            -3 drug dabrafenib ordered 150 mg 2 daily""",
            42 * 300, 42 * 300, "from_90_pct",
        ),
        (  # an order does not make a paused day one with the drug
            """0..20 drug dabrafenib
            28..41 drug dabrafenib
            -3 drug dabrafenib ordered 150 mg 2 daily""",
            35 * 300, 42 * 300, "70_to_89_pct",
        ),
        (  # what was taken counts before what was ordered
            """0..41 drug dabrafenib stated 75 mg 2 daily
            0 drug dabrafenib ordered 150 mg 2 daily""",
            42 * 150, 42 * 300, "under_70_pct",
        ),
        (  # orders alone, where there is nothing better
            "0..41 drug dabrafenib ordered 150 mg 2 daily",
            42 * 300, 42 * 300, "from_90_pct",
        ),
        ("0..41 drug dabrafenib stated 0 mg 2 daily", 0, 42 * 300, "under_70_pct"),
    ],
)  # fmt: skip
def test_delivered_over_planned(
    lines: str, delivered: int, planned: int, category: str, study: Study
) -> None:
    found = intensity(lines, study)
    assert (found.delivered_mg, found.planned_mg) == (Decimal(delivered), Decimal(planned))
    assert (found.category, found.reason) == (category, "")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("0..41 drug dabrafenib", "dose_not_stated"),
        ("0..41 drug dabrafenib stated 150 mg", "frequency_not_stated"),
        (
            """0..20 drug dabrafenib stated 150 mg 2 daily
            21..41 drug dabrafenib""",
            "dose_not_stated",
        ),
        (FULL + "\n0..41 drug dabrafenib stated 75 mg 2 daily", "doses_disagree"),
        ("0 drug dabrafenib stated 150 mg 2 daily", "drug_end_unknown"),
        (
            """0 drug dabrafenib stated 150 mg 2 daily
            10..41 drug dabrafenib stated 150 mg 2 daily""",
            "drug_end_unknown",
        ),
        (
            """0..41 drug trametinib stated 2 mg 1 daily
            55..60 drug dabrafenib stated 150 mg 2 daily""",
            "begun_after_finish",
        ),
    ],
)
def test_what_is_not_stated_is_not_estimable(lines: str, reason: str, study: Study) -> None:
    found = intensity(lines, study)
    assert (found.relative, found.reason, found.category) == (None, reason, "not_stated")


def test_a_drug_without_a_label_dose(study: Study) -> None:
    found = intensity(FULL, replace(study, label_doses={"trametinib": 2.0}))
    assert (found.relative, found.reason) == (None, "no_label_dose")


@pytest.mark.parametrize("flag", ["several_doses", "dose_conflict"])
def test_a_record_of_unclear_doses_hides_the_dose(flag: str, study: Study) -> None:
    """It is known that the dose changed, so the dose of an order does not stand in for it."""
    facts = story(f"{REST}\n0..41 drug dabrafenib\n0 drug dabrafenib ordered 150 mg 2 daily")
    unclear = tuple(
        replace(drug, flags=(flag,)) if drug.evidence == "stated" else drug for drug in facts.drugs
    )
    (found,) = derive(replace(facts, drugs=unclear), study).episodes[0].dose_intensity
    assert (found.relative, found.reason) == (None, "doses_disagree")


@pytest.mark.parametrize(
    ("mg", "category"),
    [
        ("135", "from_90_pct"),
        ("134.9", "70_to_89_pct"),
        ("105", "70_to_89_pct"),
        ("104.9", "under_70_pct"),
        ("180", "from_90_pct"),
    ],
)
def test_the_edges_of_the_classes(mg: str, category: str, study: Study) -> None:
    found = intensity(f"0..41 drug dabrafenib stated {mg} mg 2 daily", study)
    assert found.category == category
    assert found.relative == Decimal(mg) / 150


def test_each_drug_of_a_course_has_its_own(study: Study) -> None:
    lines = "0..41 drug trametinib stated 1.5 mg 1 daily\n" + FULL
    found = episode_of(lines, study, REST).dose_intensity
    assert [(each.ingredient, each.relative) for each in found] == [
        ("dabrafenib", 1),
        ("trametinib", Decimal("0.75")),
    ]


def test_the_order_of_records_does_not_matter(study: Study) -> None:
    facts = story(
        f"""{REST}
        0..29 drug dabrafenib dispensed 150 mg 2 daily
        25..41 drug dabrafenib dispensed 75 mg 2 daily
        0 drug dabrafenib ordered 150 mg 2 daily"""
    )
    forwards = derive(facts, study).episodes[0].dose_intensity
    drugs: tuple[DrugExposure, ...] = tuple(reversed(facts.drugs))
    assert derive(replace(facts, drugs=drugs), study).episodes[0].dose_intensity == forwards


def test_a_label_dose_must_be_above_zero(study: Study) -> None:
    with pytest.raises(ValueError, match="label_doses"):
        replace(study, label_doses={"dabrafenib": 0.0})


# Absorbed dose


@pytest.mark.parametrize(
    ("lines", "gy", "per_gbq"),
    [
        ("", None, None),
        ("46 dosimetry 32 Gy", "32", None),
        ("46 dosimetry 32 Gy\n46 dosimetry 18.5 Gy\n47 dosimetry 21 Gy", "32", None),
        ("46 dosimetry 4.5 Gy/GBq", None, "4.5"),
        ("46 dosimetry 4.5 Gy/GBq\n53 dosimetry 40 Gy", "40", "4.5"),  # measured after treatment
        ("-1 dosimetry 32 Gy", None, None),
        ("120 dosimetry 32 Gy", "32", None),
        ("121 dosimetry 32 Gy", None, None),
        ("80..90 drug trametinib\n85 dosimetry 32 Gy", None, None),  # that of the next course
    ],
)
def test_the_largest_absorbed_dose_of_the_course(
    lines: str, gy: str | None, per_gbq: str | None, study: Study
) -> None:
    found = episode_of(lines, study).absorbed_dose
    expected = tuple(None if each is None else Decimal(each) for each in (gy, per_gbq))
    assert (found.gy, found.gy_per_gbq) == expected
    assert found.stated == (expected != (None, None))


# Figures

COHORT = [
    FULL + "\n46 dosimetry 20 Gy",
    "0..41 drug dabrafenib stated 120 mg 2 daily\n46 dosimetry 50 Gy",
    "0..41 drug dabrafenib stated 75 mg 2 daily\n46 dosimetry 5 Gy/GBq",
    "0..41 drug dabrafenib\n0..41 drug trametinib stated 2 mg 1 daily",
]


def test_the_cohort_in_classes_and_the_medians_at_the_site_alone(study: Study) -> None:
    courses = [derive(story(f"{REST}\n{lines}"), study) for lines in COHORT]
    overall = estimate(aggregate(courses, study, header(study)), study).overall.values
    named = {name: n for name, n in overall.items() if name.startswith(("dose_in", "absorbed"))}
    assert named == {
        "dose_intensity_n:dabrafenib:70_to_89_pct": 1,
        "dose_intensity_n:dabrafenib:from_90_pct": 1,
        "dose_intensity_n:dabrafenib:not_stated": 1,
        "dose_intensity_n:dabrafenib:under_70_pct": 1,
        "dose_intensity_n:trametinib:from_90_pct": 1,
        "absorbed_dose_stated_n": 3,
    }
    # Intensities: 100, 80, 50 % of dabrafenib and 100 % of trametinib.
    site = site_figures(courses, study).figures
    assert (site["dose_intensity_pct_min"], site["dose_intensity_pct_max"]) == (50, 100)
    assert site["dose_intensity_pct_median"] == 90
    assert site["absorbed_dose_gy_median"] == 35
    assert site["absorbed_dose_gy_per_gbq_median"] == 5


def test_where_nothing_is_stated_the_medians_say_so(study: Study) -> None:
    found = site_figures([derive(story(f"{REST}\n0..41 drug dabrafenib"), study)], study)
    for name in ("dose_intensity_pct", "absorbed_dose_gy", "absorbed_dose_gy_per_gbq"):
        assert found.figures[f"{name}_median"] is None
        assert found.not_estimable[f"{name}_median"] == "nobody has the value"
