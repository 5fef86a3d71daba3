"""MeasureReports: the form of the shared example, the figures of `estimate`, no value made up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime

import pytest

from adapter.elements import code_of, extension_value, number
from adapter.errors import GateFailed, UsageError
from adapter.fhir_r4 import validated
from adapter.report.check import check
from adapter.report.writer import Reporter, measure_report
from analytics.aggregate import Aggregate, header
from analytics.estimate import Estimates, estimate
from tests.lib.reports import (
    HEAD,
    MEASURE_IDS,
    Json,
    example,
    measures,
    reference_cells,
    reference_report,
    reference_study,
    report_of,
)

DEQM = "http://hl7.org/fhir/uv/deqm/StructureDefinition/deqm-"
OURS = "https://raiway.example/fhir/StructureDefinition/"


def components(observation: Json) -> dict[str, Json]:
    return {code_of(component["code"]): component for component in observation["component"]}


def contained(report: Json, name: str) -> Json:
    return next(found for found in report["contained"] if found["id"] == name)


def groups(report: Json) -> dict[str, Json]:
    return {group["id"]: group for group in report["group"]}


def counts(element: Json) -> dict[str, int]:
    return {code_of(item["code"]): item["count"] for item in element["population"]}


def strata(group: Json, place: int = 0) -> dict[str, int]:
    """Patients by stratum of the group's stratifier at `place`."""
    return {
        code_of(stratum["component"][0]["value"]) or stratum["component"][0]["value"]["text"]: (
            counts(stratum)["initial-population"]
        )
        for stratum in group["stratifier"][place]["stratum"]
    }


def scoring(group: Json) -> str:
    return code_of(extension_value(group, f"{DEQM}measureScoring"))


def test_the_groups_of_time_to_progression_are_those_of_the_shared_example():
    assert (
        reference_report("time-to-progression")["group"]
        == (example("time-to-progression.json")["group"])
    )


def test_the_survival_tables_hold_what_the_shared_example_holds():
    report = reference_report("time-to-progression")
    for expected in example("time-to-progression.json")["contained"]:
        found = contained(report, expected["id"])
        stated = components(expected)
        assert {name: components(found)[name] for name in stated} == stated
        rest = {name: value for name, value in expected.items() if name != "component"}
        assert {name: found[name] for name in rest} == rest


def test_the_head_is_that_of_the_shared_example():
    report, expected = reference_report("time-to-progression"), example("time-to-progression.json")
    for name in ("resourceType", "meta", "status", "type", "measure", "date", "reporter", "period"):
        assert report[name] == expected[name], name
    shared_extensions = [found for found in report["extension"] if found in expected["extension"]]
    assert shared_extensions == expected["extension"]


def test_the_report_says_by_which_rules_from_what_and_with_what_it_was_made():
    study = reference_study(tg_profile="rcv")
    report = report_of("rai-uptake", reference_cells(study), study)
    by_url = {found["url"]: found for found in report["extension"]}
    assert extension_value(by_url[f"{OURS}endpoint-definition"], "sha256") == study.fingerprint
    assert extension_value(by_url[f"{OURS}data-version"], "fingerprint") == HEAD.data_version
    parameters = {item["name"]: item for item in contained(report, "study")["parameter"]}
    assert set(parameters) == set(study.parameters())
    assert parameters["tg_profile"]["valueString"] == "rcv"
    assert parameters["horizon_days"]["valueInteger"] == 192
    assert parameters["finish_waits_for_drug"]["valueBoolean"] is False
    assert json.loads(parameters["milestones"]["valueString"]) == [91, 183, 192]
    assert contained(report, "software")["version"] == [{"value": "raiway 0.1.0"}]


