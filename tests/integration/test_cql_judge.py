"""The Measures' CQL: it compiles, and another engine counts with it what we count without it."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from adapter import config, definitions, demo
from adapter.elements import code_of
from adapter.evaluate import Request, evaluate
from adapter.report.evaluation import checked_report, measure
from adapter.store import open_store
from tests.lib.cql import (
    SOURCE,
    Resource,
    bundles,
    compiled,
    identifier,
    proportion_groups,
    recomputed,
)

READ = {
    "Patient", "Condition", "Medication", "MedicationStatement", "MedicationRequest",
    "MedicationAdministration", "Procedure", "Observation",
}  # fmt: skip
"""What the library reads, and orders, which it must not: the engine is slow."""
PARTS = (
    "rai-uptake",
    "treatment-exposure",
    "molecular-profile",
    "thyroglobulin-response",
    "structural-response",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's folder: export and store."""
    folder = tmp_path_factory.mktemp("cql")
    demo.run(folder, config.Settings())
    return folder


@pytest.fixture(scope="module")
def exported(made: Path) -> Sequence[Resource]:
    """The synthetic hospital's export."""
    files = sorted((made / "export").glob("*.ndjson"))
    read = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [
        each for each in read if each["resourceType"] in READ and "vital-signs" not in str(each)
    ]


@pytest.fixture(scope="module")
def elm() -> bytes:
    """The shipped library, compiled."""
    found, complaints = compiled(SOURCE.read_text())
    assert complaints == []
    return found


def test_each_proportion_names_definitions_that_there_are():
    defined = {
        line.split('"')[1] for line in SOURCE.read_text().splitlines() if line.startswith("define ")
    }
    named = {identifier(each) for group in proportion_groups() for each in group["population"]}
    assert len(proportion_groups()) == 33
    assert named <= defined


def test_the_compiler_finds_fault_with_what_is_wrong():
    text = SOURCE.read_text()
    assert compiled(text.replace('"Is Final"(O) and O.value', '"Is Last"(O) and O.value'))[1] == []
    _, complaints = compiled(text.replace('define "Finish"', 'define "Finnish"'))
    assert any("Finish" in each for each in complaints)


def test_another_engine_counts_the_same(elm: bytes, exported: Sequence[Resource], made: Path):
    counted = recomputed(elm, bundles(exported))
    assert counted["rai-uptake"]["numerator"] == 15
    settings = config.Settings()
    with open_store(f"sqlite:///{made / 'raiway.db'}", create=False) as store:
        study = definitions.load().study("redifferentiation")
        evaluation = evaluate(store, study, Request())
    ours = {}
    for part in PARTS:
        report = checked_report(evaluation, measure(part, settings), settings)
        for group in report["group"]:
            if group["id"] in counted:
                ours[group["id"]] = {
                    code_of(each["code"]): each["count"] for each in group["population"]
                }
    assert counted == ours


def test_the_engine_sees_what_changes(elm: bytes, exported: Sequence[Resource]):
    one = bundles([each for each in exported if "SYN-RAIR-01" in str(each)])
    assert recomputed(elm, one)["rai-uptake"]["numerator"] == 1
    changed = copy.deepcopy(one)
    for entry in changed[0]["entry"]:
        if entry["resource"]["id"] == "SYN-RAIR-01-uptake":
            (coding,) = entry["resource"]["valueCodeableConcept"]["coding"]
            coding["code"] = "2667000"
    assert recomputed(elm, changed)["rai-uptake"]["numerator"] == 0
