"""`raiway pool`: MeasureReports of several sites added up to one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapter.cli.command import Command, CommonOptions
from adapter.cli.extra import need_serve
from adapter.cli.output import Output, as_json
from adapter.files import check_writable, write_atomically

if TYPE_CHECKING:
    from adapter.config import Settings
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
    unsigned: Annotated[
        bool,
        typer.Option(
            "--unsigned",
            help="Pool reports whose signatures nobody checks: experiments on one machine.",
        ),
    ] = False


def run(options: PoolOptions, output: Output) -> int:
    """Add up sites' MeasureReports of one Measure: exact, or bounds where a site hides counts.

    Only signed reports are added: each FILE has its FILE.provenance.json beside it, as raiway
    submit leaves it, and its key stands in the file of [trust] keys. Shows a table; --json gives
    all numbers, --out FILE writes the pooled MeasureReport.

    Example: raiway pool site-*.json --out pooled.json
    """
    from adapter import config
    from adapter.pooling.document import document, tables
    from adapter.pooling.files import measure_id
    from adapter.pooling.made import report_of_sites
    from adapter.pooling.pool import pool
    from adapter.report.evaluation import measure

    if options.out:
        check_writable(options.out)
    settings = config.load(options.config)
    reports = _reports(options, settings, output)
    asked = measure(measure_id(reports), settings)
    pooled = pool(reports, asked)
    _say(pooled, output)
    public = options.recipient is Recipient.PUBLIC
    report = _released(pooled, reports, settings) if public else report_of_sites(pooled, settings)
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


def _reports(options: PoolOptions, settings: Settings, output: Output) -> list[dict[str, Any]]:
    """Those of the files, each trusted unless signatures are not asked for."""
    from adapter.pooling.files import read_reports

    if options.unsigned:
        output.warn("no signature is checked: the result is for experiments alone")
        return read_reports(options.files)
    need_serve()
    from adapter.api.inbox.files import registry

    with registry(settings) as record:
        return record.trusted(options.files)


def _released(
    pooled: PooledTable, reports: list[dict[str, Any]], settings: Settings
) -> dict[str, Any]:
    """The report for the public, put on record as one of the registry's releases."""
    need_serve()
    from adapter.api.inbox.files import registry
    from adapter.api.inbox.opening import Opening, cohort, reporters
    from adapter.pooling.made import gated_report

    report = gated_report(pooled, settings, "public")
    opening = Opening("public", cohort(reports, pooled.measure), reporters(pooled))
    with registry(settings) as record:
        record.open_once(opening, report)
    return report


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
