"""Settings: `raiway.toml` under environment variables (`RAIWAY_STORE__URL`), built once.

A command's own option beats both. Connections and settings live here; a site's codes and units
live in `mappings/`.
"""

from __future__ import annotations

import difflib
import tomllib
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

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        zone(name)
        return name


class Settings(BaseSettings):
    """All settings. Unknown keys are refused."""

    model_config = SettingsConfigDict(
        extra="forbid", env_prefix="RAIWAY_", env_nested_delimiter="__", frozen=True
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

    Raises ConfigurationError naming the key, and the key that was probably meant.
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
    try:
        return Settings(**stated)
    except ValidationError as error:
        raise _explained(error, file) from error


def _explained(error: ValidationError, file: Path) -> ConfigurationError:
    item = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] != "extra_forbidden":
        return ConfigurationError(f"{key}: {item['msg']}", where=str(file))
    known = [
        name
        for section in (Settings, StoreSettings, AnalysisSettings, ReportSettings, SiteSettings)
        for name in section.model_fields
    ]
    near = difflib.get_close_matches(str(item["loc"][-1]), known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    return ConfigurationError(f"{key} is not a setting", where=str(file), hint=hint)


def zone(name: str) -> ZoneInfo:
    """The time zone of this IANA name. Raises ConfigurationError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"no time zone {name!r}", hint="an IANA name such as America/New_York"
        ) from error
