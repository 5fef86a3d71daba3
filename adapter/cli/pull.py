"""`raiway pull`: from the sites' servers into the landing folder."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapter.cli.command import Command, CommonOptions
from adapter.cli.output import Output
from adapter.cli.pull_progress import Told, shown
from adapter.cli.tables import Table, counted

if TYPE_CHECKING:
    from adapter.config import LandingSettings, Settings, SiteSettings
    from adapter.errors import RaiwayError
    from adapter.pull.plan import Wish
    from adapter.pull.run import Planned, Result

PARTIAL = 5


@dataclass(frozen=True, kw_only=True)
class PullOptions(CommonOptions):
    """The options of `raiway pull`."""

    sites: Annotated[
        list[str],
        typer.Argument(
            metavar="[SITE]...", help="Sites of raiway.toml (default: all that have a base_url)."
        ),
    ] = field(default_factory=list)
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="The landing folder (default: landing/)."),
    ] = None
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="auto (since the last good pull), none (everything), or an instant with its zone.",
        ),
    ] = None
    mode: Annotated[
        str | None, typer.Option("--mode", metavar="MODE", help="bulk or crawl, over raiway.toml.")
    ] = None
    full: Annotated[bool, typer.Option("--full", help="Everything anew: --since none.")] = False
    everything: Annotated[
        bool,
        typer.Option(
            "--everything", help="Crawl by Patient/ID/$everything, where the server has it."
        ),
    ] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be asked; send and write nothing.")
    ] = False


def run(options: PullOptions, output: Output) -> int:
    """Pull FHIR resources by search or Bulk Data export into landing/SITE/INSTANT/; resumable.

    What was interrupted is gone on with: no row is lost, and none comes twice. Exit code 4: a
    server cannot be reached or refuses; 5: a type failed, or resources were kept aside.

    Example: raiway pull A --dry-run
    """
    from adapter import config

    settings = config.load(options.config)
    sites = _sites(settings, options.sites)
    landing = settings.landing
    if options.to is not None:
        landing = landing.model_copy(update={"folder": options.to})
    wish = _wish(options)
    if options.dry_run:
        return _told_plans(sites, landing, wish, options, output)
    told = [_pulled(site, landing, wish, output, alone=len(sites) == 1) for site in sites]
    if options.as_json:
        output.json({"sites": [each.as_json for each in told]})
    return _exit_code([each.exit_code for each in told])


@dataclass(frozen=True, slots=True)
class _Ended:
    """What a site's pull came to, an error included."""

    exit_code: int
    as_json: dict[str, Any]


def _sites(settings: Settings, names: list[str]) -> list[SiteSettings]:
    """The sites asked for, or all that have a server. Raises UsageError."""
    from adapter.errors import UsageError

    listed = ", ".join(each.name for each in settings.sites) or "none"
    if unknown := [name for name in names if settings.site(name) is None]:
        raise UsageError(
            f"no site {', '.join(unknown)} in the configuration", hint=f"sites there: {listed}"
        )
    chosen = [each for each in settings.sites if each.name in names] if names else []
    chosen = chosen or [each for each in settings.sites if each.base_url and each.mode != "files"]
    if not chosen:
        raise UsageError(
            "no site has a base_url: there is no server to pull from",
            where="raiway.toml",
            hint="raiway init writes a commented [[sites]]; see docs/pull.md",
        )
    return chosen


def _wish(options: PullOptions) -> Wish:
    from adapter.errors import UsageError
    from adapter.pull.plan import Wish

    if options.mode not in (None, "bulk", "crawl", "files"):
        raise UsageError(f"--mode {options.mode} is none", hint="--mode bulk or --mode crawl")
    if options.full and options.since is not None:
        raise UsageError("--full and --since say two things", hint="--full is --since none")
    if options.everything and options.mode == "bulk":
        raise UsageError("--everything is a crawl", hint="leave --mode out")
    return Wish(options.since, options.mode, options.full, options.everything)


def _pulled(
    site: SiteSettings, landing: LandingSettings, wish: Wish, output: Output, *, alone: bool
) -> _Ended:
    """Pull one site. Raises what fails where it is the only one; else the others go on."""
    from adapter.errors import RaiwayError
    from adapter.pull.run import How, pull_site

    try:
        with shown(output, site.name) as told:
            how = replace(How(), told=told.told, heard=told.heard)
            result = asyncio.run(pull_site(landing, site, wish, how))
    except KeyboardInterrupt:
        output.warn(f"interrupted: what was whole stays; raiway pull {site.name} goes on with it")
        raise
    except RaiwayError as error:
        if alone:
            raise
        return _failed(site, error, output)
    _report(result, told, output)
    return _Ended(result.exit_code, _as_json(result))


