"""Response, iodine and paired changes as figures: denominators, later courses, bounds."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import pytest

from analytics.aggregate import aggregate, header
from analytics.episode import Course, derive
from analytics.estimate import estimate
from analytics.figures import Figures
from analytics.patient_level import SiteFigures, site_figures
from analytics.study import Study
from tests.lib.r_thyroglobulin import AFTER, BEFORE, EXPECTED
from tests.lib.story import BASE, story, without


def _courses(study: Study, *stories: str) -> list[Course]:
    return [
        derive(replace(story(text), patient_key=f"p{number}"), study)
        for number, text in enumerate(stories)
    ]


def _figures(study: Study, *stories: str) -> Figures:
    return estimate(aggregate(_courses(study, *stories), study, header(study)), study).overall


def _site(study: Study, *lines: str) -> SiteFigures:
    return site_figures(_courses(study, *(f"{BASE.strip()}\n{each}" for each in lines)), study)


UNTREATED = without("rai")
RESPONSES = (
    f"{BASE.strip()}\n140 RECIST PR\n230 RECIST PR",
    f"{BASE.strip()}\n140 RECIST SD\n200 RECIST PD",
    f"{BASE.strip()}\n140 RECIST NE",
    f"{UNTREATED}\n140 RECIST PR",
)


@pytest.mark.parametrize(
    ("denominator", "n", "pct"),
    [
        ("enrolled", 2, 100 * 2 / 4),
        ("treated", 1, 100 * 1 / 3),
        ("evaluable", 2, 100 * 2 / 3),  # the one who could not be assessed is left out
    ],
)
def test_response_of_the_enrolled_treated_or_evaluable(
    denominator, n: int, pct: float, study: Study
) -> None:
    figures = _figures(replace(study, percent_denominator=denominator), *RESPONSES)
    assert figures["objective_response_n"] == n
    assert figures["objective_response_pct"] == pytest.approx(pct)
    assert figures["n_patients"] == 4
    assert figures["redifferentiation_rai_treated_n"] == 3


def test_response_at_each_landmark(study: Study) -> None:
    figures = _figures(study, *RESPONSES)
    three = {each: figures[f"recist_3m_n:{each}"] for each in ("PR", "SD", "PD", "missing")}
    assert three == {"PR": 2, "SD": 1, "PD": 0, "missing": 1}
    assert figures["recist_6m_n:PD"] == 1
    assert figures["disease_control_n"] == 3
    assert (figures["durable_control_n"], figures["durable_control_not_evaluable_n"]) == (2, 1)


def test_the_sign_test_of_the_counts(study: Study) -> None:
    fell, rose = (f"{BASE.strip()}\n-10 Tg 5\n140 Tg {after}" for after in (4, 6))
    figures = _figures(study, *[fell] * 7, rose)
    # twice the chance of at most one of eight: one way for none, eight for one
    assert figures["tg_prior_to_3m_sign_p"] == pytest.approx(18 / 256)
    assert figures["ct_prior_to_3m_sign_p"] == 1


def test_cumulative_iodine_is_unknown_without_what_came_before(study: Study) -> None:
    known = f"{BASE.strip()}\n-400 rai 100 mCi therapeutic\n-900 rai 50 mCi therapeutic"
    untreated = f"{UNTREATED}\n-400 rai 150 mCi therapeutic"
    figures = _figures(study, known, untreated, BASE)
    # 204 + 150, and 150: of the third nothing before is known.
    assert figures["cumulative_rai_mci_n"] == 2
    assert figures["cumulative_rai_mci_mean"] == 252
    assert figures["cumulative_rai_gbq_mean"] == pytest.approx(9.324)
    site = site_figures(_courses(study, known, untreated, BASE), study).figures
    assert (site["cumulative_rai_mci_min"], site["cumulative_rai_mci_max"]) == (150, 354)


SECOND = f"{BASE.strip()}\n400..441 drug trametinib\n450 rai 150 mCi therapeutic"


def test_a_second_course_is_counted_apart(study: Study) -> None:
    figures = _figures(study, SECOND, BASE)
    assert (figures["later_courses_n"], figures["later_courses_rai_n"]) == (1, 1)
    assert (figures["later_rai_mci_mean"], figures["redifferentiation_rai_mci_mean"]) == (150, 204)
    each = _figures(replace(study, unit="episode"), SECOND, BASE)
    assert (each["later_courses_n"], each["n_patients"]) == (0, 3)
    assert each["later_rai_mci_mean"] is None
    assert each["redifferentiation_rai_mci_mean"] == 186
    # What the first course gave is prior to the second.
    assert each["cumulative_rai_mci_mean"] == 354


def test_paired_changes_of_the_reference_cohort(study: Study) -> None:
    lines = [f"-10 Tg {a}\n140 Tg {b}" for a, b in zip(BEFORE, AFTER, strict=True)]
    found = _site(study, *lines, "-10 Tg <0.1\n140 Tg <0.1", "140 Tg 4")
    figures = found.figures
    assert figures["tg_prior_to_3m_pairs_n"] == 16
    assert figures["tg_prior_to_3m_both_below_n"] == 1
    assert figures["tg_prior_to_3m_signed_rank_p"] == 0.0067138671875
    mean, _, low, high, *_ = EXPECTED["paired_mean.cohort"]
    ratio = [figures[f"tg_prior_to_3m_ratio{part}"] for part in ("", "_low", "_high")]
    assert ratio == pytest.approx([exp(mean), exp(low), exp(high)], rel=1e-12)
    assert figures["tg_prior_to_6m_ratio"] is None
    assert found.not_estimable["tg_prior_to_6m_ratio_low"] == "fewer than two pairs"
    assert found.not_estimable["tg_prior_to_6m_signed_rank_p"] == "no pair changed"


def test_a_bound_enters_the_mean_ratio_as_censored(study: Study) -> None:
    """The changes of R's `tobit.mean`: three numbers, two of which only a bound is known."""
    changes = [(-1.2, ""), (-0.5, ""), (0.3, ""), (-2.1, "<"), (-1.9, "<")]
    lines = [f"-10 Tg 1\n140 Tg {sign}{exp(change):.15f}" for change, sign in changes]
    figures = _site(study, *lines).figures
    assert figures["tg_prior_to_3m_bounded_n"] == 2
    (mean,) = EXPECTED["tobit.mean.coef"]
    reach = 1.959963984540054 * EXPECTED["tobit.mean.covariance"][0] ** 0.5
    ratio = [figures[f"tg_prior_to_3m_ratio{part}"] for part in ("", "_low", "_high")]
    expected = [exp(mean), exp(mean - reach), exp(mean + reach)]
    assert ratio == pytest.approx(expected, rel=1e-6)