@pytest.mark.parametrize("measure", MEASURE_IDS)
def test_every_report_is_valid_and_keeps_our_own_rules(measure):
    report = reference_report(measure)
    assert validated(report) is report
    assert check(report, measures()[measure]) == []
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_the_other_parts_state_the_published_counts():
    found = groups(reference_report("redifferentiation-outcomes"))
    assert counts(found["rai-uptake"])["numerator"] == 15
    assert found["rai-uptake"]["measureScore"]["value"] == 0.9375
    assert found["tg-prior-to-3m-decrease"]["measureScore"]["value"] == 0.6875
    change = {"decrease": 7, "increase": 5, "stable": 1, "missing": 3}
    assert strata(found["tg-3m-to-6m"]) == change | {"indeterminate": 0, "not_evaluable": 0}
    assert strata(found["cohort"]) == {"BRAF_V600E": 11, "NRAS_Q61R": 4, "none_detected": 1}
    assert strata(found["cohort"], 5) == {"negative": 11, "positive": 5, "not_tested": 0}
    assert strata(found["regimen"]) == {"dabrafenib+trametinib": 11, "trametinib": 5}
    assert counts(found["gene-tert"])["numerator"] == 8
    assert found["drug-days"]["measureScore"] == {
        "value": 42, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"
    }  # fmt: skip
    mci, gbq = (found[f"rai-activity-{unit}"]["measureScore"] for unit in ("mci", "gbq"))
    assert gbq["value"] == pytest.approx(mci["value"] * 0.037, abs=1e-6)
    assert (mci["code"], gbq["code"]) == ("mCi", "GBq")


def test_a_gene_nobody_was_tested_for_is_counted_but_not_scored():
    hras = groups(reference_report("molecular-profile"))["gene-hras"]
    assert counts(hras) == {"initial-population": 16, "denominator": 0, "numerator": 0}
    assert "measureScore" not in hras
    assert scoring(hras) == "cohort"


def test_the_composite_has_the_groups_of_its_parts_in_their_order():
    composite = measures()["redifferentiation-outcomes"]
    parts = [
        artifact["resource"].removeprefix("https://raiway.example/fhir/Measure/").split("|")[0]
        for artifact in composite.resource["relatedArtifact"]
    ]
    assert sorted([*parts, composite.id]) == sorted(MEASURE_IDS)
    expected = [group for part in parts for group in reference_report(part)["group"]]
    assert reference_report(composite.id)["group"] == expected


def test_intervals_are_left_out_where_fewer_than_five_are_at_risk():
    report = reference_report("time-to-progression")
    nras = components(contained(report, "survival-nras-q61r"))
    assert nras["km_91"]["valueQuantity"]["value"] == 0.75
    assert (
        nras["km_91_low"]["dataAbsentReason"]["text"]
        == "fewer than 5 known to be at risk at day 91"
    )
    assert nras["ttp_median_low"]["dataAbsentReason"]["text"] == "fewer than 5 at risk"
    braf = components(contained(report, "survival-braf-v600e"))
    assert 0 < braf["km_183_low"]["valueQuantity"]["value"] < 0.681818


