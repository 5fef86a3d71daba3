"""`raiway deidentify`: a copy of files that may leave the place where patients are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli.command import Command, CommonOptions
from adapter.cli.inputs import PATHS_HELP, given
from adapter.cli.options import SiteMaps, SiteProfileName
from adapter.cli.output import Output
from adapter.cli.progress import progress
from adapter.cli.tables import Table
from adapter.privacy_mode import Mode

if TYPE_CHECKING:
    from adapter import sources
    from adapter.config import SiteSettings
    from adapter.deidentified import Copied
    from adapter.inputs.opened import Inputs
    from adapter.pull.landing.border import Border

PARTIAL = 5
SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class DeidentifyOptions(CommonOptions):
    """The options of `raiway deidentify`."""

    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help=PATHS_HELP)] = field(
        default_factory=list
    )
    site: Annotated[
        str, typer.Option("--site", metavar="ID", help="The site that sent the data.")
    ] = ""
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="The copy: a folder that is made.")
    ] = None
    privacy: Annotated[
        Mode | None, typer.Option("--privacy", help="Instead of the site's mode (limited).")
    ] = None
    date_shift: Annotated[
        bool | None,
        typer.Option("--date-shift/--no-date-shift", help="Instead of the site's setting."),
    ] = None
    id_key: Annotated[
        str, typer.Option("--id-key", metavar="FILE|env:NAME", help="Instead of the site's id_key.")
    ] = ""
    shift_key: Annotated[
        str,
        typer.Option("--shift-key", metavar="FILE|env:NAME", help="Instead of its shift_key."),
    ] = ""
    maps: SiteMaps = field(default_factory=list)
    profile: SiteProfileName = ""
    new_key: Annotated[
        Path | None,
        typer.Option("--new-key", metavar="FILE", help="Make a key, readable by you only, alone."),
    ] = None


def run(options: DeidentifyOptions, output: Output) -> int:
    """Write a de-identified copy of FHIR files, which raiway ingest reads like a pull.

    What each mode keeps: docs/privacy.md. The same key gives the same pseudonyms. Exit code 5:
    resources were withheld; DIR/quarantine.ndjson says why, and holds none of them.

    Example: raiway deidentify export/ --site A --to deidentified/ --id-key keys/ids.key
    """
    from datetime import UTC, datetime

    from adapter import config
    from adapter.errors import UsageError
    from adapter.pull.landing.border import border_of

    if options.new_key is not None:
        return _make_key(options.new_key, output)
    if not (options.paths and options.site and options.to):
        raise UsageError("give PATHs, --site and --to", hint="raiway deidentify --help")
    settings = config.load(options.config)
    known = settings.site(options.site) or config.SiteSettings(name=options.site)
    border = border_of(_stated(known, options), datetime.now(UTC).date())
    if border.identified:
        raise UsageError(
            "mode identified takes nothing out", hint="--privacy limited, or safe_harbor"
        )
    with given(options.paths, output) as inputs:
        copied = _copied(inputs, border, options, output)
    _report(copied, border, options, output)
    return PARTIAL if copied.withheld else 0


def _stated(site: SiteSettings, options: DeidentifyOptions) -> SiteSettings:
    """The site's settings, with what the command line says instead."""
    changes = {
        "mode": options.privacy.value if options.privacy else None,
        "date_shift": options.date_shift,
        "id_key": options.id_key,
        "shift_key": options.shift_key,
    }
    own = {name: value for name, value in changes.items() if value not in (None, "")}
    return site.model_copy(
        update={
            "privacy": site.privacy.model_copy(update=own),
            "concept_maps": (*site.concept_maps, *options.maps),
            "profile": options.profile or site.profile,
        }
    )


def _copied(inputs: Inputs, border: Border, options: DeidentifyOptions, output: Output) -> Copied:
    from adapter import sources
    from adapter.deidentified import copy

    def found() -> Iterator[sources.Found | sources.Broken]:
        for path in inputs.paths:
            name, count = inputs.name(path), 0
            for item in sources.read(path, name):
                count += 1
                yield item
            shown(name, count, path.stat().st_size)

    total = sum(path.stat().st_size for path in inputs.paths)
    with progress(output, total) as shown:
        return copy(found(), border, options.to or Path(), options.site)


def _report(copied: Copied, border: Border, options: DeidentifyOptions, output: Output) -> None:
    from adapter.deidentified import report

    rows = [(name, f"{n:,}") for name, n in sorted(copied.rows.items())]
    output.note_table(Table(f"de-identified ({border.fingerprint})", ("", ""), rows))
    most = sorted(copied.removed.items(), key=lambda each: -each[1])[:SHOWN]
    taken = [(f"{element}: {reason}", f"{n:,}") for (element, reason), n in most]
    output.note_table(Table("taken out most often", ("", ""), taken))
    if copied.passed_over:
        output.note(f"{copied.passed_over:,} resources of types that no mapping reads: left out")
    for reason, n in sorted(copied.withheld.items()):
        output.warn(f"{n:,} resources withheld: {reason}")
    output.note(f"next: raiway ingest {options.to} --site {options.site}")
    if options.as_json:
        output.json(
            {
                "to": str(options.to),
                "privacy": border.fingerprint,
                "rows": dict(copied.rows),
                "passed_over": copied.passed_over,
                "withheld": dict(copied.withheld),
                "removed": report(copied.removed),
            }
        )


def _make_key(file: Path, output: Output) -> int:
    from adapter.errors import UsageError
    from adapter.privacy import checked, fingerprint, new_key
    from adapter.pull.landing import folder

    if file.is_symlink() or file.exists():
        raise UsageError(
            "is there already, and no key is written over", where=str(file), hint="name another"
        )
    made = new_key()
    with folder.explained(file.parent):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with folder.create(file) as out, folder.explained(file):
        out.write(f"{made}\n".encode())
        folder.sync(out)
    output.note(f"written: {file} (0600), fingerprint {fingerprint(checked(made.encode(), 'key'))}")
    output.note("keep it: with another key the same patients get other ids")
    return 0


COMMAND = Command("deidentify", DeidentifyOptions, run)
