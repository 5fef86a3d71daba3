"""What a resource must pass before it is written: the site's privacy mode (pull.md 7.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Protocol

from adapter.privacy_mode import Mode
from adapter.site_settings import SiteSettings


@dataclass(frozen=True, slots=True)
class Withheld:
    """Why nothing may be written of a resource: at which element, and its reference on this side
    (`Type/pseudonym`)."""

    reason: str
    path: str = ""
    reference: str = ""


class Border(Protocol):
    """De-identification, as the landing folder sees it."""

    @property
    def fingerprint(self) -> str:
        """Mode, rules and key in a word: what was written under another is not to be mixed with."""

    @property
    def identified(self) -> bool:
        """Whether resources are written as they came."""

    @property
    def removed(self) -> Mapping[tuple[str, str], int]:
        """What was taken out of resources: (element, why) -> how often."""

    def takes(self, resource_type: str) -> bool:
        """Whether anything may be written of resources of this type."""

    def across(self, resource: dict[str, Any], raw: bytes) -> bytes | Withheld:
        """What may be written of a resource, as a line of JSON, or why nothing may."""

    def name(self, resource_type: str, resource_id: str) -> str:
        """The id that the resource goes by on this side."""


class Identified:
    """The data stays as it came: it is the site's own."""

    fingerprint = "identified"
    identified = True
    removed: Mapping[tuple[str, str], int] = MappingProxyType({})

    def takes(self, resource_type: str) -> bool:
        """Anything may."""
        return True

    def across(self, resource: dict[str, Any], raw: bytes) -> bytes | Withheld:
        """The line itself."""
        return raw

    def name(self, resource_type: str, resource_id: str) -> str:
        """The id itself."""
        return resource_id


def border_of(site: SiteSettings, today: date) -> Border:
    """What a site's resources pass before they are written.

    Raises ConfigurationError for a mode without its keys, DefinitionError for rules that do not
    hold.
    """
    if Mode(site.privacy.mode) is Mode.IDENTIFIED:
        return Identified()
    from adapter.pull.landing.deidentified import deidentifying

    return deidentifying(site, today)
