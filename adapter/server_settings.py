"""The settings of `raiway serve`: where it listens, who may ask, and what bounds them.

Secrets are never values here: `tls_key` and `session_key` name a file or, as "env:NAME", an
environment variable. Clients and users are registered by their public keys and password hashes.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field

from adapter.site_settings import Duration, Secret, Section

Policy = Literal["none", "secure-sum", "registry", "public"]
"""What a summary report may state: a file of mappings/disclosure/, or 'none' inside the site."""


class ServerLimits(Section):
    """Bounds of one server process; sizes are of decoded content."""

    body_mb: int = Field(default=16, ge=1)
    json_depth: int = Field(default=64, ge=8)
    requests_per_minute: int = Field(default=600, ge=1)
    """Of one client, or of one address that has not authenticated."""
    tokens_per_minute: int = Field(default=30, ge=1)
    evaluations_at_once: int = Field(default=2, ge=1)
    jobs_waiting: int = Field(default=20, ge=1)
    job_deadline: Duration = timedelta(hours=1)
    page: int = Field(default=50, ge=1, le=1000)
    snapshot: Duration = timedelta(hours=1)
    """How long the pages of one search stay as they were."""


class ClientSettings(Section):
    """A registered system (SMART Backend Services). One of jwks_file and jwks_uri."""

    id: str
    name: str = ""
    jwks_file: Path | None = None
    jwks_uri: str = ""
    scopes: tuple[str, ...] = ("system/Measure.rs", "system/MeasureReport.rs")
    policy: Policy = "public"
    patient_level: bool = False
    """Whether it may have subject-list and individual reports."""


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
    users_file: Path | None = None
    session_key: Secret = ""
    audit_log: Path | None = None
    clients: tuple[ClientSettings, ...] = ()
    limits: ServerLimits = ServerLimits()
