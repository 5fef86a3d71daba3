"""bin/demo and bin/test say what is missing before they do anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
