"""`raiway export`: facts and episodes as files for other programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli.command import Command
from adapter.cli.options import StudyOptions
from adapter.cli.output import Output
from adapter.cli.tables import Table

if TYPE_CHECKING:
    from adapter.export import Exported

WARNING = (
    "these files hold single patients' data, with dates and ids: they stay inside the site, and "
    "only their owner may read them"
)


class Format(StrEnum):
    """What `raiway export` writes."""

    PARQUET = "parquet"
    CSV = "csv"


@dataclass(frozen=True, kw_only=True)
class ExportOptions(StudyOptions):
    """The options of `raiway export`."""

    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder to write into.")]
    form: Annotated[Format, typer.Option("--format", help="The files' format.")] = Format.PARQUET
    sites: Annotated[
        list[str], typer.Option("--site", metavar="ID", help="Only this site; repeatable.")
    ] = field(default_factory=list)


def run(options: ExportOptions, output: Output) -> int:
    """Write the fact tables and the episodes, one file each, with a data dictionary.

    The files hold single patients' data and never leave the site.

    Example: raiway export --to tables --format csv
    """
    from adapter import config
    from adapter.evaluate import Request, evaluate
    from adapter.export import export
    from adapter.store import open_store

    settings = config.load(options.config)
    study = options.chosen_study(settings)
    with open_store(options.store or settings.store.url, create=False) as store:
        evaluation = evaluate(store, study, Request(sites=tuple(options.sites)))
        output.warn(WARNING)
        found = export(store, evaluation, options.to, options.form.value)
    _show(found, options, output)
    return 0


def _show(found: list[Exported], options: ExportOptions, output: Output) -> None:
    if options.as_json:
        output.json({"files": [{"path": str(each.path), "rows": each.rows} for each in found]})
        return
    rows = [(str(each.path), f"{each.rows:,}") for each in found]
    output.tables([Table("", ("file", "rows"), rows)])


COMMAND = Command("export", ExportOptions, run)
