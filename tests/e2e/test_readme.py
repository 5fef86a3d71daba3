"""The commands of the README, one after the other, as they stand there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from tests.lib.console import raiway
from tests.lib.needs import ROOT

HEADING = "## From FHIR files to a MeasureReport"
OURS = {"Patient/123": "Patient/SYN-RAIR-01"}
"""What a reader replaces by something of their own."""


def commands(heading: str) -> list[list[str]]:
    """The `raiway` lines of the first block below a heading of the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```\n(.*?)```", text[text.index(heading) :], re.DOTALL)
    assert block is not None
    lines = [line for line in block[1].splitlines() if line.startswith("raiway ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


def test_from_files_to_a_measure_report(export: Path, tmp_path: Path):
    (tmp_path / "export").symlink_to(export)
    ran = []
    for words in commands(HEADING):
        raiway(*(OURS.get(word, word) for word in words), cwd=tmp_path)
        ran.append(words[0])
    assert len(ran) > 9
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["resourceType"] == "MeasureReport"
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert list((tmp_path / "tables").glob("*.csv"))
