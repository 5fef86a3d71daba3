"""What a site's data needs to be read: `mappings/site/<name>.toml`, or the site's own file.

Keys: `title`; `extends` (a profile of mappings/site/ to build on); `timezone` (IANA);
`concept_maps` (paths beside the file); `[systems]` (a code system as the server sends it -> the
name by which ConceptMaps call it), where `{tenant}` stands for each of the site's `tenants`;
`[units]` (analyte -> the unit of its values that come without one); `unit_from_reference_range`
(such values are in the unit of their reference range); `[molar_mass_kda]` (analyte -> the molar
mass by which the site's laboratory turns moles into mass). Any other key is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from adapter import artifacts, config, mapping_files
from adapter.definitions import Definitions, load
from adapter.errors import ConfigurationError, DefinitionError, InvalidValue

TENANT = "{tenant}"


class SiteProfile(BaseModel):
    """A site's file; all of it may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = ""
    extends: str = ""
    timezone: str | None = None
    concept_maps: tuple[Path, ...] = ()
    tenants: tuple[str, ...] = ()
    systems: Mapping[str, str] = Field(default_factory=dict)
    units: Mapping[str, str] = Field(default_factory=dict)
    unit_from_reference_range: bool | None = None
    molar_mass_kda: Mapping[str, Decimal] = Field(default_factory=dict)

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str | None) -> str | None:
        if name is not None:
            config.zone(name)
        return name

    def over(self, base: SiteProfile) -> SiteProfile:
        """This file on top of the one that it extends: what it states holds, lists add up."""
        zone, of_range = self.timezone, self.unit_from_reference_range
        return SiteProfile(
            title=self.title or base.title,
            timezone=base.timezone if zone is None else zone,
            concept_maps=(*base.concept_maps, *self.concept_maps),
            tenants=(*base.tenants, *self.tenants),
            systems={**base.systems, **self.systems},
            units={**base.units, **self.units},
            unit_from_reference_range=(
                base.unit_from_reference_range if of_range is None else of_range
            ),
            molar_mass_kda={**base.molar_mass_kda, **self.molar_mass_kda},
        )

    def spelled(self) -> Iterator[tuple[str, str]]:
        """(code system as sent, its name), once for each tenant where the system has one."""
        for sent, name in self.systems.items():
            if TENANT in sent:
                yield from ((sent.replace(TENANT, tenant), name) for tenant in self.tenants)
            else:
                yield sent, name


def shipped() -> dict[str, Path]:
    """The profiles of mappings/site/ by name."""
    return {
        file.name.removesuffix(".toml"): Path(str(file))
        for file in artifacts.listing(mapping_files.root() / "site", ".toml")
    }


def profile(site: str, stated: str = "") -> SiteProfile:
    """The profile of a site: `stated` is the path of a .toml or a name in mappings/site/.

    Without one, the shipped file of the site's name counts, if there is one. Raises
    DefinitionError for a file that is missing or cannot be used.
    """
    if stated.endswith(".toml"):
        return _extended(_read(Path(stated), stated), stated)
    known, name = shipped(), stated or site
    if name in known:
        where = f"mappings/site/{name}.toml"
        return _extended(_read(known[name], where), where)
    if stated:
        raise _no_profile(stated, known)
    return SiteProfile()


def _extended(found: SiteProfile, where: str) -> SiteProfile:
    """The file on top of the shipped one that it names; shipped ones extend none themselves."""
    if found.extends:
        known = shipped()
        if found.extends not in known:
            raise _no_profile(found.extends, known, where)
        found = found.over(_read(known[found.extends], f"mappings/site/{found.extends}.toml"))
    if found.tenants and not any(TENANT in sent for sent in found.systems):
        raise DefinitionError(
            f"tenants are stated, but no code system has {TENANT}",
            where=where,
            hint='extends = "epic", or a [systems] of its own',
        )
    return found


def _no_profile(name: str, known: Iterable[str], where: str = "") -> DefinitionError:
    listed = ", ".join(known) or "none"
    return DefinitionError(
        f"no site profile {name!r}",
        where=where,
        hint=f"shipped: {listed}; a file of your own ends in .toml",
    )


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


def definitions_of(profile: SiteProfile, concept_maps: Iterable[Path] = ()) -> Definitions:
    """The definitions with all that a site adds. Raises DefinitionError."""
    maps = tuple(dict.fromkeys((*profile.concept_maps, *concept_maps)))
    return at_site(load(maps, tuple(profile.spelled())), profile)


def at_site(definitions: Definitions, profile: SiteProfile) -> Definitions:
    """The definitions with the site's units. Raises DefinitionError for a unit nobody knows."""
    stated = {*profile.units, *profile.molar_mass_kda}
    of_range = bool(profile.unit_from_reference_range)
    if not stated and not of_range:
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
    tables = {name: replace(table, of_range=of_range) for name, table in tables.items()}
    asked = {"units", "molar_mass_kda"} | ({"unit_from_reference_range"} if of_range else set())
    text = definitions.fingerprint + profile.model_dump_json(include=asked)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    return replace(definitions, units=tables, fingerprint=fingerprint)
