"""Profiles of servers: what a site's file builds on, whose ids are read, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapter.config import Settings
from adapter.definitions import load
from adapter.doctor import checks
from adapter.errors import DefinitionError
from adapter.runs import site_mapper
from adapter.sites import SiteProfile, at_site, definitions_of, profile, shipped
from adapter.start import TEMPLATE
from tests.lib.needs import ROOT

NAMES = sorted(shipped())


def _own(folder: Path, content: str) -> str:
    file = folder / "own.toml"
    file.write_text(content, encoding="utf-8")
    return str(file)


def test_the_profiles_that_there_are() -> None:
    assert NAMES == ["epic", "mii", "oracle"]


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_profile_loads_as_it_is_and_is_named_where_users_look(name: str) -> None:
    found = profile("A", name)
    assert found.title
    assert definitions_of(found).views
    assert name in TEMPLATE
    assert f'profile = "{name}"' in (ROOT / "docs" / "vendors.md").read_text(encoding="utf-8")
    (line,) = [check for check in checks(None, None) if check.name == "profiles"]
    assert name in line.found.split(", ")


def test_every_map_in_the_folder_is_named_by_a_profile() -> None:
    named = {path.name for name in NAMES for path in profile("A", name).concept_maps}
    assert named == {path.name for path in (ROOT / "mappings" / "site").glob("*.json")}


def test_a_sites_file_builds_on_a_profile(tmp_path: Path) -> None:
    (tmp_path / "lab.json").touch()
    found = profile(
        "A",
        _own(
            tmp_path,
            'extends = "mii"\nconcept_maps = ["lab.json"]\n[units]\nTg = "ng/mL"\n'
            '[systems]\n"urn:lis:4" = "urn:lis"\n',
        ),
    )
    assert (found.title, found.timezone) == (profile("A", "mii").title, "Europe/Berlin")
    maps = [path.name for path in found.concept_maps]
    assert maps == ["mii-lab-name.json", "mii-dktk.json", "lab.json"]
    assert found.units == {"Tg": "ng/mL"}
    assert list(found.spelled()) == [("urn:lis:4", "urn:lis")]


def test_what_the_sites_file_states_beats_the_profile(tmp_path: Path) -> None:
    stated = 'extends = "mii"\ntimezone = "Europe/Vienna"\n'
    assert profile("A", _own(tmp_path, stated)).timezone == "Europe/Vienna"
    stated = 'extends = "epic"\nunit_from_reference_range = false\n'
    found = at_site(load(), profile("A", _own(tmp_path, stated)))
    assert not found.units["Tg"].of_range
    assert at_site(load(), profile("A", "epic")).units["Tg"].of_range


def test_a_system_is_spelled_once_for_each_tenant(tmp_path: Path) -> None:
    stated = 'extends = "oracle"\ntenants = ["t1", "t2"]\n'
    spelled = list(profile("A", _own(tmp_path, stated)).spelled())
    events = [sent for sent, name in spelled if name == "urn:raiway:oracle:event"]
    assert events == [f"https://fhir.cerner.com/{t}/codeSet/72" for t in ("t1", "t2")]
    # Without a tenant the profile knows nobody's ids.
    assert list(profile("A", "oracle").spelled()) == []


def test_whose_ids_are_read_changes_the_fingerprint(tmp_path: Path) -> None:
    def fingerprint(tenant: str) -> str:
        stated = f'extends = "oracle"\ntenants = ["{tenant}"]\n'
        return definitions_of(profile("A", _own(tmp_path, stated))).fingerprint

    assert fingerprint("t1") == fingerprint("t1") != fingerprint("t2")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('extends = "cerner"', "no site profile 'cerner'"),
        ('extends = "epic"\nsystem = "x"', "unknown key system"),
        ('extends = "epic"\nunit_from_reference_range = "maybe"', "unit_from_reference_range"),
        ('extends = "epic"\n[units]\nTgg = "ng/mL"', "no unit table 'Tgg'"),
        ('tenants = ["283.2"]', r"no code system has \{tenant\}"),
        ('extends = "epic"\ntenants = "283.2"', "tenants"),
        ('concept_maps = ["nowhere.json"]', "cannot be read"),
    ],
)
def test_a_wrong_file_is_refused(content: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        definitions_of(profile("A", _own(tmp_path, content)))


@pytest.mark.parametrize("stated", ["cerner", "Epic"])
def test_an_unknown_profile_lists_those_that_there_are(stated: str) -> None:
    with pytest.raises(DefinitionError, match=f"no site profile '{stated}'") as error:
        site_mapper(Settings(), "A", profile=stated)
    assert re.search(r"\bepic, mii, oracle\b", error.value.hint)


def test_the_profile_of_the_command_beats_that_of_the_settings() -> None:
    settings = Settings.model_validate({"sites": [{"name": "A", "profile": "mii"}]})
    assert str(site_mapper(settings, "A").mapper.zone) == "Europe/Berlin"
    chosen = site_mapper(settings, "A", profile="epic")
    assert (str(chosen.mapper.zone), chosen.zone_stated) == ("UTC", False)
    assert chosen.mapper.definitions.units["Tg"].of_range


def test_a_profile_without_units_leaves_the_tables() -> None:
    assert at_site(load(), SiteProfile(title="x")) is load()
