"""`raiway table-one`: who the patients are, overall and by group."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapter.cli.command import Command
from adapter.cli.options import StudyOptions
from adapter.cli.output import Output, as_json
from adapter.cli.tables import Table, plain
from adapter.files import check_writable, write_atomically

if TYPE_CHECKING:
    from analytics.table_one import CountTable, Row, TableOne


class Format(StrEnum):
    """What `raiway table-one` writes."""

    TABLE = "table"
    CSV = "csv"
    MARKDOWN = "markdown"


class Level(StrEnum):
    """Whether single patients' values (medians, ranges) are in the table."""

    PATIENT = "patient"
    AGGREGATE = "aggregate"


@dataclass(frozen=True, kw_only=True)
class TableOneOptions(StudyOptions):
    """The options of `raiway table-one`."""

    by: Annotated[
        str | None,
        typer.Option("--by", metavar="CODE", help="Groups: driver, arm, rai_treated, site, …"),
    ] = None
    sites: Annotated[
        list[str], typer.Option("--site", metavar="ID", help="Only this site; repeatable.")
    ] = field(default_factory=list)
    level: Annotated[
        Level,
        typer.Option("--level", help="aggregate: counts only, without medians and ranges."),
    ] = Level.PATIENT
    form: Annotated[
        Format, typer.Option("--format", help="A table for eyes, CSV, or Markdown.")
    ] = Format.TABLE
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write there, not to stdout.")
    ] = None


def run(options: TableOneOptions, output: Output) -> int:
    """Show who the patients are, overall and by group, with missing values and how groups differ.

    Example: raiway table-one --by driver --format markdown
    """
    from adapter import config
    from adapter.cli.caveats import warn_of_gaps
    from adapter.evaluate import Request, evaluate
    from adapter.store import open_store
    from adapter.table_one_text import printed
    from analytics.table_one import count_table, table_one

    if options.out:
        check_writable(options.out)
    settings = config.load(options.config)
    study = options.chosen_study(settings)
    request = Request(tuple(options.sites), stratifiers=(options.by,) if options.by else ())
    with open_store(options.store or settings.store.url, create=False) as store:
        evaluation = evaluate(store, study, request)
        warn_of_gaps(store, options.sites, output)
    if options.level is Level.AGGREGATE:
        found: CountTable | TableOne = count_table(evaluation.aggregate, options.by)
    else:
        found = table_one(evaluation.courses, study, options.by)
    if options.as_json:
        _write(as_json(_document(found)), options.out, output)
    else:
        _write_table(printed(found, study), options, output)
    return 0


def _document(found: CountTable | TableOne) -> dict[str, Any]:
    """The numbers as they are, unrounded; an infinite difference is null, and `apart` is true."""
    from adapter.table_one_text import parts

    counts, numbers = parts(found)
    return {
        "by": counts.by,
        "n": counts.n,
        "groups": dict(counts.sizes),
        "numbers": {row.name: _row(row) for row in numbers},
        "categories": {row.name: _row(row) for row in counts.rows},
    }


def _row(row: Row[Any]) -> dict[str, Any]:
    groups = {name: asdict(each) for name, each in row.groups.items()}
    apart = row.smd == inf
    smd = None if apart else row.smd
    return {"all": asdict(row.overall), "groups": groups, "smd": smd, "apart": apart}


def _write_table(table: Table, options: TableOneOptions, output: Output) -> None:
    if options.form is Format.TABLE and options.out is None:
        output.tables([table])
        return
    text = {Format.TABLE: plain, Format.CSV: _csv, Format.MARKDOWN: _markdown}[options.form]
    _write(text(table), options.out, output)


def _csv(table: Table) -> str:
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows([table.columns, *table.rows])
    return lines.getvalue()


def _markdown(table: Table) -> str:
    """Categories stay indented below their variable; the notes stand below the table."""
    lines = [table.columns, ["---"] * len(table.columns), *table.rows]
    body = ["| " + " | ".join(map(_marked, line)) + " |" for line in lines]
    return "\n".join([f"**{table.title}**", "", *body, "", *table.notes]) + "\n"


def _marked(cell: str) -> str:
    text = cell.strip().replace("|", "\\|")
    return f"&emsp;{text}" if cell.startswith(" ") else text


def _write(text: str, out: Path | None, output: Output) -> None:
    if out is None:
        output.data(text)
    else:
        write_atomically(out, text)
        output.note(f"written: {out}")


COMMAND = Command("table-one", TableOneOptions, run)
