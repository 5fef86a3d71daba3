"""`raiway sensitivity`: one store under many definitions."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli.command import Command, CommonOptions
from adapter.cli.options import StoreUrl
from adapter.cli.output import Output, as_json
from adapter.cli.tables import counted, plain
from adapter.errors import UsageError
from adapter.files import check_writable, write_atomically

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.sensitivity import Question, Sensitivity

EVERY = 15.0
"""Seconds between two lines about how far the run is."""


class Format(StrEnum):
    """How `raiway sensitivity` shows its rows."""

    TABLE = "table"
    CSV = "csv"


@dataclass(frozen=True, kw_only=True)
class SensitivityOptions(CommonOptions):
    """The options of `raiway sensitivity`."""

    settings: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="KEY=V1,V2,…",
            help="Values of a rule; repeatable: every combination is run. Lists are TOML: "
            """--set 'finish_rules=["last_drug_day"],["therapeutic_rai"]'.""",
        ),
    ] = field(default_factory=list)
    grid: Annotated[
        str | None,
        typer.Option(
            "--grid",
            metavar="FILE",
            help="Named variants: a TOML file or a shipped id (default: the study's).",
        ),
    ] = None
    figures: Annotated[
        list[str],
        typer.Option(
            "--figure",
            metavar="NAME",
            help="Show this figure; repeatable (default: headline figures). {horizon_days} in a "
            "name stands for the horizon.",
        ),
    ] = field(default_factory=list)
    store: StoreUrl = None
    study: Annotated[
        str | None,
        typer.Option("--study", metavar="NAME", help="The reference (default: raiway.toml)."),
    ] = None
    sites: Annotated[
        list[str], typer.Option("--site", metavar="ID", help="Only this site; repeatable.")
    ] = field(default_factory=list)
    form: Annotated[
        Format, typer.Option("--format", help="A table for eyes, or CSV. --json names patients.")
    ] = Format.TABLE
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write there, not to stdout.")
    ] = None


def run(options: SensitivityOptions, output: Output) -> int:
    """Show how figures change with the definitions: one row each, against the reference.

    Example: raiway sensitivity --set tg_profile=abstract,band,rcv,half --set tgab=include,exclude
    """
    from adapter import config
    from adapter.cli.caveats import warn_of_gaps
    from adapter.sensitivity import sensitivity
    from adapter.store import open_store

    if options.out:
        check_writable(options.out)
    settings = config.load(options.config)
    asked = _question(options, settings)
    output.note(f"{counted(len(asked.variants), 'definition')} beside {asked.study.id} ...")
    with open_store(options.store or settings.store.url, create=False) as store:
        found = sensitivity(store, asked, _told(output))
        warn_of_gaps(store, options.sites, output)
    _write(found, options, output)
    return 0


def _question(options: SensitivityOptions, settings: Settings) -> Question:
    """What is asked. Raises UsageError, DefinitionError."""
    from adapter import definitions, variants
    from adapter.sensitivity import Question

    values = variants.axes(options.settings)
    file = None
    if options.grid:
        file = variants.grid_file(options.grid)
    name = options.study or (file.study if file else settings.analysis.study)
    study = definitions.load().study(name)
    if file is None and not values:
        if name not in variants.shipped_grids():
            raise UsageError(
                f"no grid is shipped for study {name}", hint=f"{variants.SET}, or --grid FILE"
            )
        file = variants.grid_file(name)
    if file and file.study != name:
        raise UsageError(
            f"the grid {file.id} is for study {file.study}, not {name}",
            hint="leave out --study, or take another grid",
        )
    named = variants.of_file(file, options.grid or name) if file else []
    asked = tuple(options.figures) or (file.figures if file else ())
    return Question(study, variants.crossed(named, values), asked, tuple(options.sites))


def _told(output: Output) -> Callable[[int], None]:
    last = time.monotonic()

    def told(done: int) -> None:
        nonlocal last
        if time.monotonic() - last > EVERY:
            output.note(f"{counted(done, 'patient')} done")
            last = time.monotonic()

    return told


def _write(found: Sensitivity, options: SensitivityOptions, output: Output) -> None:
    from adapter.sensitivity_table import table

    tables = [table(found)]
    if options.as_json:
        text = as_json(found.document())
    elif options.form is Format.CSV:
        text = _csv(found)
    elif options.out is None:
        output.tables(tables)
        return
    else:
        text = "\n".join(map(plain, tables))
    if options.out is None:
        output.data(text)
    else:
        write_atomically(options.out, text)
        output.note(f"written: {options.out}")


def _csv(found: Sensitivity) -> str:
    """One line a definition; a value at full precision, empty where it cannot be estimated."""
    text = io.StringIO()
    names = list(found.reference.figures)
    differences = [f"{name}:difference" for name in names]
    columns = ["definition", "changed", "hash", *names, *differences, "moved_in", "moved_out"]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(_csv_rows(found))
    return text.getvalue()


def _csv_rows(found: Sensitivity) -> Iterator[list[object]]:
    from adapter.sensitivity_table import moved
    from adapter.variants import said_of

    for each in (found.reference, *found.others):
        changes = said_of(each.changes) if each.changes else ""
        values = [*each.figures.values(), *each.differences.values()]
        yield [each.name, changes, each.study.fingerprint, *values, *moved(each)]


COMMAND = Command("sensitivity", SensitivityOptions, run)
