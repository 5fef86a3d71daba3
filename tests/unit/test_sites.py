"""A site's file: its zone, its maps, its units; and which of several statements holds."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from adapter.config import Settings
from adapter.definitions import load
from adapter.errors import DefinitionError
from adapter.runs import site_mapper
from adapter.sites import SiteProfile, at_site, profile


def test_a_sites_file_says_zone_maps_and_units(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        'timezone = "Europe/Berlin"\nconcept_maps = ["lab.json"]\n'
        '[units]\nTg = "ng/mL"\n[molar_mass_kda]\nTg = "660"\n'
    )
    found = profile("a", str(tmp_path / "a.toml"))
    assert found.timezone == "Europe/Berlin"
    assert found.concept_maps == (tmp_path / "lab.json",)
    there = at_site(load(), found)
    assert there.units["Tg"].factor("") == 1
    assert there.units["Tg"].factor("pmol/L") == Decimal("0.66")
    assert there.fingerprint != load().fingerprint


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("timezon = 'UTC'", "unknown key timezon"),
        ("timezone = 'Mars/Phobos'", "no time zone 'Mars/Phobos'"),
        ("units = 3", "units"),
        ("[molar_mass_kda]\nTg = 'heavy'", "molar_mass_kda"),
        ("[", "cannot be read as TOML"),
    ],
)
def test_a_wrong_site_file_is_refused_by_name(content: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(content)
    with pytest.raises(DefinitionError, match=complaint) as error:
        profile("a", str(tmp_path / "a.toml"))
    assert "a.toml" in error.value.where


@pytest.mark.parametrize(
    ("site", "complaint"),
    [
        (SiteProfile(units={"Tgg": "ng/mL"}), "no unit table 'Tgg'"),
        (SiteProfile(units={"Tg": "furlong"}), "unknown unit 'furlong'"),
        (SiteProfile(units={"Tg": "pmol/L"}), "unknown unit 'pmol/L'"),
        (SiteProfile(molar_mass_kda={"TSH": Decimal(28)}), "no use for a molar mass"),
        (SiteProfile(molar_mass_kda={"Tg": Decimal(0)}), "no use for a molar mass"),
    ],
)
def test_a_unit_that_nobody_knows_is_refused(site: SiteProfile, complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        at_site(load(), site)


def test_a_profile_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="no site profile 'nowhere'"):
        profile("a", "nowhere")
    with pytest.raises(DefinitionError, match="cannot be read"):
        profile("a", str(tmp_path / "nowhere.toml"))
    assert profile("nowhere") == SiteProfile()


@pytest.mark.parametrize(
    ("option", "in_settings", "in_file", "zone", "said"),
    [
        ("Asia/Tokyo", "America/New_York", "Europe/Berlin", "Asia/Tokyo", True),
        (None, "America/New_York", "Europe/Berlin", "America/New_York", True),
        (None, None, "Europe/Berlin", "Europe/Berlin", True),
        (None, None, None, "UTC", False),
    ],
)
def test_an_option_beats_the_settings_beat_the_sites_file(
    option: str | None,
    in_settings: str | None,
    in_file: str | None,
    zone: str,
    said: bool,
    tmp_path: Path,
) -> None:
    file = tmp_path / "a.toml"
    file.write_text(f'timezone = "{in_file}"' if in_file else "")
    stated = {"timezone": in_settings} if in_settings else {}
    settings = Settings.model_validate({"sites": [{"name": "A", "profile": str(file), **stated}]})
    found = site_mapper(settings, "A", timezone=option)
    assert (str(found.mapper.zone), found.zone_stated) == (zone, said)


def test_the_sites_units_reach_its_mapper(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('[units]\nTg = "ng/mL"\n')
    settings = Settings.model_validate({"sites": [{"name": "A", "profile": str(file)}]})
    assert site_mapper(settings, "A").mapper.definitions.units["Tg"].declared == "ng/mL"
    assert site_mapper(settings, "B").mapper.definitions.units["Tg"].declared == ""
