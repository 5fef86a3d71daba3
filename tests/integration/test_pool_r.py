"""R itself, asked again: what the tests of pooling compare with is still what it gives."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.integration.test_r_judge import leaves
from tests.lib.needs import missing, program
from tests.lib.r_pooling import SCRIPT, csv_of, expected, five_sites


def test_r_gives_what_was_stored():
    path = program("Rscript")
    probe = 'quit(status = !all(c("survival", "jsonlite") %in% rownames(installed.packages())))'
    if subprocess.run([path, "-e", probe], capture_output=True, check=False, timeout=60).returncode:
        missing("an R package is not installed, survival or jsonlite")
    asked = subprocess.run(
        [path, str(SCRIPT)],
        input=csv_of(five_sites()).encode(), capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr.decode()
    fresh, stored = leaves(json.loads(asked.stdout)), leaves(expected())
    assert fresh.keys() == stored.keys()
    for name, value in stored.items():
        same = value if isinstance(value, str) else pytest.approx(value, rel=1e-9, abs=1e-12)
        assert fresh[name] == same, name
