"""Under which privacy mode and key the input of an ingest was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapter import landed
from adapter.errors import UsageError


def run(folder: Path, privacy: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "quarantine.ndjson").touch()
    (folder / "Patient.00001.ndjson").touch()
    listed = [{"type": "Patient", "url": "Patient.00001.ndjson", "bytes": 0}]
    manifest = {"output": listed, "deleted": [], "raiway": {"site": "A", "privacy": privacy}}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def test_it_is_the_runs(tmp_path: Path):
    one, two = run(tmp_path / "A/1", "limited:k"), run(tmp_path / "A/2", "limited:k")
    assert landed.privacy([tmp_path / "A"]) == "limited:k"
    assert landed.privacy([one, two / "Patient.00001.ndjson"]) == "limited:k"


def test_what_no_pull_wrote_is_identified(tmp_path: Path):
    (tmp_path / "export.ndjson").touch()
    assert landed.privacy([tmp_path]) == "identified"
    assert landed.privacy([tmp_path / "export.ndjson"]) == "identified"
    assert landed.privacy([]) == "identified"


def test_two_at_once_are_refused(tmp_path: Path):
    one, two = run(tmp_path / "one", "limited:k"), run(tmp_path / "two", "identified")
    (tmp_path / "plain.ndjson").touch()
    for paths in ([one, two], [one, tmp_path / "plain.ndjson"], [tmp_path]):
        with pytest.raises(UsageError, match="two names"):
            landed.privacy(paths)
