"""`raiway ingest`: files into the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli.command import Command, CommonOptions
from adapter.cli.options import StoreUrl
from adapter.cli.output import Output
from adapter.cli.progress import progress
from adapter.cli.tables import Table

if TYPE_CHECKING:
    from adapter.ingest import Summary
    from adapter.runs import SiteMapper

PARTIAL = 5
NAMED = 20


@dataclass(frozen=True, kw_only=True)
class IngestOptions(CommonOptions):
    """The options of `raiway ingest`."""

    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="NDJSON (also .gz), JSON resources, Bundles, or folders."
        ),
    ] = field(default_factory=list)
    site: Annotated[str, typer.Option("--site", metavar="ID", help="The site that sent the data.")]
    store: StoreUrl = None
    maps: Annotated[
        list[Path],
        typer.Option("--map", metavar="FILE", help="A ConceptMap of the site; repeatable."),
    ] = field(default_factory=list)
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone", metavar="TZ", help="The site's IANA zone (default: raiway.toml, UTC)."
        ),
    ] = None
    replay: Annotated[
        bool, typer.Option("--replay", help="Map the site's quarantine again, instead of files.")
    ] = False


def run(options: IngestOptions, output: Output) -> int:
    """Map FHIR resources and load them into the store; what cannot be mapped is quarantined.

    Loading the same resources again changes nothing. Exit code 5: something was quarantined.

    Example: raiway ingest export/ --site A --timezone America/New_York
    """
    from adapter import config, sources
    from adapter.errors import UsageError
    from adapter.runs import ingest_run, replay_run, site_mapper
    from adapter.store import open_store

    if bool(options.paths) == options.replay:
        raise UsageError("give PATHs to read, or --replay alone", hint="raiway ingest --help")
    settings = config.load(options.config)
    site = site_mapper(settings, options.site, options.maps, options.timezone)
    # Before the store is opened: a wrong path must not leave a new store behind.
    files = [] if options.replay else sources.expand(options.paths)
    with open_store(options.store or settings.store.url, create=not options.replay) as store:
        if options.replay:
            summary = replay_run(site.mapper, store)
        else:
            with progress(output) as shown:
                summary = ingest_run(files, site.mapper, store, shown)
        where = str(store)
    _report(summary, site, where, output)
    if options.as_json:
        output.json({"site": options.site, "store": where, **summary.counts()})
    return PARTIAL if summary.partial else 0


def _report(summary: Summary, site: SiteMapper, store: str, output: Output) -> None:
    counts = [(name, f"{n:,}") for name, n in summary.counts().items() if name != "offsets"]
    output.note_table(Table(f"site {site.mapper.site} into {store}", ("", ""), counts))
    if summary.offsets and not site.zone_stated:
        output.warn(
            f"{summary.offsets:,} resources carry a time with an offset, and no time zone is set "
            f"for site {site.mapper.site}: their days were taken in UTC. Set --timezone, or "
            "timezone in raiway.toml, and ingest again."
        )
    if summary.partial:
        name_quarantined(summary, output)


def name_quarantined(summary: Summary, output: Output) -> None:
    """Each quarantined item by file, line, reason and type; never by id, which is a patient's."""
    output.warn(f"{summary.quarantined:,} of {summary.read:,} quarantined, the rest is loaded:")
    for item in summary.rejected[:NAMED]:
        kind = f"  ({item.resource_type})" if item.resource_type else ""
        output.error(f"  {item.source}  {item.reason}{kind}")
    more = summary.quarantined - NAMED
    if more > 0:
        output.error(f"  … and {more:,} more, see the store's table quarantine")


COMMAND = Command("ingest", IngestOptions, run)
