"""Settings: `raiway.toml` under environment variables (`RAIWAY_STORE__URL`), built once.

A command's own option beats both. Connections and settings live here; a site's codes and units
live in `mappings/`.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from adapter import mapping_files
from adapter.errors import ConfigurationError
from adapter.registry_settings import (
    RegistrySettings,
    TrustSettings,
    registry_beside,
    trust_beside,
)
from adapter.server_settings import (
    ClientSettings,
    OpenIdSettings,
    SecureSumSettings,
    ServerLimits,
    ServerSettings,
    beside_file,
)
from adapter.site_settings import (
    ENVIRONMENT,
    Limits,
    PrivacySettings,
    Section,
    SiteSettings,
    beside,
    zone,
)

__all__ = ["Limits", "PrivacySettings", "Settings", "SiteSettings", "load", "zone"]

DEFAULT_FILE = Path("raiway.toml")
PREFIX, NESTED = "RAIWAY_", "__"


class StoreSettings(Section):
    """Where the analytic store is."""

    url: str = "sqlite:///raiway.db"


class AnalysisSettings(Section):
    """Which study is evaluated."""

    study: str = "redifferentiation"


class ReportSettings(Section):
    """Who reports, and under which canonical base."""

    reporter: str = "Organization/example-hospital"
    base: str = "https://raiway.example/fhir"


class MappingsSettings(Section):
    """A folder of the hospital's own, laid over the shipped `mappings/` (mappings/README.md)."""

    folder: str = ""


class LandingSettings(Section):
    """Where `pull` writes, and how long runs that are in a store stay there; 0: for ever."""

    folder: Path = Path("landing")
    keep_runs: int = Field(default=0, ge=0)
    keep_days: int = Field(default=0, ge=0)


TABLES: dict[str, type[BaseModel]] = {
    "store": StoreSettings,
    "landing": LandingSettings,
    "analysis": AnalysisSettings,
    "mappings": MappingsSettings,
    "report": ReportSettings,
    "server": ServerSettings,
    "registry": RegistrySettings,
    "trust": TrustSettings,
    "sites": SiteSettings,
}


class Settings(Section):
    """All settings. Unknown keys are refused."""

    store: StoreSettings = StoreSettings()
    landing: LandingSettings = LandingSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    mappings: MappingsSettings = MappingsSettings()
    report: ReportSettings = ReportSettings()
    server: ServerSettings = ServerSettings()
    registry: RegistrySettings = RegistrySettings()
    trust: TrustSettings = TrustSettings()
    sites: tuple[SiteSettings, ...] = Field(default=())

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
    _refuse_unknown_variables(stated)
    try:
        settings = _kind()(**stated)
    except ValidationError as error:
        raise _explained(error, file, stated) from error
    if settings.mappings.folder:
        _lay_over(file.parent / settings.mappings.folder)
    return settings.model_copy(update=_placed(settings, file.parent))


def _placed(settings: Settings, folder: Path) -> dict[str, Any]:
    """What holds relative paths, taken from this folder. Unset tables stay unset."""
    changed: dict[str, Any] = {"sites": tuple(beside(folder, site) for site in settings.sites)}
    stated = settings.model_fields_set
    if "server" in stated:
        changed["server"] = beside_file(folder, settings.server)
    if "registry" in stated:
        changed["registry"] = registry_beside(folder, settings.registry)
    if "trust" in stated:
        changed["trust"] = trust_beside(folder, settings.trust)
    if "folder" in settings.landing.model_fields_set:
        landing = {"folder": folder / settings.landing.folder}
        changed["landing"] = settings.landing.model_copy(update=landing)
    return changed


def _lay_over(folder: Path) -> None:
    """For the whole process, since what is defined does not depend on who asks."""
    if not folder.is_dir():
        raise ConfigurationError("mappings.folder: no such folder", where=str(folder))
    mapping_files.use(folder)


def _kind() -> type[Settings]:
    if not any(name.upper().startswith(PREFIX) for name in os.environ):
        return Settings
    from adapter.environment import SettingsOfEnvironment

    return SettingsOfEnvironment


def _refuse_unknown_variables(stated: dict[str, Any]) -> None:
    """A misspelt RAIWAY_ variable would otherwise be ignored, and another store be written."""
    known = [*_variables(), *_secrets(stated)]
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


def _secrets(stated: dict[str, Any]) -> list[str]:
    """The variables that the settings name as holding a secret: "env:RAIWAY_A_KEY"."""
    text = json.dumps(stated, default=str) + os.environ.get(f"{PREFIX}SITES", "")
    return sorted({name.upper() for name in re.findall(rf'"{ENVIRONMENT}(\w+)"', text)})


def _explained(error: ValidationError, file: Path, stated: dict[str, Any]) -> ConfigurationError:
    item = error.errors(include_url=False, include_input=False)[0]
    path = item["loc"]
    key = ".".join(_named(path, stated))
    if item["type"] != "extra_forbidden":
        what = item["msg"].removeprefix("Value error, ")
        return ConfigurationError(f"{key}: {what}", where=str(file))
    if len(path) == 1:
        what, known = f"[{key}] is not a table of the settings", [f"[{name}]" for name in TABLES]
        near = difflib.get_close_matches(key, TABLES, n=1)
        near = [f"[{name}]" for name in near] or _homes(key)
    else:
        what, known = f"{key} is not a setting", _keys(path)
        last = str(path[-1])
        near = difflib.get_close_matches(last, known, n=1) or _homes(last)
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
    return ConfigurationError(what, where=str(file), hint=hint)


def _named(path: tuple[int | str, ...], stated: dict[str, Any]) -> Iterator[str]:
    """The key's parts, a site by its name rather than by its number: sites.A.base_url."""
    value: Any = stated
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            value = None
        named = isinstance(part, int) and isinstance(value, dict) and value.get("name")
        yield str(named or part)


def _keys(path: tuple[int | str, ...]) -> list[str]:
    """The keys known where the last part of this path stands."""
    model: type[BaseModel] = TABLES[str(path[0])]
    for part in path[1:-1]:
        inner = None if isinstance(part, int) else model.model_fields[part].annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return list(model.model_fields)


def _homes(key: str) -> list[str]:
    """The tables' keys of this name: a key in the wrong table is the likeliest mistake."""
    tables: dict[str, type[BaseModel]] = {
        **TABLES,
        "sites.limits": Limits,
        "sites.privacy": PrivacySettings,
        "server.limits": ServerLimits,
        "server.clients": ClientSettings,
        "server.openid": OpenIdSettings,
        "server.secure_sum": SecureSumSettings,
    }
    return [f"{key} in [{table}]" for table, model in tables.items() if key in model.model_fields]
