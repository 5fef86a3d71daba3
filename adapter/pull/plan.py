"""What a pull will ask for, decided before anything is sent: `--dry-run` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from adapter import artifacts, mapping_files
from adapter.config import SiteSettings
from adapter.errors import ConfigurationError, InvalidValue, UsageError
from adapter.pull.checks import known_types
from adapter.pull.crawl.windows import moment
from adapter.pull.export.kickoff import ExportRequest
from adapter.pull.landing.state import SiteState

FIRST = "Patient"
"""Pulled before all others: a crawl goes on by the patients it found."""
NO_SERVER = (
    "a site of mode files has no server: its files lie where somebody put them, and nothing is "
    "copied"
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line says over the settings; None and False leave these as they are.

    since: auto, none, or an instant. full: everything anew, as --since none, and in a new run.
    everything: each patient by Patient/$everything, where the server has it.
    """

    since: str | None = None
    mode: str | None = None
    full: bool = False
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """One run of a site, as it will be asked for.

    since: type -> the instant from which on its changes are asked for, None for all of it.
    everything: by Patient/$everything.
    """

    site: str
    base_url: str
    mode: str
    types: tuple[str, ...]
    since: Mapping[str, str | None]
    everything: bool = False
    level: str = "system"
    group: str = ""
    type_filter: tuple[str, ...] = ()
    list_style: str = "comma"
    stated_since: bool = field(default=False)

    @property
    def asked(self) -> dict[str, Any]:
        """The plan as JSON: a run is gone on with only for the same."""
        held = asdict(self)
        return {**held, "types": list(self.types), "type_filter": list(self.type_filter)}

    @property
    def by_since(self) -> dict[str | None, tuple[str, ...]]:
        """The types that are asked for from the same instant on; those without one first."""
        found: dict[str | None, tuple[str, ...]] = {}
        for name in sorted(self.types, key=lambda each: self.since[each] or ""):
            found[self.since[name]] = (*found.get(self.since[name], ()), name)
        return found

    @property
    def requests(self) -> list[str]:
        """URLs that will be asked, or what they begin with; nothing is sent for it."""
        if self.mode == "bulk":
            export = ExportRequest(level=self.level, group=self.group)  # type: ignore[arg-type]
            return [export.url(self.base_url, query=False)]
        if self.everything:
            return [f"{self.base_url}/Patient", f"{self.base_url}/Patient/[id]/$everything"]
        return [f"{self.base_url}/{name}" for name in self.types]


def plan(site: SiteSettings, held: SiteState | None, wish: Wish) -> Plan:
    """The plan of a site's next run. held: its state, None before the first pull.

    Raises ConfigurationError where the settings do not say whom to ask for what.
    """
    mode = wish.mode or site.mode
    where = f"[[sites]] {site.name}"
    if mode == "files":
        raise UsageError(NO_SERVER, where=where, hint=f"raiway ingest PATH --site {site.name}")
    if not site.base_url:
        raise ConfigurationError(
            "no base_url: there is no server to pull from", where=where, hint="set base_url"
        )
    if mode == "bulk" and site.export_level == "group" and not site.group:
        raise ConfigurationError(
            "an export of a group needs the group's id",
            where=where,
            hint='group = "ID", or export_level = "patient" or "system"',
        )
    types = _types(site, where)
    since = wish.since or ("none" if wish.full else site.since)
    if since not in ("auto", "none"):
        _check_instant(since)
    return Plan(
        site=site.name,
        base_url=site.base_url.rstrip("/"),
        mode="crawl" if wish.everything else mode,
        types=types,
        since={name: _since(name, since, held) for name in types},
        everything=wish.everything,
        level=site.export_level,
        group=site.group,
        type_filter=site.type_filter,
        list_style=site.list_style,
        stated_since=since not in ("auto", "none"),
    )


def mapped_types() -> tuple[str, ...]:
    """The resource types of which a ViewDefinition makes facts, Patient first."""
    views = artifacts.folder(mapping_files.root(), "ViewDefinition")
    names = {str(view["resource"]) for view in views}
    return (FIRST, *sorted(names - {FIRST}))


def _types(site: SiteSettings, where: str) -> tuple[str, ...]:
    stated = tuple(dict.fromkeys(site.types)) or mapped_types()
    if strange := [name for name in stated if name not in known_types()]:
        raise ConfigurationError(
            f"types: FHIR R4 has no {', '.join(strange)}", where=where, hint="check the spelling"
        )
    return tuple(sorted(stated, key=lambda name: name != FIRST))


def _since(name: str, since: str, held: SiteState | None) -> str | None:
    if since == "none":
        return None
    if since == "auto":
        return held.watermarks.get(name) if held else None
    return since


def _check_instant(since: str) -> None:
    try:
        moment(since)
    except InvalidValue as error:
        raise UsageError(
            f"--since {since}: {error.what}",
            hint="auto, none, or an instant with its zone: 2026-10-01T00:00:00Z",
        ) from error
