"""The command line from outside: the line from files to figures, on the synthetic hospital."""

from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from adapter.synthetic.hospital import write_bundles
from tests.e2e.conftest import ZONE
from tests.lib.console import raiway

Figures = dict[str, Any]


def test_demo_shows_the_whole_line(tmp_path: Path):
    run = raiway("demo", cwd=tmp_path)
    assert "169.98 days (SE 9.70), 16 patients" in run.stdout
    assert run.stdout.count("SYNTHETIC") == 2
    assert "took" in run.stderr
    assert re.search(r"next: \S*raiway cohort --store sqlite:///", run.stderr)
    folder = tmp_path / "raiway-demo"
    assert {path.name for path in folder.iterdir()} >= {
        "export",
        "figures.json",
        "measure-report.json",
        "raiway.db",
    }
    report = json.loads((folder / "measure-report.json").read_text(encoding="utf-8"))
    assert (report["resourceType"], report["type"]) == ("MeasureReport", "summary")
    first = json.loads((folder / "figures.json").read_text(encoding="utf-8"))

    again = raiway("demo", "--json", cwd=tmp_path).json
    assert again["synthetic"] is True
    assert again["ingest"]["mapped"] == 0
    assert again["ingest"]["unchanged"] > 0
    assert json.loads((folder / "figures.json").read_text(encoding="utf-8")) == first


def test_demo_refuses_a_store_with_other_data(loaded: Path):
    run = raiway("demo", "--out", ".", cwd=loaded, expect=2)
    assert "the store holds data of site A" in run.stderr
    assert not (loaded / "export").exists()


def test_every_reference_figure_is_met(shared: Path, figures: Figures):
    reference = json.loads((shared / "reference/expectations.json").read_text(encoding="utf-8"))
    expected = reference["expectations"]
    assert len(expected) == 75
    missed = {
        each["name"]: (figures.get(each["name"]), each["value"])
        for each in expected
        if figures.get(each["name"]) is None
        or abs(figures[each["name"]] - each["value"]) > each["tolerance"]
    }
    assert not missed
    exact = {each["name"]: each["value"] for each in expected[-3:]}
    assert len(exact) == 3
    assert {name: figures[name] for name in exact} == pytest.approx(exact, abs=1e-9, rel=0)


def test_json_is_the_figures_format(loaded: Path, figures: Figures):
    document = raiway("evaluate", "--json", cwd=loaded).json
    assert document["figures"] == figures
    assert set(document) >= {"figures", "not_estimable", "study", "strata", "data_version"}
    assert document["strata"]["driver"]["BRAF_V600E"]["n_patients"] == 11


def test_a_measure_report_is_the_default(loaded: Path, tmp_path: Path):
    report = raiway("evaluate", "--stratify", "sex", cwd=loaded).json
    assert report["resourceType"] == "MeasureReport"
    assert report["measure"].split("|")[0].endswith("/Measure/redifferentiation-outcomes")
    assert report["period"] == {"start": "2020-01-01", "end": "2022-12-31"}
    out = tmp_path / "report.json"
    run = raiway("evaluate", "time-to-progression", "--out", out, cwd=loaded)
    assert run.stdout == ""
    part = json.loads(out.read_text(encoding="utf-8"))
    assert part["measure"].split("|")[0].endswith("/Measure/time-to-progression")
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_the_table_is_for_eyes(loaded: Path):
    table = raiway("evaluate", "--format", "table", "--stratify", "driver", cwd=loaded).stdout
    lines = [" ".join(line.split()) for line in table.splitlines()]
    assert "Thyroglobulin, prior to 3m 11 (68.8 %) 4 (25.0 %) 1 (6.3 %) 0 (0.0 %)" in lines
    assert "CT, 3m to 6m 2 (12.5 %) 3 (18.8 %) 9 (56.3 %) 2 (12.5 %)" in lines
    assert "restricted mean to day 192 169.98 d (SE 9.70) (95 % CI 151.0 to 189.0)" in lines
    assert "BRAF V600E 11 (68.8 %)" in lines
    assert "Kaplan-Meier at day 192 0.591 (95 % CI 0.303 to 0.793), 8 at risk" in lines
    assert any(line.startswith("NRAS_Q61R 4 2 (50.0 %) 163.75 d (SE 21.14)") for line in lines)
    assert "redifferentiation 233.7 140 to 357 8.65 5.18 to 13.21" in lines
    assert "\x1b" not in table


@pytest.mark.parametrize(
    ("setting", "first", "second"),
    [
        ("tg_profile=rcv", (11, 2, 3), (5, 3, 5)),
        ("tg_profile=half", (8, 2, 6), (3, 5, 5)),
        ("tgab=exclude", (10, 4, 0), (7, 5, 0)),
    ],
)
def test_a_rule_of_the_study_can_be_overridden(
    loaded: Path, setting: str, first: tuple[int, ...], second: tuple[int, ...]
):
    document = raiway("evaluate", "--json", "--set", setting, cwd=loaded).json
    found = [
        tuple(document["figures"][f"tg_{change}_{category}_n"] for category in CATEGORIES)
        for change in ("prior_to_3m", "3m_to_6m")
    ]
    assert found == [first, second]
    key, value = setting.split("=")
    assert document["study"][key] == value