def _failed(site: SiteSettings, error: RaiwayError, output: Output) -> _Ended:
    output.error(f"error: site {site.name}: {error.what}")
    output.error(f"   at: {error.where or 'raiway pull'}")
    output.error(f"   do: {error.hint or 'run raiway doctor'}")
    told = {"what": error.what, "where": error.where, "hint": error.hint}
    return _Ended(error.exit_code, {"site": site.name, "error": told, "exit_code": error.exit_code})


def _exit_code(codes: list[int]) -> int:
    """That of all sites, where they agree; else partial."""
    return codes[0] if len(set(codes)) == 1 else PARTIAL


def _report(result: Result, told: Told, output: Output) -> None:
    outcome = result.outcome
    columns = ("type", "rows", "deleted", "kept aside")
    rows = [
        (each.resource_type, f"{each.rows:,}", f"{each.deleted:,}", f"{each.refused:,}")
        for each in sorted(outcome.types.values(), key=lambda each: each.resource_type)
    ]
    told.end()
    output.note_table(Table(f"site {result.site} into {result.path}", columns, rows))
    for each in outcome.types.values():
        if each.failed is not None:
            output.warn(
                f"{each.resource_type} failed: {each.failed}; the next pull asks for it from where "
                "the last good one ended"
            )
    if refused := sum(each.refused for each in outcome.types.values()):
        where = result.path / "quarantine.ndjson"
        output.warn(f"{counted(refused, 'resource')} kept aside, with reasons in {where}")
    for severity in ("fatal", "error", "warning"):
        if number := result.notes.get(severity):
            output.note(f"{counted(number, f'OperationOutcome {severity}')} kept in {result.log}")
    for path in result.removed:
        output.note(f"removed, since it is in a store and [landing] says so: {path}")
    if not outcome.finished:
        output.warn(f"not at its end yet: raiway pull {result.site} goes on with it")
    else:
        output.note(f"next: raiway ingest {result.path} --site {result.site}")


def _as_json(result: Result) -> dict[str, Any]:
    outcome = result.outcome
    return {
        "site": result.site,
        "folder": str(result.path),
        "finished": outcome.finished,
        "types": {
            name: {
                "rows": each.rows,
                "refused": each.refused,
                "deleted": each.deleted,
                "failed": each.failed,
                "watermark": each.watermark,
            }
            for name, each in sorted(outcome.types.items())
        },
        "notes": result.notes,
        "removed": [str(path) for path in result.removed],
        "exit_code": result.exit_code,
    }


def _told_plans(
    sites: list[SiteSettings],
    landing: LandingSettings,
    wish: Wish,
    options: PullOptions,
    output: Output,
) -> int:
    """Say what would be asked. Raises what is wrong with the settings."""
    from adapter.pull.run import planned

    plans = [planned(landing, site, wish) for site in sites]
    if options.as_json:
        output.json({"sites": [_plan_json(each) for each in plans], "sent": False})
    else:
        output.data("\n".join("\n".join(_plan_lines(each)) for each in plans) + "\n")
        output.note("nothing was sent")
    return 0


def _plan_lines(planned: Planned) -> list[str]:
    plan = planned.plan
    again = "goes on in" if planned.resumed else "writes"
    lines = [f"{'would ask' if not at else '':<12}{url}" for at, url in enumerate(plan.requests)]
    if plan.mode == "bulk" or plan.everything:
        lines.append(f"{'types':<12}{' '.join(plan.types)}")
    for at, (since, types) in enumerate(plan.by_since.items()):
        named = "" if len(plan.by_since) == 1 else f" for {' '.join(types)}"
        why = "everything" if since is None else _whence(since, stated=plan.stated_since)
        lines.append(f"{'since' if not at else '':<12}{why}{named}")
    return [*lines, f"{again:<12}{planned.path}/"]


def _whence(since: str, *, stated: bool) -> str:
    return since if stated else f"{since} (last good pull)"


def _plan_json(planned: Planned) -> dict[str, Any]:
    plan = planned.plan
    return {
        "site": plan.site,
        "mode": plan.mode,
        "requests": plan.requests,
        "types": list(plan.types),
        "since": dict(plan.since),
        "folder": str(planned.path),
        "resumed": planned.resumed,
    }


COMMAND = Command("pull", PullOptions, run)
