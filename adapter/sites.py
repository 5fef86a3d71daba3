"""What a site's data needs to be read: `mappings/site/<name>.toml`, or the site's own file.

Keys: `timezone` (IANA), `concept_maps` (paths beside the file), `[units]` (analyte -> the unit of
its values that come without one), `[molar_mass_kda]` (analyte -> the molar mass by which the site's
laboratory turns moles into mass). Any other key is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from adapter import artifacts, config
from adapter.definitions import Definitions
from adapter.errors import ConfigurationError, DefinitionError, InvalidValue


class SiteProfile(BaseModel):
    """A site's file; all of it may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timezone: str | None = None
    concept_maps: tuple[Path, ...] = ()
    units: Mapping[str, str] = Field(default_factory=dict)
    molar_mass_kda: Mapping[str, Decimal] = Field(default_factory=dict)

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str | None) -> str | None:
        if name is not None:
            config.zone(name)
        return name


def profile(site: str, stated: str = "") -> SiteProfile:
    """The profile of a site: `stated` is the path of a .toml or a name in mappings/site/.

    Without one, the shipped file of the site's name counts, if there is one. Raises
    DefinitionError for a file that is missing or cannot be used.
    """
    if stated.endswith(".toml"):
        return _read(Path(stated), stated)
    shipped = {
        file.name.removesuffix(".toml"): Path(str(file))
        for file in artifacts.listing(files("mappings") / "site", ".toml")
    }
    name = stated or site
    if name in shipped:
        return _read(shipped[name], f"mappings/site/{name}.toml")
    if stated:
        known = ", ".join(shipped) or "none"
        raise DefinitionError(
            f"no site profile {stated!r}",
            hint=f"shipped: {known}; a file of your own ends in .toml",
        )
    return SiteProfile()


def _read(file: Path, where: str) -> SiteProfile:
    stated = artifacts.read_toml(file)
    try:
        found = SiteProfile.model_validate(stated)
    except ConfigurationError as error:
        raise DefinitionError(error.what, where=where, hint=error.hint) from error
    except ValidationError as error:
        item = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in item["loc"])
        what = (
            f"unknown key {key}" if item["type"] == "extra_forbidden" else f"{key}: {item['msg']}"
        )
        known = ", ".join(SiteProfile.model_fields)
        raise DefinitionError(what, where=where, hint=f"known: {known}") from error
    beside = tuple(file.parent / path for path in found.concept_maps)
    return found.model_copy(update={"concept_maps": beside})


def at_site(definitions: Definitions, profile: SiteProfile) -> Definitions:
    """The definitions with the site's units. Raises DefinitionError for a unit nobody knows."""
    stated = {*profile.units, *profile.molar_mass_kda}
    if not stated:
        return definitions
    tables = dict(definitions.units)
    for name in sorted(stated):
        if name not in tables:
            known = ", ".join(sorted(tables))
            raise DefinitionError(f"no unit table {name!r}", hint=f"there are: {known}")
        try:
            tables[name] = tables[name].at_site(
                profile.units.get(name, ""), profile.molar_mass_kda.get(name)
            )
        except InvalidValue as error:
            raise DefinitionError(error.what, where="a site's file", hint=error.hint) from error
    text = definitions.fingerprint + profile.model_dump_json(include={"units", "molar_mass_kda"})
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    return replace(definitions, units=tables, fingerprint=fingerprint)
