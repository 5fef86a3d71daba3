"""The notebooks in docs run, and show what they are stored with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.lib.notebook import NOTEBOOKS, opened, outputs
from tests.unit.test_repo_hygiene import MACHINE_PATH


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_it_is_stored_with(path: Path, tmp_path: Path) -> None:
    """When this fails, look at the difference, then run `python -m tests.lib.notebook`."""
    notebook = opened(path)
    stored = [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    found = outputs(notebook, tmp_path)
    assert len(found) == len(stored)
    for fresh, old in zip(found, stored, strict=True):
        assert fresh == old
    assert any(_types(shown) & {"text/html"} for shown in found)
    assert any("vegalite" in name for shown in found for name in _types(shown))


def _types(shown: list[dict[str, Any]]) -> set[str]:
    return {name for each in shown for name in each.get("data", {})}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_path_and_no_patient(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not MACHINE_PATH.search(text)
    assert not re.search(r"SYN-[A-Z]+-\d+|\b[0-9a-f]{24}\b", text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_the_shape_of_format_4_5(path: Path) -> None:
    notebook = opened(path)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in notebook["cells"]:
        code = {"outputs", "execution_count"} if cell["cell_type"] == "code" else set()
        assert cell.keys() == {"cell_type", "id", "metadata", "source"} | code
