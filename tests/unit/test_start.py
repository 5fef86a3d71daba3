"""The file that `raiway init` writes: every setting, at its default."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel

from adapter.config import Settings, SiteSettings
from adapter.start import IGNORED, TEMPLATE, start


def test_the_template_has_every_setting_at_its_default():
    stated = tomllib.loads(TEMPLATE)
    assert set(stated) == set(Settings.model_fields)
    # A zone that is stated silences the warning that none is: the template states none.
    assert [set(site) for site in stated["sites"]] == [
        set(SiteSettings.model_fields) - {"timezone"}
    ]
    assert '# timezone = "America/New_York"' in TEMPLATE
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            assert stated[name] == field.default.model_dump()


def test_every_setting_is_explained():
    lines = TEMPLATE.splitlines()
    unexplained = [
        line
        for before, line in pairwise(lines)
        if "=" in line and not line.startswith("#") and not before.startswith("#")
    ]
    assert unexplained == []


def test_what_git_ignores_is_added_once(tmp_path: Path):
    ignore = tmp_path / ".gitignore"
    ignore.write_text("secrets/", encoding="utf-8")
    assert start(tmp_path / "raiway.toml") == [each for each in IGNORED if each != "secrets/"]
    assert start(tmp_path / "other.toml") == ["other.toml"]
    found = ignore.read_text(encoding="utf-8").split()
    assert sorted(found) == sorted([*IGNORED, "other.toml"])


def test_what_the_readme_has_the_user_make_is_ignored():
    assert {"export/", "*.ndjson*", "report.json", "raiway.toml"} <= set(IGNORED)
