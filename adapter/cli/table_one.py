"""`raiway table-one`: who the patients are, overall and by group."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapter.cli.abstract import NONE, rounded
from adapter.cli.command import Command
from adapter.cli.options import StudyOptions
from adapter.cli.output import Output, as_json
from adapter.cli.tables import Table, plain
from adapter.files import check_writable, write_atomically

if TYPE_CHECKING:
    from analytics.study import Study
    from analytics.table_one import Categories, CountTable, Row, Spread, TableOne

LABELS = {
    "sex": "Sex",
    "race": "Race",
    "ethnicity": "Ethnicity",
    "histology": "Histology",
    "driver": "Driver",
    "arm": "Arm",
    "pdl1": "PD-L1",
    "regimen": "Regimen",
    "uptake": "Iodine uptake before treatment",
    "rai_treated": "Therapeutic I-131",
    "age_years": "Age, years",
    "tg_prior_ng_ml": "Thyroglobulin before the drugs, ng/mL",
    "lesion_sum_prior_mm": "Sum of target diameters before the drugs, mm",
    "prior_rai_mci": "Prior I-131, mCi",
    "redifferentiation_rai_mci": "Redifferentiation I-131, mCi",
    "cumulative_rai_mci": "Cumulative I-131, mCi",
    "max_tolerated_mci": "Maximum tolerated activity, mCi",
    "drug_days": "Index drug, days",
}
NOTE = "n (%) of those of whom it is known."
NOTE_NUMBERS = (
    "Numbers: median (first to third quartile; range). A thyroglobulin below its limit stands at "
    "the limit."
)
NOTE_SMD = (
    "SMD: standardised difference, the greatest of any two groups (a mean needs two values); "
    "∞: two groups share nothing."
)


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


def printed(found: CountTable | TableOne, study: Study) -> Table:
    """The table as text: a row a number and a row a category, a column a group."""
    counts, numbers = _parts(found)
    names = _group_names(counts, study)
    heads = [f"{name} (n = {counts.sizes[value]})" for value, name in names.items()]
    smd = ["SMD"] if len(names) > 1 else []
    rows = [line for row in numbers for line in _number_rows(row, list(names))]
    rows += [line for row in counts.rows for line in _category_rows(row, list(names), study)]
    width = len(heads) + 2 + len(smd)
    notes = [NOTE, *([NOTE_NUMBERS] if numbers else []), *([NOTE_SMD] if smd else [])]
    return Table(
        f"Table 1, by {counts.by}" if counts.by else "Table 1",
        ("", f"all (n = {counts.n})", *heads, *smd),
        [tuple(row[:width]) for row in rows],
        tuple(notes),
    )


def _parts(found: CountTable | TableOne) -> tuple[CountTable, tuple[Row[Spread], ...]]:
    from analytics.table_one import CountTable

    return (found, ()) if isinstance(found, CountTable) else (found.counts, found.numbers)


def _group_names(counts: CountTable, study: Study) -> dict[str, str]:
    """Groups in the study's order of drivers, else by name; as they are called."""
    if counts.by == "driver":
        return {each.code: each.label for each in study.driver_classes if each.code in counts.sizes}
    return {value: value for value in counts.sizes}


def _number_rows(row: Row[Spread], groups: Sequence[str]) -> Iterator[Sequence[str]]:
    cells = [row.overall, *(row.groups[group] for group in groups)]
    yield (LABELS[row.name], *map(_spread, cells), _smd(row.smd))
    yield from _missing([each.missing for each in cells])


def _category_rows(
    row: Row[Categories], groups: Sequence[str], study: Study
) -> Iterator[Sequence[str]]:
    cells = [row.overall, *(row.groups[group] for group in groups)]
    yield (LABELS[row.name], *("" for _ in cells), _smd(row.smd))
    for category in row.overall.counts:
        name = study.driver(category).label if row.name == "driver" else category
        yield (f"  {name}", *(_share(each, category) for each in cells), "")
    yield from _missing([each.missing for each in cells])


def _missing(counts: Sequence[int]) -> Iterator[Sequence[str]]:
    if any(counts):
        yield ("  missing", *map(str, counts), "")


def _spread(found: Spread) -> str:
    if found.median is None or found.q1 is None or found.q3 is None:
        return NONE
    ends = (found.low or 0.0, found.high or 0.0)
    low, high = (rounded(end, 1) for end in ends)
    q1, q3 = rounded(found.q1, 1), rounded(found.q3, 1)
    return f"{rounded(found.median, 1)} ({q1} to {q3}; {low} to {high})"


def _share(found: Categories, category: str) -> str:
    percent = found.percent(category)
    n = found.counts.get(category, 0)
    return NONE if percent is None else f"{n} ({rounded(percent, 1)} %)"


def _smd(value: float | None) -> str:
    if value == inf:
        return "∞"
    return NONE if value is None else rounded(value, 2)


def _document(found: CountTable | TableOne) -> dict[str, Any]:
    """The numbers as they are, unrounded; an infinite difference is null, and `apart` is true."""
    counts, numbers = _parts(found)
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
