"""Figures that compare groups, count competing causes and pair findings: small cohorts, by hand."""

from __future__ import annotations

from dataclasses import replace
from math import erfc, sqrt

import pytest

from analytics.aggregate import Aggregate, aggregate, header
from analytics.course import DateSpan, Death, FactRef, PatientFacts
from analytics.episode import Course, derive
from analytics.estimate import estimate
from analytics.figures import Figures
from analytics.study import Study
from tests.lib.story import day, story, without

QUIET = without("visit")
NRAS = QUIET.replace("BRAF V600E", "NRAS Q61R")


def _facts(lines: str, base: str = QUIET, **columns: object) -> PatientFacts:
    return replace(story(f"{base}\n{lines}"), **columns)


def _died(number: int) -> tuple[Death, ...]:
    return (Death(ref=FactRef("Patient", "x"), date=DateSpan.of(day(number))),)


def _cells(study: Study, *patients: PatientFacts, by: tuple[str, ...] = ()) -> Aggregate:
    courses: list[Course] = [
        derive(replace(facts, patient_key=f"p{number}"), study)
        for number, facts in enumerate(patients)
    ]
    return aggregate(courses, study, header(study, by))


def _figures(study: Study, *patients: PatientFacts, by: tuple[str, ...] = ()) -> Figures:
    return estimate(_cells(study, *patients, by=by), study).overall


def two_sided(z: float) -> float:
    return erfc(abs(z) / sqrt(2))


# Finish is day 50: progression after 50 days; seen after 60 days, dead after 80; progression after
# 100; seen beyond the horizon.
FOUR = (
    _facts("100 RECIST PD"),
    _facts("110 visit finished", deaths=_died(130)),
    _facts("150 RECIST PD"),
    _facts("300 visit finished"),
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cuminc_progression_91", 1 / 4),
        ("cuminc_death_91", 3 / 4 * 1 / 3),
        ("cuminc_progression_192", 1 / 4 + 1 / 2 * 1 / 2),
        ("cuminc_death_192", 1 / 4),
        ("km_192", 3 / 4 * 1 / 2),  # who died left the curve when last seen
        ("progressed_by_192_n", 2),
    ],
)
def test_death_competes_with_progression(name: str, value: float, study: Study) -> None:
    assert _figures(study, *FOUR)[name] == pytest.approx(value)


@pytest.mark.parametrize(
    ("died", "incidence"),
    [
        (50, 1),  # on the day of finish
        (49, None),  # before it: no outcome of the protocol, and nobody was followed
        (242, 1),
        (243, None),
    ],
)
def test_a_death_counts_from_finish_to_the_horizon(
    died: int, incidence: float | None, study: Study
) -> None:
    figures = _figures(study, _facts("", deaths=_died(died)))
    assert figures["cuminc_death_192"] == incidence
    assert figures["followed_n"] == 0
    assert ("cuminc_death_192" in figures.not_estimable) is (incidence is None)


def test_a_death_after_progression_changes_nothing(study: Study) -> None:
    figures = _figures(study, _facts("100 RECIST PD", deaths=_died(120)))
    assert (figures["cuminc_progression_192"], figures["cuminc_death_192"]) == (1, 0)


def test_an_aggregate_without_causes_says_so(study: Study) -> None:
    cells = _cells(study, *FOUR)
    exits = {key: n for key, n in cells.exits.items() if key.endpoint == "ttp"}
    figures = estimate(replace(cells, exits=exits), study).overall
    assert figures["cuminc_death_91"] is None
    assert "what came first" in figures.not_estimable["cuminc_death_91"]


def test_follow_up_is_the_median_time_to_censoring(study: Study) -> None:
    seen = [_facts(f"{50 + days} visit finished") for days in (100, 120, 140)]
    figures = _figures(study, *seen)
    assert figures["follow_up_median"] == 120
    figures = _figures(study, _facts("100 RECIST PD"))
    assert figures["follow_up_median"] is None
    assert "nobody is censored" in figures.not_estimable["follow_up_median"]


def _two_of_each() -> tuple[PatientFacts, ...]:
    return (
        _facts("146 RECIST PD"),  # day 96
        _facts("300 visit finished"),
        _facts("98 RECIST PD", NRAS),  # day 48
        _facts("300 visit finished", NRAS),
    )


@pytest.mark.parametrize("groups", ["driver", "arm"])
def test_restricted_means_and_milestones_are_compared_with_the_reference(
    groups: str, study: Study
) -> None:
    figures = _figures(study, *_two_of_each())
    other = {"driver": "NRAS Q61R", "arm": "MEKi"}[groups]
    # 48 + 144/2 and 96 + 96/2; the area after the event, squared, over n (n - 1)
    difference, se = 120 - 144, sqrt(72**2 / 2 + 48**2 / 2)
    stem = f"rmst_192_{groups}_diff"
    assert figures[f"{stem}:{other}"] == pytest.approx(difference)
    assert figures[f"{stem}_se:{other}"] == pytest.approx(se)
    assert figures[f"{stem}_low:{other}"] == pytest.approx(difference - 1.959963984540054 * se)
    assert figures[f"{stem}_high:{other}"] == pytest.approx(difference + 1.959963984540054 * se)
    assert figures[f"{stem}_p:{other}"] == pytest.approx(two_sided(difference / se))
    assert figures[f"km_192_{groups}_diff:{other}"] == 0
    assert figures[f"km_192_{groups}_diff_se:{other}"] == pytest.approx(0.5)
    assert figures[f"km_192_{groups}_diff_p:{other}"] == 1
    # at day 91 nobody of the reference has progressed
    assert figures[f"km_91_{groups}_diff_p:{other}"] is None
    assert "no standard error" in figures.not_estimable[f"km_91_{groups}_diff_p:{other}"]


