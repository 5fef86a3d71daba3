"""Every scenario of `pull.md` 2.2 about exports has its test."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.integration import test_pull_bulk, test_pull_bulk_files, test_pull_bulk_manifest

BLOCKS = {
    "Kick-off and polling": test_pull_bulk,
    "Manifest": test_pull_bulk_manifest,
    "Files": test_pull_bulk_files,
}


def scenarios(text: str, block: str) -> list[str]:
    """The names in the first column of a block of the table."""
    rows = text.partition(f"|**{block}**|")[2].partition("\n|**")[0].splitlines()[1:]
    cells = [row.split("|")[1] for row in rows if row.startswith("|")]
    return [name.strip(" *\\") for cell in cells for name in cell.split(",")]


def covered(module: ModuleType) -> set[str]:
    """The scenarios that a module's tests are named after, or name themselves."""
    tests = {name: each for name, each in vars(module).items() if name.startswith("test_")}
    named = {name.removeprefix("test_").replace("_", "-") for name in tests}
    said = {name for each in tests.values() for name in re.findall(r"[\w-]+", each.__doc__ or "")}
    return named | said


@pytest.mark.parametrize("block", BLOCKS)
def test_no_scenario_is_missing(shared: Path, block: str):
    wanted = scenarios((shared / "pull.md").read_text(encoding="utf-8"), block)
    assert len(wanted) >= 10
    missing = set(wanted) - covered(BLOCKS[block])
    assert not missing