CATEGORIES = ("decrease", "increase", "stable")


def test_the_finish_rule_can_be_overridden(loaded: Path):
    rules = 'finish_rules=["therapeutic_rai","last_drug_day","last_dosimetry"]'
    found = raiway("evaluate", "--json", "--set", rules, cwd=loaded).figures
    assert found["rmst_192_days"] == pytest.approx(170.295, abs=5e-4)
    assert found["rmst_192_se"] == pytest.approx(9.530, abs=5e-4)


def test_a_period_narrows_the_cohort(loaded: Path):
    run = raiway("evaluate", "--json", "--period-end", "2020-12-31", cwd=loaded)
    assert 0 < run.figures["n_patients"] < 16
    out = run.figures["attrition:finish_outside_period"]
    assert run.figures["n_patients"] + out == 16
    nobody = raiway(
        "evaluate", "--json", "--period-start", "1990-01-01", "--period-end", "1990-12-31",
        cwd=loaded,
    ).json  # fmt: skip
    assert nobody["figures"]["n_patients"] == 0
    assert nobody["figures"]["rmst_192_days"] is None
    assert nobody["not_estimable"]["rmst_192_days"]


def test_an_empty_store_gives_zeros_and_reasons(tmp_path: Path):
    (tmp_path / "empty.ndjson").write_text("\n", encoding="utf-8")
    raiway("ingest", "empty.ndjson", "--site", "A", cwd=tmp_path)
    run = raiway("evaluate", "--json", cwd=tmp_path)
    assert run.figures["n_patients"] == 0
    assert run.json["not_estimable"]["rmst_192_days"]
    assert "no patient" in run.stderr
    report = raiway("evaluate", cwd=tmp_path).json
    assert report["resourceType"] == "MeasureReport"
    assert "patients" in raiway("evaluate", "--format", "table", cwd=tmp_path).stdout


def test_loading_twice_changes_nothing(export: Path, loaded: Path, tmp_path: Path):
    shutil.copytree(loaded, tmp_path, dirs_exist_ok=True)
    before = raiway("evaluate", "--json", cwd=tmp_path).json
    run = raiway("ingest", export, "--site", "A", "--timezone", ZONE, "--json", cwd=tmp_path)
    assert run.json["mapped"] == 0
    assert run.json["unchanged"] == run.json["relevant"] + 2  # two retracted ones
    assert raiway("evaluate", "--json", cwd=tmp_path).json == before


def test_the_order_of_lines_and_the_packing_do_not_matter(
    export: Path, loaded: Path, tmp_path: Path
):
    expected = raiway("evaluate", "--json", cwd=loaded).json
    lines = [line for path in sorted(export.glob("*.ndjson")) for line in _lines(path)]
    random.Random(7).shuffle(lines)
    (tmp_path / "all.ndjson").write_text("\n".join(lines), encoding="utf-8")
    bundles = tmp_path / "bundles"
    bundles.mkdir()
    write_bundles(bundles)
    for path, store in (("all.ndjson", "shuffled.db"), ("bundles", "bundles.db")):
        options = ("--site", "A", "--store", f"sqlite:///{store}")
        raiway("ingest", path, *options, "--timezone", ZONE, cwd=tmp_path)
        found = raiway("evaluate", "--json", "--store", f"sqlite:///{store}", cwd=tmp_path).json
        assert found == expected


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_attrition_is_counted_in_persons(loaded: Path, figures: Figures):
    found = raiway("cohort", "--json", cwd=loaded).json
    assert found["enrolled"] == figures["n_patients"]
    assert found["persons"] == found["enrolled"] + sum(found["attrition"].values())
    assert list(found["attrition"])[:3] == [
        "no_thyroid_cancer",
        "excluded_histology",
        "no_index_drug",
    ]
    table = raiway("cohort", cwd=loaded).stdout
    assert table.splitlines()[-1].split() == ["in", "16"]


def test_a_patient_is_explained_by_rule_and_resource(loaded: Path):
    asked = ("--explain", "Patient/SYN-RAIR-09", "--site", "A")
    text = raiway("cohort", *asked, cwd=loaded).stdout
    finish = next(line.split() for line in text.splitlines() if line.startswith("finish"))
    assert finish == ["finish", "finish", "2021-06-11", "last_dosimetry"]
    findings = raiway("cohort", *asked, "--json", cwd=loaded).json["findings"]
    progression = next(each for each in findings if each["rule"] == "progression")
    assert progression["day"] == "2021-09-03"
    assert progression["resources"][0].startswith("Observation/SYN-RAIR-09-")


def test_an_unknown_patient_is_not_repeated(loaded: Path):
    run = raiway("cohort", "--explain", "Patient/SYN-RAIR-99", cwd=loaded, expect=2)
    assert run.stdout == ""
    assert "no such patient in the store" in run.stderr