def test_without_the_reference_nothing_is_compared(study: Study) -> None:
    figures = _figures(study, _facts("98 RECIST PD", NRAS))
    assert figures["rmst_192_driver_diff_p:NRAS Q61R"] is None
    assert "nobody of the reference" in figures.not_estimable["rmst_192_driver_diff_p:NRAS Q61R"]


@pytest.mark.parametrize(
    ("name", "chi2"),
    [
        # day 48: at risk 2 and 2, 1 of NRAS; day 96: 2 and 1, 1 of BRAF
        # difference w1 / 2 - w2 / 3, variance w1^2 / 4 + w2^2 2 / 9
        ("logrank", (1 / 2 - 1 / 3) ** 2 / (1 / 4 + 2 / 9)),
        ("gehan", (4 / 2 - 3 / 3) ** 2 / (16 / 4 + 9 * 2 / 9)),
        ("tarone_ware", (2 / 2 - sqrt(3) / 3) ** 2 / (4 / 4 + 3 * 2 / 9)),
        ("fleming_harrington_early", (1 / 2 - 0.75 / 3) ** 2 / (1 / 4 + 0.75**2 * 2 / 9)),
        ("fleming_harrington_late", (0.25 / 3) ** 2 / (0.25**2 * 2 / 9)),
    ],
)
def test_weighted_kin_of_the_log_rank_test(name: str, chi2: float, study: Study) -> None:
    figures = _figures(study, *_two_of_each())
    assert figures[f"{name}_driver_chi2"] == pytest.approx(chi2)
    assert figures[f"{name}_driver_df"] == 1
    assert figures[f"{name}_driver_p"] == pytest.approx(two_sided(sqrt(chi2)))
    by_arm = "arm_logrank" if name == "logrank" else f"{name}_arm"
    assert figures[f"{by_arm}_chi2"] == pytest.approx(chi2)


def _sites() -> tuple[PatientFacts, ...]:
    """At each of two sites BRAF progresses after 10 days and NRAS after 20."""
    pairs = ((_facts("60 RECIST PD"), _facts("70 RECIST PD", NRAS)) for _ in "ab")
    return tuple(
        replace(facts, site=site) for site, pair in zip("ab", pairs, strict=True) for facts in pair
    )


def test_drivers_are_compared_within_sites(study: Study) -> None:
    figures = _figures(study, *_sites(), by=("site",))
    assert figures["logrank_driver_chi2"] == pytest.approx(3)  # (2 - 1)^2 / (1/3)
    assert figures["stratified_driver_by_site_chi2"] == pytest.approx(2)  # 2 (1 - 1/2), 2 (1/4)
    assert figures["stratified_driver_by_site_p"] == pytest.approx(two_sided(sqrt(2)))
    # within a driver all sites progress on one day
    assert figures["stratified_site_by_driver_p"] is None


@pytest.mark.parametrize(
    ("by", "sites", "reason"),
    [((), "ab", "does not tell sites apart"), (("site",), "aa", "one site only")],
)
def test_a_test_within_sites_needs_several(
    by: tuple[str, ...], sites: str, reason: str, study: Study
) -> None:
    first, second, third, fourth = _sites()
    patients = [replace(facts, site=sites[0]) for facts in (first, second)]
    patients += [replace(facts, site=sites[1]) for facts in (third, fourth)]
    figures = _figures(study, *patients, by=by)
    assert figures["stratified_driver_by_site_p"] is None
    assert reason in figures.not_estimable["stratified_driver_by_site_p"]


def _found(*variants: str) -> PatientFacts:
    facts = _facts("\n".join(f"-9 variant {each}" for each in variants))
    named = tuple(replace(variant, hgnc=f"HGNC:{variant.gene}") for variant in facts.variants)
    return replace(facts, variants=named)


def test_the_denominator_of_a_gene_is_who_was_tested(study: Study) -> None:
    figures = _figures(study, _found("present TP53 R282W"), _found("absent TP53"), _found())
    assert figures["gene_altered_n:TP53"] == 1
    assert figures["gene_not_tested_n:TP53"] == 1
    assert figures["gene_altered_pct:TP53"] == 50
    # 1 of 2: (1 - p)^2 = 0.975 at the lower end, p^2 = 0.975 at the upper
    assert figures["gene_altered_cp95_low:TP53"] == pytest.approx(100 * (1 - sqrt(0.975)))
    assert figures["gene_altered_cp95_high:TP53"] == pytest.approx(100 * sqrt(0.975))
    assert figures["gene_altered_pct:BRAF"] == 100
    assert {name for name in figures.values if name.startswith("comutation")} == {
        "comutation_n:BRAF+TP53"
    }
    assert figures["comutation_n:BRAF+TP53"] == 1
