"""Folders laid over one another: the first that has a file stands for the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.mapping_files import VARIABLE, Layered, root, use


@pytest.fixture
def layered(tmp_path: Path) -> Layered:
    for name, text in {
        "own/ValueSet/a.json": "own a",
        "own/ValueSet/c.json": "own c",
        "own/new/d.json": "own d",
        "shipped/ValueSet/a.json": "a",
        "shipped/ValueSet/b.json": "b",
        "shipped/coverage.toml": "coverage",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return Layered((tmp_path / "own", tmp_path / "shipped"), "mappings")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("ValueSet/a.json", "own a"),
        ("ValueSet/b.json", "b"),
        ("ValueSet/c.json", "own c"),
        ("new/d.json", "own d"),
        ("coverage.toml", "coverage"),
    ],
)
def test_a_file_is_the_first_folders_that_has_it(layered: Layered, path: str, text: str):
    assert layered.joinpath(path).read_text() == text
    assert layered.joinpath(*path.split("/")).read_text() == text
    folder, _, name = path.rpartition("/")
    assert ((layered / folder if folder else layered) / name).read_text() == text


def test_a_folder_lists_what_any_has_once(layered: Layered):
    assert sorted(item.name for item in (layered / "ValueSet").iterdir()) == [
        "a.json",
        "b.json",
        "c.json",
    ]
    assert sorted(item.name for item in layered.iterdir()) == ["ValueSet", "coverage.toml", "new"]


def test_what_none_has_is_neither_file_nor_folder(layered: Layered):
    for path in ("nothing", "ValueSet/nothing.json", "nothing/at/all"):
        assert not layered.joinpath(path).is_file()
        assert not layered.joinpath(path).is_dir()


def test_a_folder_cannot_be_read(layered: Layered):
    for read in (layered.read_text, layered.read_bytes, layered.open):
        with pytest.raises(IsADirectoryError):
            read()


def test_the_folder_in_use_is_laid_over_the_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv(VARIABLE, raising=False)
    study = root() / "study" / "redifferentiation.toml"
    shipped = study.read_text()
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "mine.toml").write_text("mine")
    monkeypatch.setenv(VARIABLE, "")
    use(tmp_path)
    assert (root() / "study" / "mine.toml").read_text() == "mine"
    assert (root() / "study" / "redifferentiation.toml").read_text() == shipped
