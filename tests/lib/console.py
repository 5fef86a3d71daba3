"""`raiway` run from outside, as a user runs it; every run is searched for traces and patients."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RAIWAY = Path(sys.executable).with_name("raiway")

SYNTHETIC_PATIENT = re.compile(r"SYN-[A-Z]+-\d+")

SECONDS = 240
"""A cluster of two workers takes 93 s to start and work on a busy machine (measured)."""


@dataclass(frozen=True)
class Run:
    """What a command said and its exit code."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def figures(self) -> dict[str, Any]:
        figures: dict[str, Any] = self.json["figures"]
        return figures


def environment(**added: str) -> dict[str, str]:
    """This process's environment without settings of Raiway's own, wide enough not to wrap."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("RAIWAY_")}
    return {**own, "COLUMNS": "200", **added}


def raiway(*arguments: object, cwd: Path, expect: int = 0, **added: str) -> Run:
    """Run the console script. Fails on another exit code, and on what no run may ever say."""
    done = subprocess.run(
        [RAIWAY, *map(str, arguments)],
        cwd=cwd,
        env=environment(**added),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == expect, f"exit code {done.returncode}: {done.stderr}"
    assert "Traceback" not in done.stdout + done.stderr
    assert "this is a bug" not in done.stderr
    assert not SYNTHETIC_PATIENT.search(done.stderr), "a patient is named on stderr"
    return Run(done.returncode, done.stdout, done.stderr)
