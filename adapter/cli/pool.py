"""`raiway pool`: MeasureReports of several sites added up to one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapter.cli.command import Command, CommonOptions
from adapter.cli.output import Output, as_json
from adapter.files import check_writable, write_atomically

if TYPE_CHECKING:
    from adapter.pooling.pool import PooledTable


class Recipient(StrEnum):
    """Who will read the result."""

    REGISTRY = "registry"
    PUBLIC = "public"


@dataclass(frozen=True, kw_only=True)
class PoolOptions(CommonOptions):
    """The options of `raiway pool`."""

    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="MeasureReports, or Bundles of them, as JSON."),
    ]
    recipient: Annotated[
        Recipient,
        typer.Option(
            "--for",
            help="registry: all of it, with each site. public: what the policy `public` lets out.",
        ),
    ] = Recipient.REGISTRY
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write the pooled MeasureReport there."),
    ] = None


def run(options: PoolOptions, output: Output) -> int:
    """Add up sites' MeasureReports of one Measure: exact, or bounds where a site hides counts.

    Shows a table; --json gives all numbers, --out FILE writes the pooled MeasureReport.

    Example: raiway pool site-*.json --out pooled.json
    """
    from adapter import config
    from adapter.pooling.document import document, tables
    from adapter.pooling.files import measure_id, read_reports
    from adapter.pooling.made import gated_report, report_of_sites
    from adapter.pooling.pool import pool
    from adapter.report.evaluation import measure

    if options.out:
        check_writable(options.out)
    settings = config.load(options.config)
    reports = read_reports(options.files)
    pooled = pool(reports, measure(measure_id(reports), settings))
    _say(pooled, output)
    public = options.recipient is Recipient.PUBLIC
    report = (
        gated_report(pooled, settings, "public") if public else report_of_sites(pooled, settings)
    )
    if options.out:
        write_atomically(options.out, as_json(report))
        output.note(f"written: {options.out}")
    if public:
        _show_public(report, options, output)
    elif options.as_json:
        output.json(document(pooled))
    else:
        output.tables(tables(document(pooled)))
    return 0


def _show_public(report: dict[str, Any], options: PoolOptions, output: Output) -> None:
    """What may be published is the report alone."""
    if options.as_json or options.out is None:
        output.json(report)


def _say(pooled: PooledTable, output: Output) -> None:
    if pooled.hiding:
        output.warn(
            f"{len(pooled.hiding)} of {len(pooled.sites)} reports hide counts: the result is "
            "bounds, no point lies between them by right"
        )
    else:
        output.note(f"{len(pooled.sites)} reports added, nothing hidden")


COMMAND = Command("pool", PoolOptions, run)
