"""The help: quick to come, with an example for every command, and in step with the README."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from adapter.cli.app import application
from tests.lib.needs import ROOT

app = application()

HEAVY = {"adbc_driver_manager", "fhir", "fhirpathpy", "numpy", "pandas", "pyarrow", "scipy"} | {
    "sqlalchemy",
    "sqlmodel",
    "lifelines",
}
NAME_IMPORTS = """
import sys
from adapter.cli import main
try:
    main()
finally:
    print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""
COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]  # it is a group


@pytest.mark.parametrize("arguments", [["--help"], ["evaluate", "--help"], ["--version"]])
def test_help_imports_no_engine(arguments: list[str]):
    done = subprocess.run(
        [sys.executable, "-c", NAME_IMPORTS, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    imported = set(done.stderr.split())
    assert "typer" in imported
    assert not imported & HEAVY


def test_the_verbs_are_those_of_the_contract():
    assert COMMANDS == [
        "check",
        "cohort",
        "coverage",
        "deidentify",
        "demo",
        "doctor",
        "evaluate",
        "export",
        "ingest",
        "init",
        "keys",
        "network",
        "pool",
        "pull",
        "report",
        "secure-sum",
        "sensitivity",
        "serve",
        "submit",
        "table-one",
        "users",
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_and_the_common_options(command: str):
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "120"})
    assert shown.exit_code == 0
    assert f"Example: raiway {command}" in shown.stdout
    for option in ("--config", "--json", "--quiet", "--verbose", "--no-color"):
        assert option in shown.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"raiway {command}" in readme or f"bin/{command}" in readme
