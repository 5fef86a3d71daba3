"""Reports under a disclosure policy: what is shown, what is hidden, and how that is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapter.definitions import load
from adapter.fhir_r4 import validated
from adapter.report.check import check
from adapter.report.disclosed import outcome_report
from analytics.disclosure.gate import disclose
from tests.lib.disclosed_reports import (
    SITE,
    control,
    disclosed_of,
    masked_counts,
    of_study,
    populations,
    tables,
)
from tests.lib.disclosure import Alike, any_size
from tests.lib.judges import complaints
from tests.lib.reports import HEAD, MEASURE_IDS, example, measures, reference_cells, reference_study

TTP = "time-to-progression"
POLICIES = ("secure-sum", "registry", "public")
SAME_IN_FORM = {"id", "identifier"}


def groups(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {group["id"]: group for group in report["group"]}


def counts(element: dict[str, Any]) -> dict[str, int]:
    return {
        each["code"]["coding"][0]["code"]: each["count"]
        for each in element["population"]
        if "count" in each
    }


@pytest.mark.parametrize("policy", ["registry", "public"])
def test_the_reference_cohort_is_withheld_in_the_form_of_the_example(policy: str):
    study = reference_study()
    outcome = disclose(reference_cells(study), load().policy(policy))
    report = outcome_report(outcome, measures()[TTP], study, HEAD)
    expected = example("withheld.json")
    least = {"registry": 19, "public": 49}[policy]
    text = json.dumps(expected).replace('"high": {"value": 19}', f'"high": {{"value": {least}}}')
    expected = json.loads(text.replace("disclosure-policy|1", f"disclosure-policy-{policy}|1"))
    for name in expected.keys() - SAME_IN_FORM:
        assert report[name] == expected[name], name
    assert report.keys() == expected.keys()


def test_a_site_withheld_for_want_of_events_says_nothing_of_its_size():
    quiet = (Alike("BRAF_V600E", "female", "faint", "altered", 192, False, 300),)
    study = reference_study()
    outcome = disclose(of_study(quiet), load().policy("registry"))
    report = outcome_report(outcome, measures()[TTP], study, HEAD)
    assert control(report)["mode"] == "withheld"
    (ends,) = {json.dumps(each["extension"][1]["valueRange"]) for each in masked_counts(report)}
    assert json.loads(ends) == {"low": {"value": 0}}


@pytest.mark.parametrize("measure", MEASURE_IDS)
@pytest.mark.parametrize("policy", POLICIES)
def test_every_measure_passes_our_own_check_under_every_policy(policy: str, measure: str):
    report = disclosed_of(SITE, policy, measure)
    assert check(report, measures()[measure]) == []
    validated(report)


@pytest.mark.parametrize("judge", ["fhirkit", "fhirpath_base", "deqm", "ucum"])
def test_the_judges_have_no_complaint(judge: str):
    reports = [disclosed_of(SITE, policy, TTP) for policy in POLICIES]
    reports += [disclosed_of(SITE, policy, "thyroglobulin-response") for policy in POLICIES]
    assert complaints(judge, reports) == [[]] * len(reports)


def test_a_masked_count_has_a_reason_and_a_range_and_no_number():
    for population in populations(disclosed_of(SITE, "registry", TTP)):
        if "_count" not in population:
            continue
        assert "count" not in population
        reason, *stated = population["_count"]["extension"]
        assert reason["url"] == "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
        if reason["valueCode"] == "unsupported":
            assert stated == []
            continue
        assert reason["valueCode"] == "masked"
        (range_,) = stated
        assert range_["url"].endswith("/StructureDefinition/suppressed-range")
        ends = {name: end["value"] for name, end in range_["valueRange"].items()}
        assert ends.get("high", 2**31) - ends["low"] >= 8


def test_masks_hold_the_truth_and_counts_shown_are_true():
    report = disclosed_of(SITE, "registry", TTP)
    (by_driver,) = groups(report)["ttp"]["stratifier"]
    truth = {
        "BRAF_V600E": (17, 30),
        "NRAS_Q61R": (11, 12),
        "none_detected": (13, 12),
        "OTH": (0, 15),
    }
    hidden = 0
    for stratum in by_driver["stratum"]:
        (component,) = stratum["component"]
        events, censored = truth[component["value"]["coding"][0]["code"]]
        expected = {
            "initial-population": events + censored,
            "measure-population": events + censored,
            "measure-observation": events + censored,
            "event": events,
            "censored": censored,
        }
        for population in stratum["population"]:
            true = expected[population["code"]["coding"][0]["code"]]
            if "count" in population:
                assert population["count"] == true
                assert true == 0 or true >= 10
            else:
                hidden += 1
                ends = population["_count"]["extension"][1]["valueRange"]
                assert ends["low"]["value"] <= true <= ends.get("high", {"value": true})["value"]
    assert hidden > 0


@pytest.mark.parametrize("measure", MEASURE_IDS)
def test_nothing_beside_masked_cells_is_a_score_or_an_error(measure: str):
    report = disclosed_of(SITE, "registry", measure)
    assert masked_counts(report)
    assert "measureScore" not in json.dumps(report)
    for name in ("_se", "_low", "_high", "km_", "rmst_", "ttp_median", "logrank_", "cox_"):
        assert f'"code": "{name}' not in json.dumps(report)
    for table in tables(report):
        named = {part["code"]["coding"][0]["code"] for part in table["component"]}
        assert named <= {"driver", "n_patients"}


def test_primary_and_complementary_masks_cannot_be_told_apart():
    # The 3 are fewer than 10; with 40 and 55 shown, 12 would give them away.
    people = (
        Alike("BRAF_V600E", "female", "faint", "altered", 192, False, 40),
        Alike("BRAF_V600E", "male", "increased", "altered", 96, True, 12),
        Alike("BRAF_V600E", "unknown", "none", "altered", 192, False, 3),
    )
    outcome = disclose(of_study(people), any_size("registry"), by=())
    measure = measures()["cohort-characteristics"]
    (cohort,) = outcome_report(outcome, measure, reference_study(), HEAD)["group"]
    (by_sex,) = (each for each in cohort["stratifier"] if each["id"] == "cohort-by-sex")
    found = {
        stratum["component"][0]["value"]["text"]: stratum["population"][0]
        for stratum in by_sex["stratum"]
    }
    assert found["female"]["count"] == 40
    assert found["male"]["_count"] == found["unknown"]["_count"]
    assert found["male"]["_count"]["extension"][1]["valueRange"] == {
        "low": {"value": 1},
        "high": {"value": 14},
    }


def test_the_table_is_on_a_grid_of_96_days_and_hidden_cells_are_marked():
    report = disclosed_of(SITE, "registry", TTP)
    found = {table["id"]: table for table in tables(report)}
    assert list(found) == [
        "survival-all", "survival-braf-v600e", "survival-nras-q61r", "survival-none-detected",
        "survival-other",
    ]  # fmt: skip
    sampled = found["survival-none-detected"]["valueSampledData"]
    assert sampled["data"] == "25 0 0 0 0 0 0 13 12"
    assert sampled["period"] == 96 * 86_400_000
    assert "extension" not in sampled
    hidden = found["survival-all"]["valueSampledData"]
    assert "E" in hidden["data"].split()
    (ends,) = (each["valueRange"] for each in hidden["extension"])
    assert ends["low"]["value"] <= 17
    assert ends["high"]["value"] >= 69


def test_the_report_says_by_which_rules_it_was_made():
    report = disclosed_of(SITE, "registry", TTP)
    said = control(report)
    hidden = len(masked_counts(report)) + sum(
        table["valueSampledData"]["data"].split().count("E") for table in tables(report)
    )
    assert said == {
        "policy": "https://raiway.example/fhir/Library/disclosure-policy-registry|1",
        "mode": "masked-cells",
        "threshold": 10,
        "suppressedCells": hidden,
        "poolable": "bounds-only",
    }
    assert hidden > 0
    urls = [each["url"].rpartition("/")[2] for each in report["extension"]]
    assert "endpoint-definition" in urls
    assert "data-version" in urls


def test_rounded_counts_are_the_middles_of_their_classes():
    report = disclosed_of(SITE, "public", TTP)
    assert counts(groups(report)["ttp"]) == {
        "initial-population": 111,
        "measure-population": 111,
        "measure-observation": 111,
        "event": 39,
        "censored": 69,
    }
    assert control(report)["rounding"] == 6
    assert control(report)["poolable"] == "no"
    assert "measureScore" not in groups(report)["ttp"]
    shares = disclosed_of(SITE, "public", "rai-uptake")
    assert groups(shares)["rai-uptake"]["measureScore"]["value"] == pytest.approx(
        96 / 111, abs=1e-6
    )


def test_a_rounded_curve_has_bounds_that_hold_the_exact_one():
    (table, *_) = tables(disclosed_of(SITE, "public", TTP))
    bounds = {
        part["code"]["coding"][0]["code"]: part["valueRange"]
        for part in table["component"]
        if "valueRange" in part
    }
    exact = 93 / 110
    assert bounds["km_96"]["low"]["value"] <= exact <= bounds["km_96"]["high"]["value"]
    at_end = exact * (1 - 24 / 93)
    assert bounds["km_192"]["low"]["value"] <= at_end <= bounds["km_192"]["high"]["value"]


def test_a_secure_share_states_the_rounded_number_and_nothing_else():
    for measure in MEASURE_IDS:
        report = disclosed_of(SITE, "secure-sum", measure)
        stated = {each["count"] for each in populations(report) if "count" in each}
        assert stated == {111}
        assert tables(report) == []
        assert "stratifier" not in json.dumps(report["group"])
        assert "measureScore" not in json.dumps(report)
    assert control(report)["mode"] == "secure-share"
    assert control(report)["poolable"] == "exact"


def test_reports_for_two_recipients_are_two_reports():
    ids = {disclosed_of(SITE, policy, TTP)["id"] for policy in POLICIES}
    assert len(ids) == len(POLICIES)
