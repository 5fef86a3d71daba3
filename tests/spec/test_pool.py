"""Reports of sites added up: what comes out, what is refused, what is said of what is hidden."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.statistics import multivariate_logrank_test
from pandas import DataFrame

from adapter.pooling.comparison import LEAST_NAMED, REST, forests, site_tables, stratified_figures
from adapter.pooling.document import document, tables
from adapter.pooling.exact import pooled_estimates
from adapter.pooling.pool import PooledTable, pool, share_behind
from adapter.pooling.refusal import RULES, PoolingRefused
from adapter.pooling.report import pooled_head, pooled_report
from adapter.report.check import check
from adapter.report.disclosed import outcome_report
from analytics.disclosure.cells import Range
from analytics.disclosure.gate import Withheld
from tests.lib.disclosed_reports import (
    SITE,
    control,
    disclosed_of,
    masked_counts,
    of_study,
)
from tests.lib.disclosed_reports import tables as survival_tables
from tests.lib.disclosure import any_size
from tests.lib.judges import complaints
from tests.lib.pooling import Row, aggregate_of, head_of, site_reports
from tests.lib.r_pooling import expected, five_sites
from tests.lib.reports import HEAD, MEASURE_IDS, measures, reference_study, report_of

Json = dict[str, Any]
TTP = "time-to-progression"
R_NAMES = {
    "driverfusion": "fusion",
    "drivernone_detected": "not identified",
    "driverNRAS_Q61R": "NRAS Q61R",
}


def everybody() -> list[Row]:
    return [row for rows in five_sites() for row in rows]


def pooled(measure: str = TTP) -> PooledTable:
    return pool(site_reports(measure, five_sites()), measures()[measure])


def report(table: PooledTable) -> Json:
    return pooled_report(table, pooled_head(table, HEAD.reporter, HEAD.date, "raiway 0.1.0"))


def masked_sites(n: int = 3, measure: str = TTP) -> list[Json]:
    """One registry report for each of n sites."""
    found = []
    for place in range(n):
        each = json.loads(json.dumps(disclosed_of(SITE, "registry", measure)))
        each["reporter"] = {"reference": f"Organization/masked-{place}"}
        found.append(each)
    return found


def withheld_site(high: int = 19) -> Json:
    policy = replace(any_size("registry"), min_patients=high + 1)
    few = of_study(SITE[:1], 96)
    outcome = Withheld(few.header, policy, (f"fewer than {high + 1} patients",))
    found = outcome_report(outcome, measures()[TTP], reference_study(), head_of(77))
    return dict(json.loads(json.dumps(found)))


# Exact: what R and lifelines say of all rows.


def test_the_curve_is_that_of_r():
    figures, said = pooled_estimates(pooled()).overall, expected()
    for place, day in enumerate((91, 183)):
        found = [figures[f"km_{day}{part}"] for part in ("", "_se", "_low", "_high")]
        stated = [said["km"][name][place] for name in ("surv", "se", "low", "high")]
        assert found == pytest.approx(stated, rel=1e-12)
    assert figures["ttp_median"] == said["median"]
    assert [figures["rmst_192_days"], figures["rmst_192_se"]] == pytest.approx(
        said["rmst"], rel=1e-12
    )


def test_the_comparisons_plain_and_by_site_are_those_of_r():
    table, said = pooled(), expected()
    plain = pooled_estimates(table).overall
    by_site = stratified_figures(site_tables(table), table.study)
    assert plain["logrank_driver_chi2"] == pytest.approx(said["logrank"]["plain"], rel=1e-11)
    assert by_site["stratified_driver_by_site_chi2"] == pytest.approx(
        said["logrank"]["by_site"], rel=1e-11
    )
    for figures, name, prefix in (
        (plain, "plain", "cox_driver"),
        (by_site, "by_site", "cox_driver_by_site"),
    ):
        fitted = said["cox"][name]
        for place, variable in enumerate(fitted["names"]):
            label = R_NAMES[variable]
            for part, key in (("loghr", "coef"), ("se", "se")):
                found = figures[f"{prefix}_{part}:{label}"]
                assert found == pytest.approx(fitted[key][place], rel=1e-8), (name, label, part)


def test_lifelines_agrees_on_the_rows():
    rows = everybody()
    figures = pooled_estimates(pooled()).overall
    days, events = [row.day for row in rows], [row.event for row in rows]
    curve = KaplanMeierFitter().fit(days, events)
    assert figures["km_183"] == pytest.approx(float(curve.predict(183)), rel=1e-12)
    test = multivariate_logrank_test(days, [row.driver for row in rows], events)
    assert figures["logrank_driver_chi2"] == pytest.approx(test.test_statistic, rel=1e-10)
    drivers = ("NRAS_Q61R", "fusion", "none_detected")
    frame = DataFrame(
        {"day": days, "event": events}
        | {name: [float(row.driver == name) for row in rows] for name in drivers}
    )
    options = {"precision": 1e-12}
    model = CoxPHFitter().fit(frame, "day", "event", fit_options=options)
    found = [figures[f"cox_driver_loghr:{R}"] for R in ("NRAS Q61R", "fusion", "not identified")]
    assert found == pytest.approx([model.params_[name] for name in drivers], rel=1e-5)


@pytest.mark.parametrize("measure", MEASURE_IDS)
def test_the_pooled_report_is_that_of_all_patients(measure: str):
    study = reference_study()
    found = report(pooled(measure))
    whole = report_of(measure, aggregate_of(everybody(), study), study, HEAD)
    for group, stated in zip(found["group"], whole["group"], strict=True):
        # A median needs the values; a mean is the sites' printed ones, to six decimals.
        score = group.pop("measureScore", {}), stated.pop("measureScore", {})
        if group["id"] == "drug-days":
            assert score[0] == {}
        else:
            assert score[0].get("value", 0) == pytest.approx(score[1].get("value", 0), abs=2e-6)
        assert group == stated
    printed = {each["id"]: each["valueSampledData"] for each in survival_tables(whole)}
    assert {each["id"]: each["valueSampledData"] for each in survival_tables(found)} == printed


@pytest.mark.parametrize("judge", ["fhirkit", "fhirpath_base", "deqm", "ucum"])
def test_the_judges_have_no_complaint(judge: str):
    found = [report(pooled()), report(pool(masked_sites(), measures()[TTP]))]
    assert complaints(judge, found) == [[], []]


def test_the_report_says_what_it_pooled():
    found = report(pooled())
    (extension,) = (each for each in found["extension"] if each["url"].endswith("pooled-reports"))
    parts = extension["extension"]
    values = {each["url"]: each for each in parts if each["url"] != "report"}
    assert values["sites"]["valuePositiveInt"] == 5
    assert values["hiding"]["valueUnsignedInt"] == 0
    assert values["assumedOverlap"]["valueDecimal"] == 0
    reporters = [
        inner["valueReference"]["reference"]
        for each in parts
        if each["url"] == "report"
        for inner in each["extension"]
        if inner["url"] == "reporter"
    ]
    assert reporters == [f"Organization/site-{place}" for place in range(5)]
    assert control(found) | {"policy": ""} == {"policy": "", "mode": "none", "poolable": "exact"}
    assert check(found, measures()[TTP]) == []
    codes = json.dumps(found["contained"])
    for name in ("stratified_driver_by_site_chi2", "cox_driver_by_site_loghr:fusion"):
        assert f'"code": "{name}"' in codes


def test_sums_of_sums_are_the_sum():
    reports = site_reports(TTP, five_sites())
    measure = measures()[TTP]
    two = report(pool(reports[:2], measure))
    again = pool([two, *reports[2:]], measure)
    assert report(again)["group"] == report(pool(reports, measure))["group"]
    with pytest.raises(PoolingRefused) as refused:
        pool([two, reports[0]], measure)
    assert refused.value.rule == "reporter"


# Refusals: each rule by name.


def _measure_version(found: Json) -> None:
    found["measure"] = found["measure"].replace("|0.1.0", "|0.2.0")


def _status(found: Json) -> None:
    found["status"] = "pending"


def _count(found: Json) -> None:
    found["group"][0]["population"][0]["count"] += 1


def _ties(found: Json) -> None:
    for each in found["contained"]:
        for grid in each.get("extension", ()):
            for part in grid.get("extension", ()):
                if part["url"] == "ties":
                    part["valueCode"] = "censored-before-events"


def _sha256(found: Json) -> None:
    for each in found["extension"]:
        if each["url"].endswith("endpoint-definition"):
            each["extension"][1]["valueString"] = "0" * 64


def _reporter(found: Json) -> None:
    found["reporter"] = {"reference": "Organization/site-0"}


def _not_poolable(found: Json) -> None:
    for each in found["extension"]:
        if each["url"].endswith("disclosure-control"):
            each["extension"][-1]["valueCode"] = "no"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (_measure_version, "measure"),
        (_status, "form"),
        (_count, "form"),
        (_ties, "ties"),
        (_sha256, "endpoint"),
        (_reporter, "reporter"),
        (_not_poolable, "poolable"),
    ],
)
def test_a_report_that_breaks_a_rule_is_refused_by_its_name(
    change: Callable[[Json], None], rule: str
):
    reports = site_reports(TTP, five_sites())
    change(reports[1])
    with pytest.raises(PoolingRefused) as refused:
        pool(reports, measures()[TTP])
    assert refused.value.rule == rule
    assert refused.value.hint == f"{rule}: {RULES[rule]}"
    assert (refused.value.exit_code, refused.value.issue_code) == (3, "business-rule")


def test_another_study_another_grid_and_no_report_are_refused():
    measure = measures()[TTP]
    (first,) = site_reports(TTP, five_sites()[:1])
    for key, value, rule in (("merge_gap_days", 21, "endpoint"), ("grid_days", 24, "endpoint")):
        study = reference_study(**{key: value})
        other = site_reports(TTP, five_sites()[:2], study)[1]
        with pytest.raises(PoolingRefused) as refused:
            pool([first, other], measure)
        assert refused.value.rule == rule
    for reports, rule in (
        ([first, *masked_sites(1)], "grid"),
        ([], "form"),
        ([{"resourceType": "Patient"}], "form"),
        ([withheld_site()], "withheld"),
    ):
        with pytest.raises(PoolingRefused) as refused:
            pool(reports, measure)
        assert refused.value.rule == rule


@pytest.mark.parametrize(("policy", "rule"), [("secure-sum", "share"), ("public", "poolable")])
def test_what_is_shared_in_secret_or_published_is_not_pooled(policy: str, rule: str):
    found = disclosed_of(SITE, policy, TTP)
    with pytest.raises(PoolingRefused) as refused:
        pool([found], measures()[TTP])
    assert refused.value.rule == rule


def test_a_study_that_is_not_that_of_its_hash_is_refused():
    (first,) = site_reports(TTP, five_sites()[:1])
    for each in first["contained"]:
        for parameter in each.get("parameter", ()):
            if parameter["name"] == "horizon_days":
                parameter["valueInteger"] = 384
    with pytest.raises(PoolingRefused) as refused:
        pool([first], measures()[TTP])
    assert refused.value.rule == "endpoint"


def test_tables_of_strata_that_do_not_add_up_are_refused():
    (first,) = site_reports(TTP, five_sites()[:1])
    table = next(each for each in survival_tables(first) if each["id"] != "survival-all")
    cells = table["valueSampledData"]["data"].split()
    censored = next(at for at in range(2, len(cells), 3) if cells[at] != "0")
    cells[censored] = str(int(cells[censored]) - 1)
    cells[censored + 3] = str(int(cells[censored + 3]) + 1)
    table["valueSampledData"]["data"] = " ".join(cells)
    with pytest.raises(PoolingRefused) as refused:
        pool([first], measures()[TTP])
    assert refused.value.rule == "form"


def test_a_level_that_is_no_driver_of_the_study_is_refused():
    (first,) = site_reports(TTP, five_sites()[:1])
    strange = json.loads(json.dumps(first).replace('"fusion"', '"fission"'))
    with pytest.raises(PoolingRefused) as refused:
        pool([strange], measures()[TTP])
    assert refused.value.rule == "levels"


def test_what_calls_itself_bounds_only_is_not_exact_though_nothing_is_hidden():
    (found,) = site_reports(TTP, five_sites()[:1])
    text = json.dumps(found).replace('"valueCode": "exact"', '"valueCode": "bounds-only"')
    table = pool([json.loads(text)], measures()[TTP])
    assert not table.exact
    assert control(report(table))["poolable"] == "bounds-only"


# Hidden counts: bounds, never a point.


def test_with_masked_sites_the_result_is_bounds():
    found = report(pool(masked_sites(), measures()[TTP]))
    assert control(found)["mode"] == "masked-cells"
    assert control(found)["poolable"] == "bounds-only"
    assert "measureScore" not in json.dumps(found)
    assert masked_counts(found)
    (table, *_) = survival_tables(found)
    bounds = {
        part["code"]["coding"][0]["code"]: part.get("valueRange") for part in table["component"]
    }
    # 110 patients of each site: 17 events by day 96, 24 more by day 192.
    exact = {"km_96": 93 / 110, "km_192": 93 / 110 * (1 - 24 / 93)}
    exact["rmst_192_days"] = 48 + 96 * exact["km_96"] + 48 * exact["km_192"]
    for name, value in exact.items():
        ends = bounds[name]
        assert ends is not None
        assert ends["low"]["value"] < value < ends["high"]["value"]
    assert "valueQuantity" not in json.dumps(table["component"])


def test_a_withheld_site_widens_the_bounds_by_its_size():
    masked = masked_sites(2)
    table = pool([*masked, withheld_site()], measures()[TTP])
    alone = pool(masked, measures()[TTP])
    assert len(table.hiding) == 3
    for stated, range_ in alone.counts.items():
        wider = table.counts[stated]
        if range_ is None:
            assert wider is None
        else:
            assert wider == Range(range_.low, range_.high + 19)
    low, high = share_behind(table)
    assert (low, high) == (1.0, 1.0)


def test_one_withheld_site_among_exact_ones_leaves_bounds():
    reports = [*site_reports(TTP, five_sites()), withheld_site()]
    table = pool(reports, measures()[TTP])
    assert not table.exact
    exact = pooled_estimates(pooled()).overall
    found = document(table)
    assert found["poolable"] == "bounds-only"
    ends = found["figures"]["km_183"]
    assert ends["low"] < exact["km_183"] < ends["high"]
    assert found["figures"]["n_patients"] == {"low": 170, "high": 189}
    share = found["sites"]["hiding_share"]
    assert share["low"] == 0
    assert share["high"] == pytest.approx(19 / 189)


def test_levels_that_are_other_at_one_site_are_not_mixed_with_named_ones():
    study = reference_study(grid_days=96)
    exact = site_reports(TTP, five_sites()[:1], study)[0]
    masked = masked_sites(1)[0]
    sha256 = next(e for e in exact["extension"] if e["url"].endswith("endpoint-definition"))
    masked["extension"] = [
        sha256 if each["url"] == sha256["url"] else each for each in masked["extension"]
    ]
    with pytest.raises(PoolingRefused) as refused:
        pool([exact, masked], measures()[TTP])
    assert refused.value.rule == "levels"


# Sites side by side.


def test_a_small_site_is_no_row_of_its_own():
    table = pooled()
    sites = site_tables(table)
    found = forests(sites, table.study)
    sizes = sorted(site.whole.n_patients for site in sites)
    assert sizes == [9, 23, 33, 41, 64]
    # The third site has no patient without a driver, so no hazard of theirs.
    assert [len(forest.rows) for forest in found] == [4, 4, 4, 3]
    for forest in found:
        assert REST not in {row.label for row in forest.rows}
        assert forest.found is not None
        assert forest.found.k == len(forest.without) == len(forest.rows) + 1
    assert LEAST_NAMED == 20
    assert "site-0" not in json.dumps(document(table)["forests"])


def test_small_sites_are_one_row_where_they_are_enough():
    rows = everybody()
    split = [rows[at : at + 12] for at in range(0, 60, 12)] + [rows[60:]]
    table = pool(site_reports(TTP, split), measures()[TTP])
    (forest, *_) = forests(site_tables(table), table.study)
    assert [row.label for row in forest.rows][-1] == REST
    assert len(forest.rows) == 2


def test_one_site_is_compared_with_nothing():
    table = pool(site_reports(TTP, five_sites()[:1]), measures()[TTP])
    assert "forests" not in document(table)
    for forest in forests(site_tables(table), table.study):
        assert forest.found is None
        assert forest.reason == "fewer than two sites have an effect"


def test_the_tables_for_eyes_show_bounds_and_reasons():
    shown = {each.title: each for each in tables(document(pool(masked_sites(), measures()[TTP])))}
    rows = {row[0]: row[1] for row in shown["Figures"].rows}
    assert " to " in rows["km_96"]
    assert rows["n_patients"] == "330"
    assert rows["at_risk_91_n"] == "-"
    assert "at_risk_91_n: the day is no edge of the grid" in shown["Figures"].notes
    exact = tables(document(pooled()))
    assert [each.title for each in exact[:3]] == ["Pooled", "Figures", "Sites: rmst_192_days"]
    assert np.any(["I²" in note for each in exact for note in each.notes])


def test_the_reports_given_are_not_changed():
    reports = site_reports(TTP, five_sites())
    before = copy.deepcopy(reports)
    report(pool(reports, measures()[TTP]))
    assert reports == before
