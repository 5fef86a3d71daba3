"""bin/demo and bin/test say what is missing before they do anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.lib.needs import ROOT, program


def find_python(python: str) -> subprocess.CompletedProcess[str]:
    """What `find_python` of bin/lib.sh prints when told to take this interpreter."""
    return subprocess.run(
        [program("bash"), "-c", "set -euo pipefail; . bin/lib.sh; find_python"],
        cwd=ROOT,
        env={"PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_python_that_is_new_enough_is_taken() -> None:
    found = find_python(sys.executable)
    assert (found.returncode, found.stdout.strip()) == (0, sys.executable)


def test_an_old_python_is_refused_by_name_and_version(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\n')
    old.chmod(0o755)

    refused = find_python(str(old))

    assert refused.returncode == 2
    assert "needs Python 3.11 or newer" in refused.stderr
    assert "Python 3.9.2" in refused.stderr


def test_a_python_that_is_not_there_is_refused() -> None:
    refused = find_python("no-such-python")
    assert refused.returncode == 2
    assert "needs Python 3.11 or newer" in refused.stderr


@pytest.mark.parametrize(
    ("log", "shared", "said"),
    [
        ("9 passed in 1.0s", True, "0 skipped"),
        ("7 passed, 2 skipped in 1.0s", True, "2 skipped, for the reasons above"),
        (
            "12 passed, 31 skipped, 1 warning in 1.0s",
            False,
            "31 skipped, for the reasons above; ../shared, the reference material, is missing",
        ),
    ],
)
def test_what_a_run_left_out_is_said(tmp_path: Path, log: str, shared: bool, said: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    if shared:
        (tmp_path / "shared").mkdir()
    (project / "log").write_text(f"SKIPPED [2] a.py:1: why\n{log}\n", encoding="utf-8")
    done = subprocess.run(
        [program("bash"), "-c", f"set -euo pipefail; . {ROOT}/bin/lib.sh; left_out log"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{said}\n"
