"""The benchmark of the report, on the reference cohort."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from adapter.html_report.browser import program
from tests.lib.needs import ROOT


def test_it_tells_time_memory_and_size_of_each_report(tmp_path: Path):
    asked = ["--patients", "", "--work", str(tmp_path), "--json"]
    command = [sys.executable, "-m", "benchmarks.report", *asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    told = json.loads(done.stdout)
    assert told["machine"]["cores"] > 0
    runs = {run["way"]: run for run in told["runs"]}
    assert set(runs) == {"patient", "aggregate", "interactive"}
    for run in runs.values():
        assert run["enrolled"] == 16
        assert min(run["wall"], run["cpu"], run["peak_bytes"], run["gzipped"]) > 0
        assert (run["ready"] > 0 and run["nodes"] > 100) or program() is None
    assert runs["patient"]["bytes"] < 600_000 < runs["interactive"]["bytes"]
    assert runs["aggregate"]["bytes"] < runs["patient"]["bytes"]