def test_the_same_inputs_give_the_same_bytes_and_another_input_another_id():
    study = reference_study()
    cells = reference_cells(study)
    report = report_of("rai-uptake", cells, study)
    assert json.dumps(report_of("rai-uptake", cells, study)) == json.dumps(report)
    assert report["identifier"][0]["value"] == f"urn:uuid:{report['id']}"
    later = replace(HEAD, date=datetime.fromisoformat("2027-01-01T00:00:00+01:00"))
    assert report_of("rai-uptake", cells, study, later)["id"] == report["id"]
    other_study = reference_study(tg_profile="rcv")
    others = [
        report_of("structural-response", cells, study),
        report_of("rai-uptake", reference_cells(other_study), other_study),
        *(
            report_of("rai-uptake", cells, study, head)
            for head in (
                replace(HEAD, data_version="1" * 64),
                replace(HEAD, period_end=date(2022, 12, 31)),
                replace(HEAD, reporter=Reporter("Other", reference="Organization/other")),
            )
        ),
    ]
    ids = [report["id"], *(other["id"] for other in others)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("measure", MEASURE_IDS)
def test_a_cohort_of_nobody_is_reported_as_zeros_without_scores_or_strata(measure):
    study = reference_study()
    report = report_of(measure, Aggregate(header(study)), study)
    assert check(validated(report), measures()[measure]) == []
    for group in report["group"]:
        assert set(counts(group).values()) == {0}
        assert "measureScore" not in group
        for stratifier in group.get("stratifier", ()):
            assert "driver" not in stratifier["id"]


def test_a_count_that_cannot_be_had_takes_its_score_with_it():
    study = reference_study()
    cells = reference_cells(study)
    found = estimate(cells, study)
    found.overall.missing("rai_uptake_n", "hidden")
    found.strata["driver"]["NRAS_Q61R"].missing("rai_uptake_n", "hidden")
    report = measure_report(
        measures()["rai-uptake"], Estimates(found.overall, found.strata), cells, study, HEAD
    )
    assert check(validated(report), measures()["rai-uptake"]) == []
    group = report["group"][0]
    nras = group["stratifier"][0]["stratum"][1]
    for element in (group, nras):
        numerator = element["population"][2]
        assert "count" not in numerator
        reason = numerator["_count"]["extension"][0]
        assert reason["valueCode"] == "unsupported"
        assert "measureScore" not in element
    assert group["stratifier"][0]["stratum"][0]["measureScore"]["value"] == 0.909091


def test_on_a_coarse_grid_a_day_inside_a_bin_has_no_counts():
    study = reference_study(grid_days=24, milestones=(91, 96, 183))
    cells = reference_cells(study)
    report = report_of("time-to-progression", cells, study)
    assert check(validated(report), measures()["time-to-progression"]) == []
    table = contained(report, "survival-all")["valueSampledData"]
    assert table["period"] == 24 * 86_400_000
    assert len(table["data"].split()) == 9 * 3
    at_day_91 = groups(report)["ttp-91d"]
    assert [item.get("count") for item in at_day_91["population"]] == [16, 16, 16, None, None, None]
    assert "measureScore" not in at_day_91


def test_a_measure_that_does_not_fit_the_study_is_refused():
    study = reference_study(milestones=(100,))
    with pytest.raises(UsageError, match="time-to-progression asks for at_risk_91_n"):
        report_of("time-to-progression", reference_cells(study), study)


def test_the_quality_gate_is_stamped_on_the_report():
    issue = {"severity": "warning", "code": "business-rule", "diagnostics": "3 units unknown"}
    study = reference_study()
    head = replace(HEAD, issues=(issue,))
    report = validated(report_of("rai-uptake", reference_cells(study), study, head))
    assert contained(dict(report), "quality")["issue"] == [issue]
    assert {"#quality"} <= {
        found.get("valueReference", {}).get("reference") for found in report["extension"]
    }


def test_a_reporter_may_be_known_by_identifier_only():
    reporter = Reporter("Hospital", system="urn:oid:1.2.3", value="42")
    assert reporter.element() == {
        "identifier": {"system": "urn:oid:1.2.3", "value": "42"},
        "display": "Hospital",
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"date": datetime(2026, 11, 23)}, "time zone"),
        ({"period_end": date(2019, 11, 30)}, "ends before"),
    ],
)
def test_a_head_that_cannot_be_true_is_refused(change, reason):
    with pytest.raises(ValueError, match=reason):
        replace(HEAD, **change)


@pytest.mark.parametrize("reference", ["Patient/1", "", "https://ehr.example/fhir/Patient/1"])
def test_no_patient_and_nobody_reports(reference):
    with pytest.raises(ValueError, match="a reporter"):
        Reporter("someone", reference=reference)


def test_what_is_no_fhir_is_not_let_out_and_its_values_are_not_repeated():
    report = reference_report("rai-uptake")
    with pytest.raises(GateFailed, match="period") as refused:
        validated(report | {"period": "Jane"})
    assert "Jane" not in str(refused.value)
    with pytest.raises(GateFailed, match="no FHIR R4 resource type"):
        validated({"resourceType": "Evil"})


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (174.0, "174"),
        (0.1 + 0.2, "0.3"),
        (169.98295454545456, "169.982955"),
        (1.23456789e-9, "1.23457e-09"),
        (0.0, "0"),
        (-0.5, "-0.5"),
        (3, "3"),
    ],
)
def test_numbers_are_printed_without_noise(value, printed):
    assert json.dumps(number(value)) == printed


def test_every_figure_has_a_name_that_the_code_system_knows():
    study = reference_study()
    found = estimate(reference_cells(study), study)
    families = measures()["time-to-progression"].families
    for name, value in found.overall.values.items():
        family = families.of(name)
        if name in study.figure_aliases:
            continue
        assert family is not None, f"{name} is in no family of CodeSystem/figure.json"
        assert value is None or isinstance(value, int) is family.integer, name
