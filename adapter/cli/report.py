"""`raiway report`: the outcomes as one HTML file, with plots."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from adapter.cli.command import Command
from adapter.cli.options import StudyOptions
from adapter.cli.output import Output
from adapter.errors import UsageError
from adapter.files import check_writable, write_atomically


class Level(StrEnum):
    """Whether single patients are in the page."""

    PATIENT = "patient"
    AGGREGATE = "aggregate"


MEANING = {
    Level.PATIENT: "it shows single patients and stays inside the site",
    Level.AGGREGATE: "it shows what the policy lets out",
}


@dataclass(frozen=True, kw_only=True)
class ReportOptions(StudyOptions):
    """The options of `raiway report`."""

    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The HTML file to write.")] = (
        Path("raiway-report.html")
    )
    level: Annotated[
        Level,
        typer.Option("--level", help="patient: stays inside; aggregate: what a policy lets out."),
    ] = Level.PATIENT
    policy: Annotated[
        str,
        typer.Option(
            "--policy", metavar="NAME", help="Of --level aggregate: registry, public or secure-sum."
        ),
    ] = "registry"
    resources: Annotated[
        list[str],
        typer.Option(
            "--resources",
            metavar="PATH",
            help="Of --level patient: where the ingested files lie now, if they were moved; "
            "repeatable.",
        ),
    ] = field(default_factory=list)
    figures: Annotated[
        Path | None,
        typer.Option("--figures", metavar="DIR", help="Each plot as SVG and PNG too, in DIR."),
    ] = None
    sites: Annotated[
        list[str], typer.Option("--site", metavar="ID", help="Only this site; repeatable.")
    ] = field(default_factory=list)


def run(options: ReportOptions, output: Output) -> int:
    """Write the outcomes as one HTML file that loads nothing: flow, Table 1, curves, responses,
    courses, tumours, and what set each date of each patient, down to the resource.

    It shows single patients and stays inside the site. With --level aggregate it shows the counts
    that a disclosure policy lets out, and nothing else.

    Example: raiway report --level aggregate --policy registry --out report.html
    """
    from adapter import config
    from adapter.cli.caveats import warn_of_gaps
    from adapter.evaluate import Request, evaluate
    from adapter.html_report import (
        aggregate_report,
        check_available,
        html,
        patient_report,
        write_figures,
    )
    from adapter.quality.stamp import stamped
    from adapter.store import open_store
    from adapter.tables import counted

    check_available()
    check_writable(options.out)
    if options.level is Level.AGGREGATE and options.resources:
        raise UsageError("an aggregate report has no resources", hint="leave --resources out")
    settings = config.load(options.config)
    study = options.chosen_study(settings)
    with open_store(options.store or settings.store.url, create=False) as store:
        evaluation = stamped(store, evaluate(store, study, Request(tuple(options.sites))))
        if options.level is Level.PATIENT:
            page = patient_report(store, evaluation, options.resources)
        else:
            page = aggregate_report(evaluation, options.policy)
        warn_of_gaps(store, options.sites, output)
    if page.gone:
        what = counted(page.gone, "resource is", "resources are")
        output.warn(f"{what} not where ingested from any more: --resources PATH looks elsewhere")
    text = html(page)
    write_atomically(options.out, text)
    figures = write_figures(page, options.figures) if options.figures else []
    size = len(text.encode())
    if options.as_json:
        files = {"figures": [str(file) for file in figures]} if options.figures else {}
        written = {"level": options.level, "file": str(options.out), "bytes": size}
        output.json({**written, **files})
        return 0
    output.note(f"written: {options.out} ({size / 1000:,.0f} kB), {MEANING[options.level]}")
    if options.figures:
        output.note(f"written: {counted(len(figures), 'file')} in {options.figures}")
    return 0


COMMAND = Command("report", ReportOptions, run)
