"""Our own rules for reports: each fault of the shared cases is seen, and no right report blamed."""

from __future__ import annotations

import re

import pytest

from adapter.report.check import check
from tests.lib.needs import here, missing
from tests.lib.reports import cases, measures, patched, reference_report

TIME_TO_PROGRESSION = "time-to-progression"

OWN = {
    "r01": r"S\(183\) = 0.95 exceeds S\(91\) = 0.875",
    "r02": "event [+] censored 17 exceed measure-population 16",
    "r03": "578 numbers for 193 bins x 3",
    "r04": "the score is in mo, not in the Measure's d",
    "r05": "initial-population is 15, the table says 16",
    "r06": "two groups have the linkId ttp-91d",
    "r07": "a reference names a patient",
    "r08": "a count is hidden, but the score that reveals it is not",
    "r09": "the median is not reached: it is > 192",
    "r10": "rmst_192_days = 1699.8 is not between 0 and 192",
    "r11": "initial-population adds up to 15, the group has 16",
}
NOT_HERE = "../shared/reference/measure-report is not here"
# Of the cases that the validators are there for, those that this check sees besides.
ALSO_SEEN = (
    *("a03", "a04", "a08", "a09", "a10", "a11", "a12", "a13", "a14", "a19", "a24"),
    *("b02", "b04", "b05", "b06", "b07", "b08", "b10", "b11", "b16"),
    *("d00", "d01", "d02", "d03", "d04", "d05", "d06", "d07", "d08", "d09", "d10", "d11"),
    *("d13", "d14", "d15", "d16", "d17", "d18", "d19", "d20", "d21"),
)


def problems(report, measure: str = TIME_TO_PROGRESSION) -> str:
    return "\n".join(check(report, measures()[measure]))


def test_all_own_cases_of_the_shared_file_are_expected_here():
    found = cases("r")
    if not found:
        missing(NOT_HERE)
    assert [case.id for case in found] == list(OWN)


@pytest.mark.parametrize("case", here(cases("r"), NOT_HERE), ids=lambda case: case.id)
def test_a_wrong_report_is_seen_and_named(case):
    assert re.search(OWN[case.id], problems(case.resource)), case.wrong


@pytest.mark.parametrize("case", here(cases("v"), NOT_HERE), ids=lambda case: case.id)
def test_a_right_report_is_not_blamed(case):
    if case.resource["resourceType"] == "MeasureReport":
        assert problems(case.resource) == ""
    else:
        assert case.resource["resourceType"] == "Observation"


@pytest.mark.parametrize("case", here(cases(*ALSO_SEEN), NOT_HERE), ids=lambda case: case.id)
def test_some_faults_of_form_are_seen_too(case):
    assert problems(case.resource) != "", case.wrong


MASKED = {
    "extension": [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
            "valueCode": "masked",
        }
    ]
}
STRATUM = "/group/0/stratifier/0/stratum/2"


@pytest.mark.parametrize(
    ("patch", "seen"),
    [
        (
            [{"op": "replace", "path": "/contained/0/status", "value": None}],
            "status is empty",
        ),
        (
            [{"op": "replace", "path": "/group/1/measureScore/value", "value": float("nan")}],
            "no finite number",
        ),
        (
            [{"op": "replace", "path": "/group/1/measureScore/value", "value": 169.9}],
            "rmst_192_days is 169.9, the table gives 169.982955",
        ),
        (
            [{"op": "replace", "path": f"{STRATUM}/measureScore/value", "value": 97}],
            "none_detected: ttp_median is 97, the table gives 96",
        ),
        (
            [{"op": "replace", "path": "/group/2/population/3/count", "value": 14}],
            "at-risk is 14, the table says 15",
        ),
        (
            [{"op": "replace", "path": "/group/0/code/coding/0/code", "value": "event"}],
            "the code is not the Measure's",
        ),
        ([{"op": "remove", "path": "/group/3"}], "groups are"),
        (
            [{"op": "replace", "path": "/contained/0/valueSampledData/period", "value": 1}],
            "the period of the samples is not the width",
        ),
        (
            [{"op": "replace", "path": f"{STRATUM}/population/4/count", "value": -1}],
            "a count is negative",
        ),
        (
            [
                {
                    "op": "replace",
                    "path": "/group/0/stratifier/0/extension/0/valueString",
                    "value": "x",
                }
            ],
            "the Measure has no stratifier x",
        ),
        (
            [
                {"op": "remove", "path": f"{STRATUM}/population/3/count"},
                {"op": "add", "path": f"{STRATUM}/population/3/_count", "value": MASKED},
                {"op": "replace", "path": "/extension/4/extension/1/valueCode", "value": "rounded"},
            ],
            "ttp-by-driver: a count is hidden, but the score",
        ),
    ],
)
def test_what_no_shared_case_holds(patch, seen):
    assert seen in problems(patched(reference_report(TIME_TO_PROGRESSION), patch))


def test_a_table_that_does_not_close_is_seen():
    report = reference_report(TIME_TO_PROGRESSION)
    sampled = report["contained"][0]["valueSampledData"]
    sampled["data"] = sampled["data"].removesuffix("8") + "7"
    assert "survival-all: 16 entered, 15 left" in problems(report)
    sampled["data"] = sampled["data"].removesuffix("7") + "-7"
    assert "survival-all: a cell is no count" in problems(report)


def test_an_interval_with_four_at_risk_is_seen():
    report = reference_report(TIME_TO_PROGRESSION)
    nras = report["contained"][2]["component"]
    place = next(
        i for i, item in enumerate(nras) if item["code"]["coding"][0]["code"] == "km_91_low"
    )
    nras[place] = {"code": nras[place]["code"], "valueQuantity": {"value": 0.1}}
    assert "survival-nras-q61r: km_91_low is given with 4 at risk" in problems(report)


def test_a_report_without_the_table_of_its_measure_is_seen():
    report = reference_report(TIME_TO_PROGRESSION)
    report["contained"] = report["contained"][4:]
    report["extension"] = report["extension"][4:]
    assert problems(report) == "the table survival-table is missing"


@pytest.mark.parametrize(
    ("path", "value", "seen"),
    [
        ("/group/0/measureScore/value", 0.9, "the score 0.9 is not 15 of 16"),
        ("/group/0/measureScore/value", 93.75, "proportion 93.75 is not between 0 and 1"),
        ("/group/0/population/2/count", 17, "numerator 17 exceeds denominator 16"),
        ("/group/0/population/1/count", 17, "denominator 17 exceeds initial-population 16"),
    ],
)
def test_a_proportion_is_what_its_counts_say(path, value, seen):
    patch = [{"op": "replace", "path": path, "value": value}]
    assert seen in problems(patched(reference_report("rai-uptake"), patch), "rai-uptake")


def test_a_cohort_with_a_score_is_seen():
    patch = [{"op": "add", "path": "/group/0/measureScore", "value": {"value": 16}}]
    report = patched(reference_report("cohort-characteristics"), patch)
    assert "a cohort has no score" in problems(report, "cohort-characteristics")
