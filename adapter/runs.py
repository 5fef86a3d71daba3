"""An ingest as a run on record: by which site, software and mappings, and what it came to."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from adapter import config, definitions
from adapter.config import Settings
from adapter.errors import UsageError
from adapter.ingest import Progress, Summary, ingest
from adapter.mapping.resource import Mapper
from adapter.models import IngestRunRow
from adapter.replay import replay

if TYPE_CHECKING:
    from adapter.store import Store


@dataclass(frozen=True, slots=True)
class SiteMapper:
    """A site's `map`, and whether anybody has said in which time zone the site lives."""

    mapper: Mapper
    zone_stated: bool


def site_mapper(
    settings: Settings, site: str, concept_maps: Sequence[Path] = (), timezone: str | None = None
) -> SiteMapper:
    """The mapper of a site: `timezone` and `concept_maps` over the site's settings, UTC last.

    Raises UsageError, ConfigurationError for an unknown zone and DefinitionError for a bad map.
    """
    if not site.strip():
        raise UsageError("a site needs an id", hint="--site A")
    known = settings.site(site)
    stated = timezone or (
        known.timezone if known and "timezone" in known.model_fields_set else None
    )
    maps = (*(known.concept_maps if known else ()), *concept_maps)
    found = definitions.load(tuple(dict.fromkeys(maps)))
    return SiteMapper(Mapper(found, site, config.zone(stated or "UTC")), stated is not None)


def ingest_run(
    paths: Sequence[Path], mapper: Mapper, store: Store, progress: Progress = lambda name, n: None
) -> Summary:
    """`ingest`, on record. Raises what `ingest` raises; the run then stays without an end."""
    named = ", ".join(str(path) for path in paths)
    return _recorded(
        store, mapper, named, lambda run_id: ingest(paths, mapper, store, run_id, progress)
    )


def replay_run(mapper: Mapper, store: Store) -> Summary:
    """`replay` of the site's quarantine, on record."""
    return _recorded(store, mapper, "quarantine", lambda run_id: replay(mapper, store, run_id))


def _recorded(store: Store, mapper: Mapper, paths: str, work: Callable[[str], Summary]) -> Summary:
    store.register_site(mapper.site, str(mapper.zone))
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
    for name in ("read", "relevant", "mapped", "unchanged", "quarantined", "unmapped"):
        setattr(run, name, counts[name])
    run.ended = datetime.now(UTC)
    store.end_run(run)
    return summary


def run_id(milliseconds: int) -> str:
    """A UUID of version 7 (RFC 9562, section 5.7): later runs sort after earlier ones."""
    random = secrets.randbits(74)
    high, low = random >> 62, random & (1 << 62) - 1
    return str(uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low))
