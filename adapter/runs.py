"""An ingest as a run on record: by which site, software and mappings, and what it came to."""

from __future__ import annotations

import re
import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from adapter import config, sites
from adapter.config import Settings
from adapter.errors import UsageError
from adapter.ingest import PLAINLY, How, Summary, ingest
from adapter.mapping.resource import Mapper
from adapter.replay import replay

if TYPE_CHECKING:
    from adapter.models import SiteRow
    from adapter.store import Store


SITE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class SiteMapper:
    """A site's `map`, and whether anybody has said in which time zone the site lives."""

    mapper: Mapper
    zone_stated: bool


def site_mapper(
    settings: Settings,
    site: str,
    concept_maps: Sequence[Path] = (),
    timezone: str | None = None,
    profile: str = "",
) -> SiteMapper:
    """The mapper of a site. Its zone: `timezone`, raiway.toml, the site's file, UTC; its maps are
    those of all three. The site's file: `profile`, raiway.toml, the shipped one of its name.

    Raises UsageError, ConfigurationError for an unknown zone and DefinitionError for a bad map or
    site file.
    """
    if not SITE_ID.fullmatch(site):
        what = "a site needs an id" if not site.strip() else f"{site!r} is no id of a site"
        raise UsageError(what, hint="--site A: up to 64 letters, digits, dots, dashes, underscores")
    for path in concept_maps:
        if not path.is_file():
            raise UsageError("no such file", where=str(path), hint="check --map")
    known = settings.site(site)
    own = sites.profile(site, profile or (known.profile if known else ""))
    in_settings = known.timezone if known and "timezone" in known.model_fields_set else None
    stated = timezone or in_settings or own.timezone
    maps = (*(known.concept_maps if known else ()), *concept_maps)
    found = sites.definitions_of(own, maps)
    return SiteMapper(Mapper(found, site, config.zone(stated or "UTC")), stated is not None)


def in_zone_of(store: Store, site: SiteMapper) -> SiteMapper:
    """The mapper in the zone in which the store has the site's days, unless another is stated."""
    held = store.site(site.mapper.site)
    if held is None or site.zone_stated:
        return site
    mapper = replace(site.mapper, zone=config.zone(held.timezone))
    # UTC may be there for want of a stated zone.
    return SiteMapper(mapper, zone_stated=held.timezone != "UTC")


def mappings_changed(store: Store, mapper: Mapper) -> bool:
    """Whether the last run of the site had other mappings."""
    last = [run.mappings_hash for run in store.runs() if run.site == mapper.site][-1:]
    return bool(last) and last != [mapper.definitions.fingerprint]


Engine = Callable[[Sequence[Path], Mapper, "Store", str, How], Summary]
"""What reads the files: `ingest`, or another that is called and counts the same."""


def ingest_run(
    paths: Sequence[Path],
    mapper: Mapper,
    store: Store,
    how: How = PLAINLY,
    engine: Engine = ingest,
) -> Summary:
    """`ingest`, on record. Raises what `ingest` raises; the run then stays without an end.

    engine: what does the work of `ingest`, if not that.

    Raises UsageError where the store has the site's days in another time zone.
    """
    named = how.origins.named(paths)
    held = store.site(mapper.site)
    if held is not None and held.privacy != how.privacy:
        raise UsageError(
            f"the store holds site {mapper.site} under another privacy mode or key: the same "
            "patient would be counted twice",
            hint="ingest into a new store (--store URL), or pull under the mode and key of before",
        )
    _check_zone(held, mapper)
    store.register_site(mapper.site, str(mapper.zone), how.privacy)
    return _recorded(store, mapper, named, lambda run_id: engine(paths, mapper, store, run_id, how))


def replay_run(mapper: Mapper, store: Store) -> Summary:
    """`replay` of the site's quarantine, on record. Raises UsageError for an unknown site."""
    held = store.site(mapper.site)
    if held is None:
        known = ", ".join(site.site for site in store.sites())
        raise UsageError(
            f"no site {mapper.site} in the store", hint=f"sites in the store: {known or 'none'}"
        )
    _check_zone(held, mapper)
    return _recorded(store, mapper, "quarantine", lambda run_id: replay(mapper, store, run_id))


def _check_zone(held: SiteRow | None, mapper: Mapper) -> None:
    if held is not None and held.timezone != str(mapper.zone):
        # Days of two calendars in one site cannot be told apart afterwards.
        raise UsageError(
            f"site {mapper.site} was loaded with {held.timezone}, not {mapper.zone}",
            hint=f"say --timezone {held.timezone}, or ingest all its data into a new store",
        )


def _recorded(store: Store, mapper: Mapper, paths: str, work: Callable[[str], Summary]) -> Summary:
    from adapter.models import IngestRunRow

    run = IngestRunRow(
        run_id=run_id(time.time_ns() // 1_000_000),
        site=mapper.site,
        started=datetime.now(UTC),
        paths=paths,
        mappings_hash=mapper.definitions.fingerprint,
        software=f"raiway {version('raiway')}",
    )
    store.begin_run(run)
    summary = work(run.run_id)
    counts = summary.counts()
    for name in counts.keys() & IngestRunRow.model_fields.keys():
        setattr(run, name, counts[name])
    run.ended = datetime.now(UTC)
    store.end_run(run)
    return summary


def run_id(milliseconds: int) -> str:
    """A UUID of version 7 (RFC 9562, section 5.7): later runs sort after earlier ones."""
    random = secrets.randbits(74)
    high, low = random >> 62, random & (1 << 62) - 1
    return str(uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low))
