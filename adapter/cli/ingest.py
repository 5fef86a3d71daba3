"""`raiway ingest`: files into the store."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli.command import Command, CommonOptions
from adapter.cli.inputs import PATHS_HELP, given
from adapter.cli.options import SiteMaps, SiteProfileName, StoreUrl
from adapter.cli.output import Output
from adapter.cli.progress import progress
from adapter.cli.spark import Engine, EngineName, Master, ingested, refuse_local
from adapter.cli.tables import Table

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.ingest import How, Summary
    from adapter.inputs.opened import Inputs
    from adapter.mapping.mapped import Rejected
    from adapter.runs import SiteMapper
    from adapter.store import Store

PARTIAL = 5
NAMED = 20


@dataclass(frozen=True, kw_only=True)
class IngestOptions(CommonOptions):
    """The options of `raiway ingest`."""

    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help=PATHS_HELP)] = field(
        default_factory=list
    )
    site: Annotated[str, typer.Option("--site", metavar="ID", help="The site that sent the data.")]
    store: StoreUrl = None
    maps: SiteMaps = field(default_factory=list)
    profile: SiteProfileName = ""
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone", metavar="TZ", help="The site's IANA zone (default: raiway.toml, UTC)."
        ),
    ] = None
    replay: Annotated[
        bool, typer.Option("--replay", help="Map the site's quarantine again, instead of files.")
    ] = False
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Parse and check every line, also those that state nothing of use."
        ),
    ] = False
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", min=1, help="Processes (default: one a core)."),
    ] = None
    discard: Annotated[
        bool,
        typer.Option("--discard", help="With --replay: drop what still cannot be mapped."),
    ] = False
    engine: EngineName = Engine.LOCAL
    master: Master = ""


def run(options: IngestOptions, output: Output) -> int:
    """Map FHIR resources and load them into the store; what cannot be mapped is quarantined.

    Loading the same resources again changes nothing. Exit code 5: something was quarantined, or
    nothing says which version of a resource is newer.

    Example: raiway ingest export/ --site A --timezone America/New_York
    · raiway ingest export.zip s3://bucket/export/ --site A
    · curl https://host.example/export.tar.gz | raiway ingest - --site A
    """
    from adapter import config
    from adapter.errors import UsageError
    from adapter.runs import site_mapper

    if bool(options.paths) == options.replay:
        raise UsageError("give PATHs to read, or --replay alone", hint="raiway ingest --help")
    if options.discard and not options.replay:
        raise UsageError("--discard goes with --replay", hint="raiway ingest --help")
    refuse_local(options.engine, options.master)
    if options.engine is Engine.SPARK and options.replay:
        raise UsageError("the Spark engine does not replay", hint="ingest the files again")
    settings = config.load(options.config)
    site = site_mapper(settings, options.site, options.maps, options.timezone, options.profile)
    # Before the store is opened: a wrong path must not leave a new store behind.
    with given(options.paths, output) as inputs:
        _warn_of_unlisted(settings, options.site, output)
        _look_at_runs(inputs, options.site, output)
        if options.engine is Engine.SPARK:
            return _loaded_on_spark(options, inputs, site, output)
        return _loaded(options, inputs, site, output)


def _loaded(options: IngestOptions, inputs: Inputs, site: SiteMapper, output: Output) -> int:
    from adapter import landed
    from adapter.ingest import How, first_pass
    from adapter.runs import in_zone_of, replay_run

    privacy = landed.privacy(inputs.local)
    how = How(options.strict, options.workers, origins=inputs, privacy=privacy)
    with first_pass(inputs.paths, site.mapper, how) as first, _opened(options) as store:
        site = in_zone_of(store, site)
        _warn_of_mappings(store, site, output)
        if options.replay:
            summary = replay_run(site.mapper, store)
        else:
            how = replace(how, begun=first)
            summary = _ingested(inputs.paths, site, store, how, output)
        where = str(store)
        _report(summary, site, where, output)
        landed.note_ingested(inputs.local, where)
        if options.discard:
            _discard(store, options.site, output)
    return _told(options, summary, where, output)


def _loaded_on_spark(
    options: IngestOptions, inputs: Inputs, site: SiteMapper, output: Output
) -> int:
    from adapter import config, landed
    from adapter.ingest import How
    from adapter.runs import in_zone_of

    def site_in(store: Store) -> SiteMapper:
        found = in_zone_of(store, site)
        _warn_of_mappings(store, found, output)
        return found

    how = How(options.strict, origins=inputs, privacy=landed.privacy(inputs.local))
    url = options.store or config.load(options.config).store.url
    summary, site, where = ingested(url, options.master, inputs.paths, how, site_in)
    _report(summary, site, where, output)
    landed.note_ingested(inputs.local, where)
    return _told(options, summary, where, output)


def _told(options: IngestOptions, summary: Summary, where: str, output: Output) -> int:
    """The summary on stdout, if it is asked for; the exit code."""
    if options.as_json:
        output.json(
            {
                "site": options.site,
                "store": where,
                **summary.counts(),
                "rejected": [_rejected(each) for each in summary.rejected],
                "lost": summary.lost,
            }
        )
    return PARTIAL if summary.partial else 0


def _opened(options: IngestOptions) -> AbstractContextManager[Store]:
    """The store. Its drivers are imported now, not before the files are read."""
    from adapter import config
    from adapter.store import open_store

    url = options.store or config.load(options.config).store.url
    return open_store(url, create=not options.replay)


def _ingested(
    files: list[Path], site: SiteMapper, store: Store, how: How, output: Output
) -> Summary:
    """`ingest_run`; where it ends early, the user is told what stays."""
    from adapter.runs import ingest_run

    loaded = 0

    def told(name: str, n: int, size: int) -> None:
        nonlocal loaded
        loaded += n
        shown(name, n, size)

    try:
        with progress(output, sum(file.stat().st_size for file in files)) as shown:
            return ingest_run(files, site.mapper, store, replace(how, progress=told))
    except BaseException:
        if loaded:
            output.warn(f"{loaded:,} resources were loaded and stay; ingest again to go on")
        raise


def _warn_of_unlisted(settings: Settings, site: str, output: Output) -> None:
    if settings.sites and settings.site(site) is None:
        listed = ", ".join(each.name for each in settings.sites)
        output.warn(f"site {site} is not in the configuration, which lists {listed}")


def _look_at_runs(inputs: Inputs, site: str, output: Output) -> None:
    """Warn of runs of `pull` that did not end. Raises UsageError for a run of another site."""
    from adapter import landed

    landed.check_site(inputs.local, site)
    for path in landed.unfinished(inputs.local):
        output.warn(
            f"{path} is passed over: its pull did not end. "
            f"raiway pull {site} goes on with it, unless it asks for something else"
        )


def _warn_of_mappings(store: Store, site: SiteMapper, output: Output) -> None:
    from adapter.runs import mappings_changed

    if mappings_changed(store, site.mapper):
        output.warn(
            f"mappings changed since the last ingest of site {site.mapper.site}: "
            "facts of re-read resources are replaced"
        )


def _discard(store: Store, site: str, output: Output) -> None:
    waiting = [row.quarantine_id for row in store.quarantined(site)]
    output.warn(f"{len(waiting):,} lines of site {site} leave the quarantine for good")
    store.release(waiting)


def _rejected(item: Rejected) -> dict[str, str]:
    return {
        "source": item.source,
        "reason": item.reason,
        "resource_type": item.resource_type,
    }


def _report(summary: Summary, site: SiteMapper, store: str, output: Output) -> None:
    from adapter.inputs.kinds import printable

    counts = [(name, f"{n:,}") for name, n in summary.counts().items() if name != "offsets"]
    output.note_table(Table(f"site {site.mapper.site} into {store}", ("", ""), counts))
    output.note(f"each is counted once: {summary.account}")
    if summary.offsets and not site.zone_stated:
        output.warn(
            f"{summary.offsets:,} resources carry a time with an offset, and no time zone is set "
            f"for site {site.mapper.site}: their days were taken in UTC. Set "
            "--timezone, or timezone in raiway.toml, and ingest into a new store."
        )
    if summary.quarantined:
        name_quarantined(summary, output)
    if summary.undecided:
        _name_undecided(summary, output)
    for path, n in summary.lost.items():
        output.warn(
            f"{n:,} resources that an earlier ingest left aside matter now, but their file is gone "
            f"or has changed; ingest it again: {printable(path)}"
        )


def _name_undecided(summary: Summary, output: Output) -> None:
    output.warn(
        f"{summary.undecided:,} versions differ from another one of the same resource, and nothing "
        "(lastUpdated, status, issued, versionId) says which is newer; one was taken:"
    )
    for place in summary.undecided_at[:NAMED]:
        output.error(f"  {place}")
    if summary.undecided > NAMED:
        output.error(f"  … and {summary.undecided - NAMED:,} more")


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
