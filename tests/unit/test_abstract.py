"""The table for eyes: what it leaves out, cuts and states beside a number."""

from __future__ import annotations

from dataclasses import replace

from adapter.abstract import abstract
from adapter.evaluate import Evaluation, Request
from analytics.aggregate import aggregate, header
from analytics.estimate import estimate
from analytics.patient_level import site_figures
from analytics.study import Study
from tests.lib.reports import reference_study
from tests.lib.story import BASE, course_of, without


def evaluation(*stories: str, study: Study, stratifiers: tuple[str, ...] = ()) -> Evaluation:
    """The evaluation of patients, each told as a whole story."""
    courses = [
        replace(course_of("", study, text), patient_key=f"p{number}")
        for number, text in enumerate(stories)
    ]
    cells = aggregate(courses, study, header(study, stratifiers))
    return Evaluation(
        study=study,
        request=Request(stratifiers=stratifiers),
        courses=courses,
        aggregate=cells,
        estimates=estimate(cells, study),
        site=site_figures(courses, study),
        data_version="0" * 64,
    )


def lines(found: Evaluation) -> dict[str, str]:
    """The first cell of each row -> the others."""
    return {row[0]: " | ".join(row[1:]) for table in abstract(found) for row in table.rows}


PROGRESSED = BASE.rstrip() + "\n    90      status PD imaging"


def test_uptake_that_nobody_assessed_is_not_zero_percent():
    study = reference_study()
    assert lines(evaluation(without("uptake"), study=study))["RAI uptake"] == "0 of 0 assessed"
    some = lines(evaluation(BASE, without("uptake"), study=study))["RAI uptake"]
    assert some.startswith("1 (50.0 %) (95 % CI ")
    assert some.endswith(", 1 assessed")


def test_of_the_evaluable_the_missing_are_no_percentage():
    enrolled = lines(evaluation(BASE, study=reference_study()))
    assert enrolled["CT, prior to 3m"].endswith("1 (100.0 %)")
    study = reference_study(percent_denominator="evaluable")
    assert lines(evaluation(BASE, study=study))["CT, prior to 3m"].endswith("| 1")


def test_what_lies_beyond_the_horizon_is_not_shown():
    study = reference_study(horizon_days=150, milestones=[91, 183])
    shown = lines(evaluation(BASE, study=study, stratifiers=("driver",)))
    assert "Kaplan-Meier at day 91" in shown
    assert "Kaplan-Meier at day 183" not in shown
    assert [name for name in shown if name.startswith("progressed additional")] == []
    strata = abstract(evaluation(BASE, study=study, stratifiers=("driver",)))[-1]
    assert "S(91)" in strata.columns
    assert "S(183)" not in strata.columns


def test_the_number_at_risk_stands_beside_each_milestone():
    shown = lines(evaluation(BASE, PROGRESSED, study=reference_study()))
    assert shown["Kaplan-Meier at day 91"].startswith("0.500")
    assert shown["Kaplan-Meier at day 91"].endswith(", 1 at risk")


def test_the_interval_of_the_restricted_mean_is_cut_in_print_only():
    found = evaluation(BASE, PROGRESSED, study=reference_study())
    high = found.figures()["rmst_192_high"]
    assert high is not None
    assert high > 192
    assert lines(found)["restricted mean to day 192"].endswith("to 192.0)")
    notes = [note for table in abstract(found) for note in table.notes]
    assert any("cut to 0 to 192 days" in note for note in notes)


def test_each_stratum_is_a_row():
    without_driver = without("variant")
    found = evaluation(
        BASE, PROGRESSED, without_driver, study=reference_study(), stratifiers=("driver",)
    )
    table = abstract(found)[-1]
    assert table.title == "By driver"
    rows = {row[0]: row for row in table.rows}
    n, progressed = rows["BRAF_V600E"][1:3]
    assert (n, progressed) == ("2", "1 (50.0 %)")
    assert len(rows) == 2
    assert "By driver" not in [t.title for t in abstract(evaluation(BASE, study=found.study))]


def test_the_document_names_the_actual_sites_and_days():
    found = evaluation(BASE, study=reference_study())
    document = found.document()
    assert document["sites"] == [found.courses[0].site]
    assert document["period"] == {"start": "2021-04-20", "end": "2021-04-20", "asked": False}
    first = found.finishes[0].replace(day=1)
    asked = replace(found, request=Request(sites=("A", "B"), start=first)).document()
    assert asked["sites"] == ["A", "B"]
    assert asked["period"] == {"start": "2021-04-01", "end": "2021-04-20", "asked": True}
