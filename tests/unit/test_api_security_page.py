"""docs/security.md: its settings are read, and the tests that it names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapter.config import load
from tests.lib.needs import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
SETTINGS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_has_settings() -> None:
    assert len(SETTINGS) == 3


@pytest.mark.parametrize("text", SETTINGS)
def test_its_settings_are_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "raiway.toml").write_text(text)
    load(tmp_path / "raiway.toml")


def test_the_tests_that_it_names_are_there() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and line.count("|") == 4]
    named = {
        (kind.strip(), name)
        for row in rows
        for kind, name in re.findall(r"(unit )?`([a-z_]+)`", row.split("|")[3])
    }
    assert len(named) > 10
    for kind, name in named:
        folder = "unit" if kind else "integration"
        assert (ROOT / "tests" / folder / f"test_api_security_{name}.py").is_file(), (kind, name)
