"""`raiway table-one` and `raiway export` from outside, on the synthetic hospital."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow.parquet
import pytest

from tests.lib.console import raiway


def test_table_one_by_driver(loaded: Path):
    run = raiway("table-one", "--by", "driver", cwd=loaded)
    lines = run.stdout.splitlines()
    assert lines[0] == "Table 1, by driver"
    assert [part.strip() for part in lines[1].split("  ") if part.strip()] == [
        "all (n = 16)",
        "BRAF V600E (n = 11)",
        "NRAS Q61R (n = 4)",
        "not identified (n = 1)",
        "SMD",
    ]
    female = next(line for line in lines if line.startswith("  female"))
    assert female.split("  ")[1:2] == ["female"]
    assert "9 (56.3 %)" in female
    iodine = lines.index(next(line for line in lines if line.startswith("Redifferentiation I-131")))
    assert "140.0 to 357.0" in lines[iodine]
    assert lines[iodine + 1].split() == ["missing", "1", "1", "0", "0"]


def test_table_one_without_groups_has_no_difference(loaded: Path):
    rows = list(csv.reader(io.StringIO(raiway("table-one", "--format", "csv", cwd=loaded).stdout)))
    assert rows[0] == ["", "all (n = 16)"]
    assert {len(row) for row in rows} == {2}
    assert ["  BRAF V600E", "11 (68.8 %)"] in rows


def test_table_one_as_markdown_into_a_file(loaded: Path, tmp_path: Path):
    file = tmp_path / "table.md"
    raiway("table-one", "--by", "arm", "--format", "markdown", "--out", file, cwd=loaded)
    lines = file.read_text(encoding="utf-8").splitlines()
    heads = "| BRAF inhibitor + MEK inhibitor (n = 11) | MEK inhibitor (n = 5) | SMD |"
    assert lines[2].startswith(f"|  | all (n = 16) {heads}")
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1


def test_the_aggregate_level_shows_no_single_value(loaded: Path):
    run = raiway("table-one", "--level", "aggregate", "--by", "rai_treated", cwd=loaded)
    assert "median" not in run.stdout
    assert "Age" not in run.stdout
    assert "female" in run.stdout


def test_table_one_as_json(loaded: Path):
    found = raiway("table-one", "--by", "driver", "--json", cwd=loaded).json
    assert found["groups"] == {"BRAF_V600E": 11, "NRAS_Q61R": 4, "none_detected": 1}
    regimen = found["categories"]["regimen"]
    assert (regimen["smd"], regimen["apart"]) == (None, True)
    # 6 of 11 and 0 of 1, whose spread is that of the eleven alone
    assert found["categories"]["sex"]["groups"]["NRAS_Q61R"]["counts"] == {"female": 3, "male": 1}


def test_groups_that_there_are_not(loaded: Path):
    run = raiway("table-one", "--by", "shoe_size", cwd=loaded, expect=2)
    assert "cannot stratify by 'shoe_size'" in run.stderr


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_export_writes_facts_and_episodes(form: str, loaded: Path, tmp_path: Path):
    run = raiway("export", "--to", tmp_path / "out", "--format", form, "--json", cwd=loaded)
    assert "single patients' data" in run.stderr
    rows = {Path(each["path"]).name: each["rows"] for each in run.json["files"]}
    assert rows[f"episode.{form}"] == 16
    assert all((tmp_path / "out" / name).stat().st_mode & 0o077 == 0 for name in rows), (
        "others can read"
    )
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(rows)
    episode = tmp_path / "out" / f"episode.{form}"
    if form == "parquet":
        names = pyarrow.parquet.read_schema(episode).names
        assert pyarrow.parquet.read_table(episode)["progressed"].to_pylist().count(True) == 6
    else:
        with episode.open(encoding="utf-8", newline="") as lines:
            found = list(csv.DictReader(lines))
        names = list(found[0])
        assert [row["progressed"] for row in found].count("true") == 6
    with (tmp_path / "out/data_dictionary.csv").open(encoding="utf-8", newline="") as lines:
        dictionary = list(csv.DictReader(lines))
    said = [row["column"] for row in dictionary if row["table"] == "episode" and row["column"]]
    assert said == names
    assert {row["table"] for row in dictionary} == {
        name.partition(".")[0] for name in rows if not name.startswith("data_dictionary")
    }


def test_exporting_again_replaces_the_files(loaded: Path, tmp_path: Path):
    first = raiway("export", "--to", tmp_path, "--format", "csv", cwd=loaded).stdout
    before = (tmp_path / "lab_result.csv").read_bytes()
    assert raiway("export", "--to", tmp_path, "--format", "csv", cwd=loaded).stdout == first
    assert (tmp_path / "lab_result.csv").read_bytes() == before


def test_a_folder_that_is_a_file_is_refused(loaded: Path, tmp_path: Path):
    (tmp_path / "taken").write_text("x", encoding="utf-8")
    run = raiway("export", "--to", tmp_path / "taken", cwd=loaded, expect=2)
    assert "cannot be made a folder" in run.stderr


def test_another_site_has_no_rows(loaded: Path, tmp_path: Path):
    run = raiway("export", "--to", tmp_path, "--site", "B", cwd=loaded, expect=2)
    assert "no data of site B" in run.stderr
