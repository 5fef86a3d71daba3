"""Pulls on record, from the manifests in a landing folder."""

from __future__ import annotations

import json
from pathlib import Path

from adapter.landed import MANIFEST, QUARANTINE, STATE
from adapter.pulls import Pull, pulls

MADE = {
    "request": "https://fhir.a.example/r4/",
    "output": [
        {"type": "Patient", "count": 2},
        {"type": "Observation", "count": 3},
        {"type": "Observation", "count": 4},
    ],
    "raiway": {
        "site": "A",
        "started": "2026-01-02T00:00:00Z",
        "asked": {"mode": "bulk"},
        "failed": {"Procedure": "403"},
    },
}


def run(folder: Path, name: str, manifest: object = None) -> Path:
    path = folder / "A" / name
    path.mkdir(parents=True)
    (path / QUARANTINE).touch()
    if manifest is not None:
        (path / MANIFEST).write_text(json.dumps(manifest))
    return path


def test_a_pull_tells_what_it_brought(tmp_path: Path):
    run(tmp_path, "2026-01-02T000000Z", MADE)
    expected = Pull(
        "A",
        "2026-01-02T00:00:00Z",
        "https://fhir.a.example/r4/",
        "bulk",
        {"Observation": 7, "Patient": 2},
        ("Procedure",),
        ended=True,
    )
    assert pulls(tmp_path) == [expected]


def test_the_last_comes_first_and_what_did_not_end_says_so(tmp_path: Path):
    run(tmp_path, "2026-01-02T000000Z", MADE)
    run(tmp_path, "2026-02-02T000000Z")
    run(tmp_path, "2026-03-02T000000Z", ["no manifest"])
    run(tmp_path / STATE, "2026-04-02T000000Z", MADE)
    assert [pull.ended for pull in pulls(tmp_path)] == [False, False, True]


def test_there_need_be_no_folder(tmp_path: Path):
    assert pulls(tmp_path / "none") == []
