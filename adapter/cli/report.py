"""`raiway report`: the outcomes as one HTML file, with plots."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapter.cli.command import Command
from adapter.cli.options import StudyOptions
from adapter.cli.output import Output
from adapter.errors import UsageError
from adapter.files import check_writable, write_atomically
from adapter.tables import counted

if TYPE_CHECKING:
    from adapter.html_report.page import Page


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
        typer.Option(
            "--figures", metavar="DIR", help="Each plot as SVG, PNG and JSON too, in DIR."
        ),
    ] = None
    interactive: Annotated[
        bool,
        typer.Option(
            "--interactive", help="With scripts of its own that zoom plots and say what marks are."
        ),
    ] = False
    pdf: Annotated[
        Path | None,
        typer.Option("--pdf", metavar="FILE", help="The same as PDF too, printed by Chromium."),
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
    from adapter.html_report import html

    _check(options)
    page = _page(options, output)
    if page.gone:
        what = counted(page.gone, "resource is", "resources are")
        output.warn(f"{what} not where ingested from any more: --resources PATH looks elsewhere")
    text = html(page, interactive=options.interactive)
    write_atomically(options.out, text)
    written = {"level": options.level, "file": str(options.out), "bytes": len(text.encode())}
    written |= _beside(page, options)
    if options.as_json:
        output.json(written)
    else:
        _say(written, options, output)
    return 0


def _check(options: ReportOptions) -> None:
    """Raise UsageError before work is done for what cannot be written."""
    from adapter.html_report import check_available, check_printable

    check_available()
    check_writable(options.out)
    if options.level is Level.AGGREGATE and options.resources:
        raise UsageError("an aggregate report has no resources", hint="leave --resources out")
    if options.pdf:
        check_writable(options.pdf)
        check_printable()


def _page(options: ReportOptions, output: Output) -> Page:
    from adapter import config
    from adapter.cli.caveats import warn_of_gaps
    from adapter.evaluate import Request, evaluate
    from adapter.html_report import aggregate_report, patient_report
    from adapter.quality.stamp import stamped
    from adapter.store import open_store

    settings = config.load(options.config)
    study = options.chosen_study(settings)
    with open_store(options.store or settings.store.url, create=False) as store:
        evaluation = stamped(store, evaluate(store, study, Request(tuple(options.sites))))
        if options.level is Level.PATIENT:
            page = patient_report(store, evaluation, options.resources)
        else:
            page = aggregate_report(evaluation, options.policy)
        warn_of_gaps(store, options.sites, output)
    return page


def _beside(page: Page, options: ReportOptions) -> dict[str, Any]:
    """What is written beside the HTML file, by what it is."""
    from adapter.html_report import pdf, write_figures

    written: dict[str, Any] = {}
    if options.pdf:
        write_atomically(options.pdf, pdf(page))
        written["pdf"] = str(options.pdf)
    if options.figures:
        written["figures"] = [str(file) for file in write_figures(page, options.figures)]
    return written


def _say(written: dict[str, Any], options: ReportOptions, output: Output) -> None:
    size = f"{written['bytes'] / 1000:,.0f} kB"
    output.note(f"written: {options.out} ({size}), {MEANING[options.level]}")
    if options.pdf:
        output.note(f"written: {options.pdf}")
    if options.figures:
        output.note(f"written: {counted(len(written['figures']), 'file')} in {options.figures}")


COMMAND = Command("report", ReportOptions, run)