def test_kinetics_and_classes_as_site_figures(study: Study) -> None:
    falling = "100 Tg 8\n150 Tg 4\n250 Tg 1\n250 TSH 0.1"
    figures = _site(study, falling, "100 Tg 8").figures
    assert figures["tg_kinetics_after_n:negative"] == 1
    assert figures["tg_kinetics_after_n:not_estimable"] == 1
    assert figures["tg_halving_years_after_n"] == 1
    # Least squares of ln 8, ln 4, 0 on days 0, 50, 150: three halvings in 150 days.
    days, logs = (0, 50, 150), (log(8), log(4), 0.0)
    about = sum(days) / 3
    b = sum((x - about) * y for x, y in zip(days, logs, strict=True)) / sum(
        (x - about) ** 2 for x in days
    )
    assert figures["tg_halving_years_after_median"] == pytest.approx(log(2) / -b / 365.25)
    assert figures["tg_doubling_years_after_median"] is None
    assert figures["ata_suppressed_6m_n:biochemical_incomplete"] == 1
    assert figures["ata_suppressed_6m_n:missing"] == 1


def test_every_null_of_a_site_has_its_reason(study: Study) -> None:
    found = site_figures([], study)
    nulls = {name for name, value in found.figures.items() if value is None}
    assert nulls == set(found.not_estimable)
    assert "tg_doubling_years_before_median" in nulls
