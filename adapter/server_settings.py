"""The settings of `raiway serve`: where it listens, who may ask, and what bounds them.

Secrets are never values here: `tls_key` and `session_key` name a file or, as "env:NAME", an
environment variable. Clients and users are registered by their public keys and password hashes.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from adapter.site_settings import ENVIRONMENT, Duration, Secret, Section

Policy = Literal["none", "secure-sum", "registry", "public"]
"""What a summary report may state: a file of mappings/disclosure/, or 'none' inside the site."""


class ServerLimits(Section):
    """Bounds of one server process; sizes are of decoded content."""

    body_mb: int = Field(default=16, ge=1)
    json_depth: int = Field(default=64, ge=8)
    requests_per_minute: int = Field(default=600, ge=1)
    """Of one client, or of one address that has not authenticated."""
    tokens_per_minute: int = Field(default=30, ge=1)
    logins_per_minute: int = Field(default=5, ge=1)
    """Attempts to log in under one name from one address."""
    evaluations_at_once: int = Field(default=2, ge=1)
    jobs_waiting: int = Field(default=20, ge=1)
    job_deadline: Duration = timedelta(hours=1)
    page: int = Field(default=50, ge=1, le=1000)
    snapshot: Duration = timedelta(hours=1)
    """How long the pages of one search stay as they were."""


class ClientSettings(Section):
    """A registered system (SMART Backend Services). One of jwks_file and jwks_uri."""

    id: str = Field(pattern=r"^[A-Za-z0-9._:/@-]{1,128}$")
    name: str = ""
    jwks_file: Path | None = None
    jwks_uri: str = ""
    scopes: tuple[str, ...] = ("system/Measure.rs", "system/MeasureReport.rs")
    policy: Policy = "public"
    patient_level: bool = False
    """Whether it may have subject-list and individual reports."""

    @model_validator(mode="after")
    def _one_key_set(self) -> ClientSettings:
        if (self.jwks_file is None) == (not self.jwks_uri):
            raise ValueError(f"client {self.id} needs one of jwks_file and jwks_uri")
        return self


class OpenIdSettings(Section):
    """The provider that people of the hospital log in with (OpenID Connect, code flow, PKCE)."""

    issuer: str
    """Its issuer URL: https://login.hospital.example/realms/main"""
    client_id: str
    client_secret: Secret = ""
    """'' is a public client, which PKCE alone protects."""
    scope: str = "openid profile"
    name_claim: str = "sub"
    """The claim that names a person in the audit."""
    role_claim: str = "roles"
    reader_roles: tuple[str, ...] = ()
    """Who may log in; () is everybody whom the provider lets in."""
    patient_level_roles: tuple[str, ...] = ()
    """Who may see single patients."""
    reader_policy: Policy = "public"


class SecureSumSettings(Section):
    """One of the two servers of a secure sum (experimental; docs/secure-sum.md)."""

    role: Literal["registry", "trustee"]
    directory: Path
    """The file of all public keys: sites, registry, trustee."""
    keys: Secret
    """Our own private keys, which `raiway secure-sum keys --server` makes."""
    folder: Path = Path("secure-sum")
    """Where its rounds are kept; of this server alone, and to be backed up."""


class ServerSettings(Section):
    """How the FHIR facade and the pages are served."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    public_url: str = ""
    """How clients reach it: https://raiway.hospital.example; '' is http://HOST:PORT."""
    database: str = ""
    """Reports, jobs, audit: '' is the PostgreSQL database of the store, or raiway-server.db beside
    an embedded store."""
    authentication: Literal["required", "none"] = "none"
    """'none' is for loopback only."""
    tls_certificate: Path | None = None
    tls_key: Secret = ""
    behind_proxy: bool = False
    """Whether a proxy in front ends TLS. Without it or a certificate: loopback only."""
    persist: bool = True
    """Whether a POST of $evaluate-measure stores the report."""
    policy: Policy = "none"
    """For who has not authenticated (loopback only)."""
    signing_key: Secret = ""
    """Signs access tokens: an ES384 key, or a JWKS whose first key signs and whose others are still
    taken. '' is a key that the operational database keeps and renews."""
    signing_key_life: Duration = timedelta(days=30)
    """After which the database's key is renewed."""
    users_file: Path | None = None
    session_key: Secret = ""
    session_life: Duration = timedelta(hours=8)
    openid: OpenIdSettings | None = None
    secure_sum: SecureSumSettings | None = None
    ca_file: Path | None = None
    """The authority of the hospital's own that key sets and the login provider are asked with."""
    audit_log: Path | None = None
    """None is raiway-audit.jsonl beside an embedded database."""
    clients: tuple[ClientSettings, ...] = ()
    limits: ServerLimits = ServerLimits()


def beside_file(folder: Path, server: ServerSettings) -> ServerSettings:
    """The settings with their relative paths taken from this folder. Unset ones stay unset."""
    changed: dict[str, object] = {}
    for name in ("tls_certificate", "users_file", "ca_file", "audit_log"):
        if (path := getattr(server, name)) is not None:
            changed[name] = folder / path
    for name in ("tls_key", "session_key", "signing_key"):
        if stated := getattr(server, name):
            changed[name] = _secret(folder, stated)
    if server.openid is not None:
        stated = _secret(folder, server.openid.client_secret)
        changed["openid"] = server.openid.model_copy(update={"client_secret": stated})
    if server.secure_sum is not None:
        changed["secure_sum"] = _secure_sum(folder, server.secure_sum)
    if server.clients:
        changed["clients"] = tuple(_client(folder, client) for client in server.clients)
    return server.model_copy(update=changed)


def _client(folder: Path, client: ClientSettings) -> ClientSettings:
    if client.jwks_file is None:
        return client
    return client.model_copy(update={"jwks_file": folder / client.jwks_file})


def _secure_sum(folder: Path, stated: SecureSumSettings) -> SecureSumSettings:
    changed = {
        "directory": folder / stated.directory,
        "keys": _secret(folder, stated.keys),
        "folder": folder / stated.folder,
    }
    return stated.model_copy(update=changed)


def _secret(folder: Path, stated: str) -> str:
    return stated if not stated or stated.startswith(ENVIRONMENT) else str(folder / stated)
