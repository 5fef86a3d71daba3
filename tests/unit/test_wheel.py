"""The wheel carries code and data, and the data can be read from where it is installed."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.lib.needs import ROOT

READ_MAPPINGS = """
import importlib.resources
folder = importlib.resources.files("mappings")
print((folder / "study" / "redifferentiation.toml").read_text(encoding="utf-8"), end="")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as hatchling builds it from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("raiway-*.whl")
    return built


def test_it_holds_the_three_folders_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "adapter",
        "analytics",
        "mappings",
    }
    assert {"adapter/py.typed", "analytics/py.typed"} <= set(names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_it_holds_every_file_of_code_and_data(wheel: Path) -> None:
    expected = {
        path.relative_to(ROOT).as_posix()
        for folder in ("adapter", "analytics", "mappings")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert expected <= set(zipfile.ZipFile(wheel).namelist())


def test_mappings_are_read_from_where_it_is_installed(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    # -S leaves out site-packages, whose editable install would show this tree's own mappings.
    read = subprocess.run(
        [sys.executable, "-S", "-c", READ_MAPPINGS],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert read.stdout == (ROOT / "mappings/study/redifferentiation.toml").read_text()
