"""The settings of pooling: the registry that a site submits to, and whom a registry trusts.

Secrets are never values here: a key names a file or, as "env:NAME", an environment variable.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from adapter.site_settings import ENVIRONMENT, Secret, Section, SiteSettings

SCOPE = "system/MeasureReport.cu"


class RegistrySettings(Section):
    """A site's side: the registry that `raiway submit` sends to."""

    url: str = ""
    """Its FHIR base; --to beats it."""
    auth: Literal["smart", "none"] = "smart"
    client_id: str = ""
    """The id under which the registry has registered us."""
    private_key: Secret = ""
    """Authenticates us, and signs reports unless signing_key is set."""
    kid: str = ""
    signing_key: Secret = ""
    proxy: str = ""
    ca_file: str = ""
    releases: Path = Path("raiway-releases.json")
    """The record of what was signed and sent: the chain. To be backed up."""

    def connection(self, url: str) -> SiteSettings:
        """The registry as the transport knows servers."""
        return SiteSettings(
            name="registry",
            base_url=url,
            auth=self.auth if self.client_id else "none",
            client_id=self.client_id,
            private_key=self.private_key,
            kid=self.kid,
            scope=SCOPE,
            proxy=self.proxy,
            ca_file=Path(self.ca_file) if self.ca_file else None,
        )


class TrustSettings(Section):
    """A registry's side."""

    keys: str = ""
    """The file of registered keys (docs/pooling.md); without one no signature is known."""
    audience: str = ""
    """The FHIR base that sites sign for; '' is the server's own."""


def registry_beside(folder: Path, registry: RegistrySettings) -> RegistrySettings:
    """The settings with their relative paths taken from this folder."""
    changed: dict[str, object] = {"releases": folder / registry.releases}
    for name in ("private_key", "signing_key"):
        stated = getattr(registry, name)
        if stated and not stated.startswith(ENVIRONMENT):
            changed[name] = str(folder / stated)
    if registry.ca_file:
        changed["ca_file"] = str(folder / registry.ca_file)
    return registry.model_copy(update=changed)


def trust_beside(folder: Path, trust: TrustSettings) -> TrustSettings:
    """The settings with their relative paths taken from this folder."""
    if not trust.keys:
        return trust
    return trust.model_copy(update={"keys": str(folder / trust.keys)})
