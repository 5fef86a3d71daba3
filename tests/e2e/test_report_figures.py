"""`raiway report --figures`: each plot as files, with every number where a program finds it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.lib.console import raiway


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("report")
    where = ("--out", made / "report.html", "--figures", made / "figures")
    run = raiway("report", *where, "--json", cwd=loaded)
    written = sorted(path.name for path in (made / "figures").iterdir())
    assert sorted(Path(file).name for file in run.json["figures"]) == written
    return made / "figures"


@pytest.fixture(scope="module")
def aggregate(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files of an aggregate report by policy; the registry's is withheld."""
    made = {}
    for policy in ("registry", "secure-sum"):
        made[policy] = tmp_path_factory.mktemp(policy)
        asked = ("--level", "aggregate", "--policy", policy, "--out", made[policy] / "r.html")
        raiway("report", *asked, "--figures", made[policy] / "figures", cwd=loaded)
    return made


def at(rows: list[dict[str, Any]], group: str, day: float) -> dict[str, Any]:
    """The step of a curve on which a day lies."""
    return [row for row in rows if row["group"] == group and row["day"] <= day][-1]


def test_the_index_names_each_plot_of_the_page_and_its_files(folder: Path):
    index = read(folder / "figures.json")
    page = (folder.parent / "report.html").read_text(encoding="utf-8")
    assert [each["name"] for each in index["figures"]] == re.findall(r'<figure id="([^"]+)"', page)
    files = [file for each in index["figures"] for file in each["files"].values()]
    assert {*files, "figures.json", "tables.json"} == {path.name for path in folder.iterdir()}
    assert all(each["title"] and each["caption"] for each in index["figures"])


def test_a_plot_says_what_it_is_of(folder: Path, loaded: Path):
    study = raiway("evaluate", "--format", "figures", cwd=loaded).json["study"]
    for name in ("figures.json", "km.json", "swimmer.json"):
        found = read(folder / name)
        assert found["sha256"] == study["hash"]
        assert found["endpoint"] == "progression"
        assert found["time_zero"] == "protocol finish"
        assert found["confidence_interval"] == "95 %, log-log"
        assert found["quality_gate"] == "passed: 18 of 18 rules hold"


def test_numbers_are_those_of_evaluate_and_not_rounded(folder: Path, figures: dict[str, Any]):
    km = read(folder / "km.json")
    for day in (91, 183):
        step = at(km["steps"], "all patients", day)
        assert step["value"] == pytest.approx(figures[f"km_{day}"], abs=1e-12)
        assert step["low"] == pytest.approx(figures[f"km_{day}_low"], abs=1e-12)
    first = [row for row in km["counts"] if row["heading"] == "at risk" and row["day"] == 0]
    assert [row["n"] for row in first] == [figures["n_patients"]]
    events = sum(row["events"] for row in km["steps"])
    assert events == figures["progressed_by_192_n"]
    doses = [row["mci"] for row in read(folder / "activities.json")["doses"]]
    assert sum(doses) / len(doses) == pytest.approx(figures["redifferentiation_rai_mci_mean"])


def test_what_is_drawn_of_each_patient_is_there_too(folder: Path):
    bars = read(folder / "waterfall-tg.json")["bars"]
    points = read(folder / "spider-tg.json")["points"]
    assert {bar["label"] for bar in bars} <= {point["label"] for point in points}
    assert any(bar["below_limit"] for bar in bars)
    assert all("link" not in row and "said" not in row for row in (*bars, *points))
    assert {row["kind"] for row in read(folder / "swimmer.json")["segments"]} >= {"drug", "outcome"}


def test_tables_are_those_of_the_page(folder: Path):
    tables = {table["title"]: table for table in read(folder / "tables.json")}
    page = (folder.parent / "report.html").read_text(encoding="utf-8")
    assert "Free of progression at milestones" in tables
    assert all(title in page for title in tables)
    milestones = tables["Free of progression at milestones"]
    assert milestones["rows"][0][1] == "16"


def test_pictures_stand_alone(folder: Path):
    drawn = (folder / "km.svg").read_text(encoding="utf-8")
    assert "xmlns=" in drawn
    assert "<a " not in drawn
    assert (folder / "km.png").read_bytes().startswith(b"\x89PNG")


def test_an_aggregate_report_writes_what_the_policy_lets_out(aggregate: dict[str, Path]):
    folder = aggregate["secure-sum"] / "figures"
    index, bounds = read(folder / "figures.json"), read(folder / "bounds.json")
    assert index["level"] == bounds["level"] == "aggregate"
    assert index["data_version"] is None
    page = (folder.parent / "r.html").read_text(encoding="utf-8")
    for row in bounds["bounds"]:
        assert f"<td>{row['low']:.3f} to {row['high']:.3f}</td>" in page
    # A band has an edge at the end of each time bin, and at no other day.
    assert {row["day"] % 24 for row in bounds["bounds"]} == {0}


def test_no_file_of_an_aggregate_report_names_a_patient_site_or_day(aggregate: dict[str, Path]):
    for folder in aggregate.values():
        for file in (folder / "figures").iterdir():
            said = file.read_bytes()
            assert not re.search(rb"SYN-RAIR|synthetic-hospital|(19|20)\d\d-\d\d-\d\d", said), file


def test_of_what_is_withheld_no_number_is_written(aggregate: dict[str, Path]):
    folder = aggregate["registry"] / "figures"
    assert {path.name for path in folder.iterdir()} == {"figures.json", "tables.json"}
    assert read(folder / "figures.json")["figures"] == []
    assert {table["section"] for table in read(folder / "tables.json")} == {"methods"}


def test_what_may_leave_never_lies_among_what_may_not(folder: Path, loaded: Path, tmp_path: Path):
    asked = ("--level", "aggregate", "--policy", "secure-sum", "--out", tmp_path / "r.html")
    before = sorted(path.name for path in folder.iterdir())
    run = raiway("report", *asked, "--figures", folder, cwd=loaded, expect=2)
    assert "the figures of a report of level patient" in run.stderr
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_folder_that_cannot_be_written_is_named(loaded: Path, tmp_path: Path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    where = ("--out", tmp_path / "r.html", "--figures", tmp_path / "file")
    run = raiway("report", *where, cwd=loaded, expect=2)
    assert "file" in run.stderr
