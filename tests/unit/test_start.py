"""The file that `raiway init` writes: every setting, at its default."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel

from adapter.config import Limits, PrivacySettings, Settings, SiteSettings
from adapter.server_settings import ServerSettings
from adapter.start import IGNORED, TEMPLATE, start

_COMMENTED = re.compile(r"^# (?=[a-z_]+ = |\[sites\.)", re.MULTILINE)
# What stands there is an example, as the default is nothing at all.
EXAMPLES = {
    "timezone", "base_url", "extra_origins", "group", "client_id", "private_key", "kid",
    "token_url", "token", "username", "password", "headers", "proxy", "ca_file", "client_cert",
    "client_cert_key", "types", "type_filter",
}  # fmt: skip
PRIVATE_EXAMPLES = {"id_key", "shift_key"}


def test_the_template_as_it_stands_is_the_default():
    stated = tomllib.loads(TEMPLATE)
    assert set(stated) == set(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, ServerSettings):
            assert ServerSettings.model_validate(stated[name]) == field.default
        elif isinstance(field.default, BaseModel):
            assert stated[name] == field.default.model_dump(mode="json")
    # A zone that is stated silences the warning that none is: the template states none.
    (site,) = stated["sites"]
    assert SiteSettings.model_validate(site).model_dump() == SiteSettings(name="A").model_dump()
    assert "timezone" not in site


def test_without_its_comment_marks_the_template_has_every_setting_at_its_default():
    (site,) = tomllib.loads(_COMMENTED.sub("", TEMPLATE[TEMPLATE.index("\n[[sites]]") :]))["sites"]
    assert set(site) == set(SiteSettings.model_fields)
    assert set(site["limits"]) == set(Limits.model_fields)
    assert set(site["privacy"]) == set(PrivacySettings.model_fields)
    found = SiteSettings.model_validate(site)
    for key in SiteSettings.model_fields.keys() - EXAMPLES - {"name", "privacy"}:
        assert getattr(found, key) == getattr(SiteSettings(name="A"), key), key
    for key in PrivacySettings.model_fields.keys() - PRIVATE_EXAMPLES:
        assert getattr(found.privacy, key) == getattr(PrivacySettings(), key), key


def test_every_setting_is_explained():
    lines = TEMPLATE.splitlines()
    setting = re.compile(r"(# )?[a-z_]+ = ")
    unexplained = [
        line
        for before, line in pairwise(lines)
        if setting.match(line) and (setting.match(before) or not before.startswith("# "))
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
