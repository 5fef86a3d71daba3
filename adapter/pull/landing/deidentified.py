"""A site's privacy mode as the border of its landing folder (pull.md 7.2)."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from adapter import config, privacy, sites
from adapter.config import SiteSettings
from adapter.errors import ConfigurationError
from adapter.privacy.pseudonyms import Pseudonyms
from adapter.pull.auth.credentials import secret
from adapter.pull.landing import exact
from adapter.pull.landing.border import Border, Withheld
from adapter.site_settings import PrivacySettings


def deidentifying(site: SiteSettings, today: date) -> Border:
    """What a site's resources pass before they are written, where they are de-identified.

    Raises ConfigurationError for a mode without its keys, DefinitionError for rules that do not
    hold.
    """
    stated = site.privacy
    policy = privacy.Policy(
        mode=privacy.Mode(stated.mode),
        date_shift=stated.date_shift,
        own_rules=None if stated.rules == PrivacySettings().rules else Path(stated.rules),
        keep_text=stated.keep_text,
        extensions=stated.extensions,
        zone=config.zone(site.timezone),
        as_of=today,
    )
    keys = _keys(site)
    definitions = sites.definitions_of(sites.profile(site.name, site.profile), site.concept_maps)
    return Deidentifying(privacy.Deidentifier(policy, keys, definitions), policy, keys)


class Deidentifying:
    """The border of the modes `limited` and `safe_harbor`."""

    identified = False

    def __init__(
        self, deidentifier: privacy.Deidentifier, policy: privacy.Policy, keys: privacy.Keys
    ) -> None:
        self._deidentifier, self._names = deidentifier, Pseudonyms(keys.ids)
        shifted = "+shift" if policy.date_shift else ""
        self.fingerprint = f"{policy.mode}{shifted}:{keys.fingerprint}"
        self.removed: Counter[tuple[str, str]] = Counter()

    def takes(self, resource_type: str) -> bool:
        """Whether a rule says what may stay of the type."""
        return resource_type in self._deidentifier.rules.resources

    def across(self, resource: dict[str, Any], raw: bytes) -> bytes | Withheld:
        """What may be written of a resource; its numbers keep the digits they were sent with."""
        try:
            found = self._deidentifier.apply(exact.read(raw))
            if isinstance(found, privacy.Withheld):
                return Withheld(found.reason, found.path, found.reference)
            line = exact.written(found.resource)
        except Exception as error:
            # A sender may write anything anywhere, and one resource must not stop a million others.
            # The error's message would hold the data, so that only its type is told.
            return Withheld(f"cannot be de-identified ({type(error).__name__})")
        self.removed.update(found.removed)
        return line

    def name(self, resource_type: str, resource_id: str) -> str:
        """The pseudonym."""
        return self._names.of(resource_type, resource_id)


def _keys(site: SiteSettings) -> privacy.Keys:
    stated = site.privacy
    if not stated.id_key:
        raise ConfigurationError(
            f"privacy mode {stated.mode} needs a key for ids",
            where=f"[sites.privacy] of {site.name}",
            hint='id_key = "env:NAME" or a file; or mode = "identified"',
        )
    ids = privacy.checked(secret("id_key", stated.id_key).encode(), "id_key")
    if not stated.shift_key:
        return privacy.Keys(ids)
    shift = privacy.checked(secret("shift_key", stated.shift_key).encode(), "shift_key")
    return privacy.Keys(ids, shift)
