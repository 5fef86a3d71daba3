"""Settings: relative paths, and the hint at what was probably meant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapter import config
from adapter.errors import ConfigurationError


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A raiway.toml to write, in a folder that is not the working one; no variable is set."""
    for name in [name for name in os.environ if name.upper().startswith("RAIWAY_")]:
        monkeypatch.delenv(name)
    return tmp_path / "raiway.toml"


def test_paths_are_taken_from_the_folder_of_the_file(toml: Path):
    absolute = toml.parent / "elsewhere.json"
    toml.write_text(
        f'[[sites]]\nname = "A"\nconcept_maps = ["own/map.json", "{absolute}"]\n'
        'profile = "own/A.toml"\n[[sites]]\nname = "B"\nprofile = "shipped"\n',
        encoding="utf-8",
    )
    first, second = config.load(toml).sites
    assert first.concept_maps == (toml.parent / "own/map.json", absolute)
    assert first.profile == str(toml.parent / "own/A.toml")
    assert second.profile == "shipped"
    assert "timezone" not in first.model_fields_set


KNOWN = (
    "known here: [store], [landing], [analysis], [mappings], [report], [server], [registry], "
    "[trust], [sites]"
)


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("[stor]", "[stor] is not a table", "did you mean [store]?"),
        ('url = "x"', "[url] is not a table", "did you mean url in [store]?"),
        ("[zzz]", "[zzz] is not a table", KNOWN),
        ('[report]\nbas = "x"', "report.bas is not a setting", "did you mean base?"),
        ('[report]\nurl = "x"', "report.url is not a setting", "did you mean url in [store]?"),
        ("[store]\nzzz = 1", "store.zzz is not a setting", "known here: url"),
    ],
)
def test_tables_and_keys_are_told_apart(toml: Path, text: str, what: str, hint: str):
    toml.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as found:
        config.load(toml)
    assert found.value.what.startswith(what)
    assert found.value.hint == hint


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("RAIWAY_STORE_URL", "did you mean RAIWAY_STORE__URL?"),
        ("RAIWAY_REPORT__REPORTR", "did you mean RAIWAY_REPORT__REPORTER?"),
        ("RAIWAY_COLOUR", "known: RAIWAY_STORE__URL"),
    ],
)
def test_an_unknown_variable_is_refused(
    toml: Path, monkeypatch: pytest.MonkeyPatch, name: str, hint: str
):
    toml.write_text("", encoding="utf-8")
    monkeypatch.setenv(name, "sqlite:///other.db")
    with pytest.raises(ConfigurationError, match=f"{name} is not a setting") as found:
        config.load(toml)
    assert hint in found.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [("RAIWAY_STORE__URL", "sqlite:///b.db"), ("RAIWAY_STORE", '{"url": "sqlite:///b.db"}')],
)
def test_a_known_variable_is_taken(
    toml: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
):
    toml.write_text("", encoding="utf-8")
    monkeypatch.setenv(name, value)
    assert config.load(toml).store.url == "sqlite:///b.db"
