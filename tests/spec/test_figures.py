"""From a few patients' courses to figures: counts, denominators and edges, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analytics.aggregate import Aggregate, aggregate, header
from analytics.episode import derive
from analytics.estimate import estimate
from analytics.figures import Figures
from analytics.patient_level import site_figures
from analytics.study import Study
from tests.lib.story import story, without

QUIET = without("visit")


def _figures(study: Study, *patients: str) -> Figures:
    return estimate(_cells(study, *patients), study).overall


def _cells(study: Study, *patients: str) -> Aggregate:
    courses = [
        derive(replace(story(f"{QUIET}\n{lines}"), patient_key=f"p{number}"), study)
        for number, lines in enumerate(patients)
    ]
    return aggregate(courses, study, header(study))


@pytest.mark.parametrize(
    ("score", "state"),
    [
        ("0", "negative"),
        ("0.9", "negative"),
        ("1", "positive"),
        ("<1", "negative"),
        ("<5", "not_tested"),  # may be either
    ],
)
def test_pd_l1_is_positive_from_one_percent(score: str, state: str, study: Study) -> None:
    assert _figures(study, f"-9 PD-L1 {score}")[f"pdl1_{state}_n"] == 1


def test_pd_l1_extremes_are_of_the_positive(study: Study) -> None:
    courses = [derive(story(f"{QUIET}\n-9 PD-L1 {score}"), study) for score in ("0", "1", "50")]
    figures = site_figures(courses, study).figures
    assert (figures["pdl1_positive_pct_min"], figures["pdl1_positive_pct_max"]) == (1, 50)


@pytest.mark.parametrize(
    ("day", "first", "second"), [(75, 0, 0), (76, 1, 0), (106, 1, 0), (107, 0, 1), (192, 0, 1)]
)
def test_windows_hold_both_their_days(day: int, first: int, second: int, study: Study) -> None:
    figures = _figures(study, f"{50 + day} RECIST PD")
    assert figures["progressed_at_3_months_n"] == first
    assert figures["progressed_additional_by_192_n"] == second
    assert figures["progressed_by_192_n"] == 1


def test_nobody_followed_enters_no_curve(study: Study) -> None:
    figures = _figures(study, "40 visit finished", "300 visit finished")
    assert (figures["n_patients"], figures["followed_n"]) == (2, 1)
    assert figures["observation_ended_n:no_follow_up"] == 1
    assert figures["rmst_192_days"] == 192


def test_without_follow_up_every_time_figure_is_null_with_a_reason(study: Study) -> None:
    figures = _figures(study, "40 visit finished")
    nulls = {name for name, value in figures.values.items() if value is None}
    assert {"rmst_192_days", "rmst_192_low", "km_192", "km_192_se", "ttp_median_high"} <= nulls
    assert nulls == set(figures.not_estimable)


def test_an_empty_cohort_has_the_same_figures(study: Study) -> None:
    nobody, one = _figures(study), _figures(study, "300 visit finished")
    named_by_data = ("_n:", "mutation_", "gene_", "regimen_", "deviation_", "histology_")
    fixed = {name for name in one.values if not any(part in name for part in named_by_data)}
    assert fixed <= set(nobody.values)


CHANGES = ("-10 Tg 5\n140 Tg 4\n300 visit finished", "-10 Tg 5\n300 visit finished")


def test_percentages_are_of_the_enrolled_or_of_the_evaluable(study: Study) -> None:
    enrolled = _figures(study, *CHANGES)
    assert enrolled["tg_prior_to_3m_decrease_pct"] == 50
    assert enrolled["tg_prior_to_3m_missing_pct"] == 50
    evaluable = _figures(replace(study, percent_denominator="evaluable"), *CHANGES)
    assert evaluable["tg_prior_to_3m_decrease_pct"] == 100
    assert evaluable["tg_prior_to_3m_missing_n"] == 1
    assert evaluable["tg_prior_to_3m_missing_pct"] is None


@pytest.mark.parametrize(("day", "bin_number"), [(1, 1), (24, 1), (25, 2), (48, 2), (192, 8)])
def test_a_coarse_bin_holds_its_last_day(day: int, bin_number: int, study: Study) -> None:
    coarse = replace(study, grid_days=24)
    cells = _cells(coarse, f"{50 + day} RECIST PD")
    assert [key.bin for key in cells.exits if key.kind == "event"] == [bin_number]
    # Times of a coarse bin stand at its middle; window ends that are no edges give no count.
    figures = estimate(cells, coarse).overall
    assert figures["rmst_192_days"] == 24 * (bin_number - 0.5)
    assert figures["progressed_at_3_months_n"] is None


def test_iodine_means_leave_out_what_is_unknown(study: Study) -> None:
    figures = _figures(study, "-400 rai 100 mCi therapeutic", "300 visit finished")
    assert (figures["prior_rai_mci_n"], figures["prior_rai_mci_mean"]) == (1, 100)
    assert figures["prior_rai_gbq_mean"] == 3.7
    assert figures["redifferentiation_rai_mci_mean"] == 204


def test_a_label_as_sent_is_a_figure_only_if_the_study_names_it(study: Study) -> None:
    facts = story(f"{QUIET}\n-9 variant present TP53 R282W")
    labels = {"BRAF": "BRAF V600E", "TP53": "TP53 of somebody"}
    named = tuple(replace(fact, label=labels[fact.gene], hgnc="HGNC:1") for fact in facts.variants)
    course = derive(replace(facts, variants=named), study)
    figures = estimate(aggregate([course], study, header(study)), study).overall
    found = {name for name in figures.values if name.startswith("mutation_patients_n:")}
    assert found == {f"mutation_patients_n:{name}" for name in ("BRAF", "BRAF V600E", "TP53")}
