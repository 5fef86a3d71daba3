"""`raiway pool` from outside: files in, a table, JSON or a MeasureReport out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapter.report.check import check
from tests.lib.console import raiway
from tests.lib.disclosed_reports import SITE, control, disclosed_of
from tests.lib.judges import fhirkit
from tests.lib.pooling import site_reports
from tests.lib.r_pooling import expected, five_sites
from tests.lib.reports import measures

TTP = "time-to-progression"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The reports of five sites, two of them in one Bundle, and one that hides counts."""
    reports = site_reports(TTP, five_sites())
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": each} for each in reports[:2]],
    }
    for name, content in (
        ("two.json", bundle),
        *((f"site-{place}.json", reports[place]) for place in (2, 3, 4)),
        ("masked.json", disclosed_of(SITE, "registry", TTP)),
    ):
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    return tmp_path


SITES = ("two.json", "site-2.json", "site-3.json", "site-4.json")


def test_the_numbers_are_those_of_all_rows(folder: Path):
    found = raiway("pool", "--unsigned", *SITES, "--json", cwd=folder).json
    assert found["poolable"] == "exact"
    assert found["sites"]["n"] == 5
    assert found["figures"]["km_183"] == pytest.approx(expected()["km"]["surv"][1], rel=1e-12)
    assert found["comparison"]["stratified_driver_by_site_chi2"] == pytest.approx(
        expected()["logrank"]["by_site"], rel=1e-11
    )
    assert [forest["heterogeneity"]["k"] for forest in found["forests"]] == [5, 5, 5, 4]


def test_the_table_is_for_eyes_and_the_report_for_machines(folder: Path):
    run = raiway("pool", "--unsigned", *SITES, "--out", "pooled.json", cwd=folder)
    assert "km_183" in run.stdout
    assert "written: pooled.json" in run.stderr
    report = json.loads((folder / "pooled.json").read_text(encoding="utf-8"))
    assert check(report, measures()[TTP]) == []
    assert fhirkit(report) == []


def test_hidden_counts_give_bounds_and_a_warning(folder: Path):
    run = raiway("pool", "--unsigned", "masked.json", "--json", cwd=folder)
    assert "the result is bounds" in run.stderr
    assert run.json["poolable"] == "bounds-only"
    assert set(run.json["figures"]["km_192"]) == {"low", "high"}
    assert "forests" not in run.json


def test_what_the_public_gets_passes_the_gate(folder: Path):
    report = raiway("pool", "--unsigned", *SITES, "--for", "public", cwd=folder).json
    assert control(report)["mode"] == "rounded"
    assert "Organization/site-0" not in json.dumps(report)
    assert check(report, measures()[TTP]) == []
    few = raiway("pool", "--unsigned", "two.json", "--for", "public", cwd=folder).json
    assert control(few)["mode"] == "withheld"
    refused = raiway("pool", "--unsigned", "masked.json", "--for", "public", cwd=folder, expect=3)
    assert "does not pass the gate" in refused.stderr


def test_what_does_not_belong_together_is_refused_by_rule(folder: Path):
    for files, rule in (
        ([*SITES, "site-2.json"], "reporter"),
        ([*SITES, "masked.json"], "grid"),
    ):
        run = raiway(
            "pool", "--unsigned", *files, "--json", "--out", "no.json", cwd=folder, expect=3
        )
        assert run.json["error"]["hint"].startswith(f"{rule}: ")
        assert run.json["error"]["code"] == "business-rule"
    assert not (folder / "no.json").exists()


def test_files_that_hold_no_report_are_named(folder: Path):
    (folder / "text.json").write_text("no JSON", encoding="utf-8")
    (folder / "empty.json").write_text('{"resourceType": "Bundle"}', encoding="utf-8")
    for name, what in (
        ("text.json", "is no JSON"),
        ("empty.json", "holds no MeasureReport"),
        ("absent.json", "cannot be read"),
    ):
        run = raiway("pool", "--unsigned", name, cwd=folder, expect=2)
        assert what in run.stderr
        assert name in run.stderr
