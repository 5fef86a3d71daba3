"""`raiway coverage` from outside: files and store, the gate, and from a suggestion to a fact."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.lib.console import raiway
from tests.lib.mapping import observation, quantity

LAB = "urn:hospital:lab"


def coded(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def results() -> list[dict[str, Any]]:
    """Of three patients, the Tg of two under a local code; a local gene test; a glucose."""
    tg: dict[str, Any] = {"valueQuantity": quantity(3, "ng/mL")}
    local = coded(LAB, "THYG", "Thyroglobulin, serum")
    gene = coded("urn:hospital:gene", "BRAFMUT", "BRAF mutation detected")
    glucose = coded(LAB, "GLU", "Glucose")
    found: list[tuple[str, dict[str, Any]]] = [
        ("1", {"code": local, **tg}),
        ("2", {"code": local, **tg}),
        ("2", {"code": gene, "valueString": "p.V600E"}),
        ("3", tg),
        ("3", {"code": glucose, "valueQuantity": quantity(90, "mg/dL")}),
        ("3", {"valueString": "as told by Dr. Smith"}),
    ]
    return [
        {
            **observation("3013-0"),
            "id": f"o{number}",
            "subject": {"reference": f"Patient/SYN-COV-{patient}"},
            **stated,
        }
        for number, (patient, stated) in enumerate(found)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with the results in `export/`."""
    (tmp_path / "export").mkdir()
    lines = "\n".join(json.dumps(each) for each in results())
    (tmp_path / "export/Observation.ndjson").write_text(lines, encoding="utf-8")
    return tmp_path


def test_files_are_read_without_a_store(folder: Path):
    run = raiway("coverage", "export", cwd=folder)
    assert not list(folder.glob("raiway.db*"))
    lines = run.stdout.splitlines()
    assert " ".join(lines[1].split()) == "patients records system code display blocks may mean"
    assert lines[2].split()[:4] == ["2", "2", LAB, "THYG"]
    assert "thyroglobulin response" in lines[2]
    assert "3013-0 Thyroglobulin" in lines[2]
    assert "BRAFMUT" in run.stdout
    assert "molecular profile" in run.stdout
    assert lines[-1].split() == ["overall", "1", "4", "20.00", "%"]
    assert "3 patients of 3 touched" in run.stderr
    for private in ("SYN-COV", "Smith", "GLU"):
        assert private not in run.stdout + run.stderr
    every = raiway("coverage", "export", "--all", cwd=folder).stdout
    assert "GLU" in every
    assert "SYN-COV" not in every


def test_the_gate_fails_with_both_figures_and_json_is_whole(folder: Path):
    run = raiway("coverage", "export", "--fail-under", "95", "--json", cwd=folder, expect=3)
    assert "20.00 %" in run.stderr
    assert "at least 95 %" in run.stderr
    assert run.json["gate"] == {"fail_under": 95, "passed": False}
    assert run.json["coverage"]["overall"] == {"mapped": 1, "unmapped": 4, "percent": 20}
    assert run.json["unmapped"][0]["suggestion"]["targets"][0]["code"] == "3013-0"
    passed = raiway("coverage", "export", "--fail-under", "20", "--json", cwd=folder)
    assert passed.json["gate"]["passed"] is True


def test_a_reviewed_suggestion_makes_the_coverage_rise(folder: Path):
    raiway("ingest", "export", "--site", "A", cwd=folder)
    before = raiway("coverage", "--json", cwd=folder).json
    # The store has what ingest recorded: the name of an analyte, not that of a gene.
    assert [each["code"] for each in before["unmapped"]] == ["THYG", "Tg"]
    assert before["coverage"]["overall"] == {"mapped": 1, "unmapped": 3, "percent": 25}

    run = raiway("coverage", "export", "--suggest", "local.json", cwd=folder)
    assert "2 suggestions that nobody has confirmed" in run.stderr
    assert "SYN-COV" not in (folder / "local.json").read_text(encoding="utf-8")

    raiway("ingest", "export", "--site", "A", "--map", "local.json", cwd=folder)
    after = raiway("coverage", "--site", "A", "--json", cwd=folder).json
    assert after["coverage"]["overall"] == {"mapped": 4, "unmapped": 1, "percent": 80}
    outcomes = after["coverage"]["outcomes"]
    assert outcomes["molecular-profile"]["mapped"] == 1
    assert outcomes["thyroglobulin-response"]["mapped"] == 3
    with sqlite3.connect(folder / "raiway.db") as store:
        genes = store.execute("SELECT gene, p_hgvs, call FROM variant_result").fetchall()
    assert genes == [("BRAF", "V600E", "present")]


def test_the_reference_cohort_is_wholly_mapped(loaded: Path):
    run = raiway("coverage", "--fail-under", "100", cwd=loaded)
    assert "nothing relevant is left unmapped in the store" in run.stderr
    assert run.stdout.splitlines()[-1].endswith("100.00 %")


def test_what_cannot_be_read_is_explained(folder: Path):
    assert "there is no store yet" in raiway("coverage", cwd=folder, expect=4).stderr
    assert "--all needs PATHs" in raiway("coverage", "--all", cwd=folder, expect=2).stderr
    (folder / "nothing").mkdir()
    assert "nothing to read" in raiway("coverage", "nothing", cwd=folder, expect=2).stderr
    (folder / "empty.ndjson").write_text("")
    run = raiway("coverage", "empty.ndjson", "--fail-under", "95", cwd=folder, expect=3)
    assert "no record in the files" in run.stderr
    assert "coverage cannot be told" in run.stderr
    raiway("ingest", "empty.ndjson", "--site", "A", cwd=folder)
    assert "no record in the store" in raiway("coverage", cwd=folder).stderr
    assert "no data of site B" in raiway("coverage", "--site", "B", cwd=folder, expect=2).stderr
