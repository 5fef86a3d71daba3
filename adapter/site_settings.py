"""The settings of one site: where its data comes from, how it is asked for, what guards it.

Keys and defaults: `docs/` and the comments that `raiway init` writes. Secrets are never values
here: `private_key`, `token`, `username`, `password`, `id_key` and `shift_key` name a file or, as
"env:NAME", an environment variable.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from adapter.errors import ConfigurationError

ENVIRONMENT = "env:"
SECRETS = ("private_key", "token", "username", "password")
PRIVACY_SECRETS = ("id_key", "shift_key")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_RESERVED_HEADERS = {"authorization", "accept", "content-type", "cookie", "host", "prefer"}


class Section(BaseModel):
    """A table of the settings' file: unknown keys are refused, values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def duration(stated: Any) -> timedelta:
    """ "90s", "5m", "12h", "2d" as a length of time. Raises ValueError."""
    if isinstance(stated, timedelta):
        return stated
    found = (
        re.fullmatch(r"(\d{1,6})\s*([smhd])", stated.strip()) if isinstance(stated, str) else None
    )
    if not found:
        raise ValueError('a length of time is a number with s, m, h or d, such as "5m" or "12h"')
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Duration = Annotated[timedelta, BeforeValidator(duration)]


def _named_secret(stated: str) -> str:
    """A file's path or "env:NAME". What is plainly a secret itself is refused, and not repeated."""
    if "-----BEGIN" in stated or "\n" in stated or stated.startswith(("eyJ", "{")):
        raise ValueError('a secret does not belong here: give its file, or "env:NAME"')
    return stated


Secret = Annotated[str, BeforeValidator(_named_secret)]


class Limits(Section):
    """Bounds of one run of a pull. Sizes are of decoded content."""

    concurrency: int = Field(default=5, ge=1, le=64)
    page_mb: int = Field(default=64, ge=1)
    line_mb: int = Field(default=64, ge=1)
    run_gb: int = Field(default=200, ge=1)
    deadline: Duration = timedelta(hours=12)
    retry_after_max: Duration = timedelta(minutes=10)


class PrivacySettings(Section):
    """What is kept of a patient's data before anything is stored."""

    mode: Literal["identified", "limited", "safe_harbor"] = "limited"
    date_shift: bool = False
    id_key: Secret = ""
    shift_key: Secret = ""
    rules: str = "builtin"
    keep_text: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ("us-core-race", "us-core-ethnicity", "us-core-birthsex")


class SiteSettings(Section):
    """One site whose data is pulled or loaded."""

    name: str
    timezone: str = "UTC"
    concept_maps: tuple[Path, ...] = ()
    profile: str = ""
    """A file of mappings/site/ by its name, or the path of the site's own .toml; '' is the file
    of the site's name, if there is one."""

    base_url: str = ""
    """The FHIR server's base. '' is a site that only loads local files."""
    extra_origins: tuple[str, ...] = ()
    """Other hosts that may be asked, and may see the token: https://files.a.example"""
    mode: Literal["bulk", "crawl", "files"] = "bulk"
    export_level: Literal["group", "patient", "system"] = "group"
    group: str = ""
    server: str = ""
    """How the server is searched: a file of mappings/server/ by its name, or the path of the site's
    own .toml; '' is what its CapabilityStatement tells."""

    auth: Literal["smart", "bearer", "basic", "none"] = "smart"
    client_id: str = ""
    private_key: Secret = ""
    kid: str = ""
    alg: Literal["ES384", "RS384"] = "ES384"
    scope: str = "auto"
    token_url: str = ""
    """Instead of the token endpoint that the server's smart-configuration states."""
    token: Secret = ""
    username: Secret = ""
    password: Secret = ""
    headers: dict[str, str] = Field(default_factory=dict)
    """What a vendor wants with every request (Epic-Client-ID); sent to `base_url` only."""

    proxy: str = ""
    """The way out of the hospital's network: http://proxy.hospital.example:3128"""
    ca_file: Path | None = None
    client_cert: Path | None = None
    client_cert_key: Secret = ""
    verify_tls: bool = True

    types: tuple[str, ...] = ()
    type_filter: tuple[str, ...] = ()
    list_style: Literal["comma", "repeat"] = "comma"
    since: str = "auto"
    overlap: Duration = timedelta(minutes=5)
    limits: Limits = Limits()
    privacy: PrivacySettings = PrivacySettings()

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        zone(name)
        return name

    @field_validator("since")
    @classmethod
    def _since_is_known(cls, stated: str) -> str:
        if stated in {"auto", "none"}:
            return stated
        try:
            instant = datetime.fromisoformat(stated)
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            raise ValueError(
                '"auto" (the last good pull), "none", or an instant with its zone, such as '
                '"2026-10-01T00:00:00Z"'
            )
        return stated

    @field_validator("proxy")
    @classmethod
    def _proxy_is_plain(cls, stated: str) -> str:
        if stated and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+/?", stated):
            raise ValueError("a proxy is http://HOST:PORT, without a user")
        return stated

    @field_validator("headers")
    @classmethod
    def _headers_are_vendors(cls, stated: dict[str, str]) -> dict[str, str]:
        if reserved := sorted(name for name in stated if name.lower() in _RESERVED_HEADERS):
            raise ValueError(
                f"{', '.join(reserved)} cannot be set here; see auth, token, client_id"
            )
        return stated


def zone(name: str) -> ZoneInfo:
    """The time zone of this IANA name. Raises ConfigurationError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"no time zone {name!r}", hint="an IANA name such as America/New_York"
        ) from error


def beside(folder: Path, site: SiteSettings) -> SiteSettings:
    """The site with its relative paths taken from this folder.

    Unset ones stay unset: whether a zone was stated is asked of `model_fields_set`.
    """
    changed: dict[str, Any] = {
        "concept_maps": tuple(folder / path for path in site.concept_maps),
        "ca_file": _path(folder, site.ca_file),
        "client_cert": _path(folder, site.client_cert),
        **{name: _secret(folder, getattr(site, name)) for name in (*SECRETS, "client_cert_key")},
        "privacy": _private(folder, site.privacy),
    }
    for name in ("profile", "server"):
        if getattr(site, name).endswith(".toml"):
            changed[name] = str(folder / getattr(site, name))
    return site.model_copy(
        update={name: value for name, value in changed.items() if name in site.model_fields_set}
    )


def _path(folder: Path, path: Path | None) -> Path | None:
    return None if path is None else folder / path


def _secret(folder: Path, stated: str) -> str:
    return stated if not stated or stated.startswith(ENVIRONMENT) else str(folder / stated)


def _private(folder: Path, privacy: PrivacySettings) -> PrivacySettings:
    changed = {name: _secret(folder, getattr(privacy, name)) for name in PRIVACY_SECRETS}
    if privacy.rules != PrivacySettings().rules:
        changed["rules"] = str(folder / privacy.rules)
    return privacy.model_copy(
        update={name: value for name, value in changed.items() if name in privacy.model_fields_set}
    )
