"""Start-up stays light: what takes seconds to import is imported by the command that needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.lib.needs import ROOT

HEAVY = {"scipy", "pandas", "lifelines", "pyspark", "matplotlib", "fhir"}

LOADED = """
import sys
{statement}
print("loaded:", *sorted({{name.partition(".")[0] for name in sys.modules}}))
"""

HELP = """
import adapter.cli
sys.argv = ["raiway", "--help"]
try:
    adapter.cli.main()
except SystemExit as end:
    assert not end.code, end.code
"""


def loaded_by(statement: str) -> set[str]:
    """The top-level packages in memory after `statement` ran in a fresh interpreter."""
    run = subprocess.run(
        [sys.executable, "-c", LOADED.format(statement=statement)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return set(run.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("statement", ["import adapter.cli", HELP], ids=["import", "--help"])
def test_the_command_line_starts_without_heavy_libraries(statement: str) -> None:
    assert loaded_by(statement) & HEAVY == set()


def test_a_heavy_import_would_be_seen() -> None:
    assert loaded_by("import scipy.stats") & HEAVY == {"scipy"}
