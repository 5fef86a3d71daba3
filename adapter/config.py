"""Settings: `raiway.toml` under environment variables (`RAIWAY_STORE__URL`), built once.

A command's own option beats both. Connections and settings live here; a site's codes and units
live in `mappings/`.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from adapter.errors import ConfigurationError

DEFAULT_FILE = Path("raiway.toml")
PREFIX, NESTED = "RAIWAY_", "__"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(_Section):
    """Where the analytic store is."""

    url: str = "sqlite:///raiway.db"


class AnalysisSettings(_Section):
    """Which study is evaluated."""

    study: str = "redifferentiation"


class ReportSettings(_Section):
    """Who reports, and under which canonical base."""

    reporter: str = "Organization/example-hospital"
    base: str = "https://raiway.example/fhir"


class SiteSettings(_Section):
    """One site whose data is loaded."""

    name: str
    timezone: str = "UTC"
    concept_maps: tuple[Path, ...] = ()
    profile: str = ""
    """A file of mappings/site/ by its name, or the path of the site's own .toml; '' is the file
    of the site's name, if there is one."""

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        zone(name)
        return name


TABLES: dict[str, type[_Section]] = {
    "store": StoreSettings,
    "analysis": AnalysisSettings,
    "report": ReportSettings,
    "sites": SiteSettings,
}


class Settings(BaseSettings):
    """All settings. Unknown keys are refused."""

    model_config = SettingsConfigDict(
        extra="forbid", env_prefix=PREFIX, env_nested_delimiter=NESTED, frozen=True
    )

    store: StoreSettings = StoreSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    report: ReportSettings = ReportSettings()
    sites: tuple[SiteSettings, ...] = Field(default=())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment beats the file (which is given to the constructor)."""
        return env_settings, init_settings

    def site(self, name: str) -> SiteSettings | None:
        return next((site for site in self.sites if site.name == name), None)


def load(path: Path | None = None) -> Settings:
    """The settings of `raiway.toml` (of `path` if given) and the environment.

    Paths in the file are relative to its folder. Raises ConfigurationError naming the key or the
    environment variable, and the one that was probably meant.
    """
    file = path or DEFAULT_FILE
    stated: dict[str, Any] = {}
    if file.exists():
        try:
            stated = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise ConfigurationError(f"cannot be read: {error}", where=str(file)) from error
    elif path:
        raise ConfigurationError("no such file", where=str(path), hint="raiway init writes one")
    _refuse_unknown_variables()
    try:
        settings = Settings(**stated)
    except ValidationError as error:
        raise _explained(error, file) from error
    sites = tuple(_beside(file, site) for site in settings.sites)
    return settings.model_copy(update={"sites": sites})


def _beside(file: Path, site: SiteSettings) -> SiteSettings:
    """The site with its paths taken from the folder of the settings' file."""
    folder = file.parent
    changed: dict[str, Any] = {"concept_maps": tuple(folder / path for path in site.concept_maps)}
    if site.profile.endswith(".toml"):
        changed["profile"] = str(folder / site.profile)
    # Unset ones stay unset: whether a zone was stated is asked of `model_fields_set`.
    return site.model_copy(
        update={name: value for name, value in changed.items() if name in site.model_fields_set}
    )


def _refuse_unknown_variables() -> None:
    """A misspelt RAIWAY_ variable would otherwise be ignored, and another store be written."""
    known = list(_variables())
    for name in sorted(name for name in os.environ if name.upper().startswith(PREFIX)):
        # pydantic-settings takes a whole section, or a part of it, as JSON.
        if not any(each == name.upper() or each.startswith(f"{name.upper()}__") for each in known):
            near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.7)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise ConfigurationError(f"{name} is not a setting", where="environment", hint=hint)


def _variables() -> Iterator[str]:
    for table, model in TABLES.items():
        if table == "sites":
            yield f"{PREFIX}SITES"
        else:
            yield from (f"{PREFIX}{table}{NESTED}{key}".upper() for key in model.model_fields)


def _explained(error: ValidationError, file: Path) -> ConfigurationError:
    item = error.errors(include_url=False, include_input=False)[0]
    path = [str(part) for part in item["loc"]]
    key = ".".join(path)
    if item["type"] != "extra_forbidden":
        return ConfigurationError(f"{key}: {item['msg']}", where=str(file))
    if len(path) == 1:
        what, known = f"[{key}] is not a table of the settings", [f"[{name}]" for name in TABLES]
        near = difflib.get_close_matches(key, TABLES, n=1)
        near = [f"[{name}]" for name in near] or _homes(key)
    else:
        what, known = f"{key} is not a setting", list(TABLES[path[0]].model_fields)
        near = difflib.get_close_matches(path[-1], known, n=1) or _homes(path[-1])
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
    return ConfigurationError(what, where=str(file), hint=hint)


def _homes(key: str) -> list[str]:
    """The tables' keys of this name: a key in the wrong table is the likeliest mistake."""
    return [f"{key} in [{table}]" for table, model in TABLES.items() if key in model.model_fields]


def zone(name: str) -> ZoneInfo:
    """The time zone of this IANA name. Raises ConfigurationError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"no time zone {name!r}", hint="an IANA name such as America/New_York"
        ) from error
