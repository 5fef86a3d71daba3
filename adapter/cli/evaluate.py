"""`raiway evaluate`: the store's data as a MeasureReport, figures or a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli.command import Command
from adapter.cli.output import Output, as_json
from adapter.cli.report_form import REPORTS, Format, FormOptions
from adapter.cli.spark import Engine, EngineName, Master, evaluated, refuse_local
from adapter.cli.tables import Table, counted, plain
from adapter.errors import UsageError
from adapter.files import check_writable, write_atomically

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.evaluate import Evaluation, Request
    from adapter.measures.definition import MeasureDefinition
    from analytics.study import Study


WHOLE = "redifferentiation-outcomes"


def _day(name: str, text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        name, metavar="YYYY-MM-DD", formats=["%Y-%m-%d"], help=text
    )
    return option


class PolicyName(StrEnum):
    """The disclosure policies of `mappings/disclosure/`, and none."""

    NONE = "none"
    SECURE_SUM = "secure-sum"
    REGISTRY = "registry"
    PUBLIC = "public"


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(FormOptions):
    """The options of `raiway evaluate`."""

    measure: Annotated[str, typer.Argument(metavar="MEASURE", help="The id of a Measure.")] = WHOLE
    sites: Annotated[
        list[str], typer.Option("--site", metavar="ID", help="Only this site; repeatable.")
    ] = field(default_factory=list)
    start: Annotated[datetime | None, _day("--period-start", "First day of protocol finish.")] = (
        None
    )
    end: Annotated[datetime | None, _day("--period-end", "Last day of protocol finish.")] = None
    stratifiers: Annotated[
        list[str],
        typer.Option(
            "--stratify", metavar="CODE", help="A further stratifier beside driver; repeatable."
        ),
    ] = field(default_factory=list)
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write there, not to stdout.")
    ] = None
    policy: Annotated[
        PolicyName,
        typer.Option(
            "--policy",
            help="What a MeasureReport may state: none, for inside the site, or what the policy "
            "lets out to whom it is named after.",
        ),
    ] = PolicyName.NONE
    engine: EngineName = Engine.LOCAL
    master: Master = ""


def run(options: EvaluateOptions, output: Output) -> int:
    """Evaluate a measure on the store: a FHIR MeasureReport, figures (also --json) or a table.

    Example: raiway evaluate --format table --set tg_profile=rcv
    """
    from adapter import config
    from adapter.abstract import abstract
    from adapter.evaluate import Request
    from adapter.report.evaluation import measure

    refuse_local(options.engine, options.master)
    form = _format(options, output)
    options.chosen_form(form)
    if options.policy is not PolicyName.NONE and form not in REPORTS:
        raise UsageError("--policy is a MeasureReport's", hint="--format fhir or csv")
    if options.out:
        check_writable(options.out)
    settings = config.load(options.config)
    study = options.chosen_study(settings)
    asked = measure(options.measure, settings)
    request = Request(
        sites=tuple(options.sites),
        start=_date(options.start),
        end=_date(options.end),
        stratifiers=tuple(options.stratifiers),
    )
    url = options.store or settings.store.url
    if options.engine is Engine.SPARK:
        evaluation = _on_spark(url, study, request, options, output)
    else:
        evaluation = _of_store(url, study, request, options, output)
    if form is Format.TABLE:
        _write_tables(abstract(evaluation), options.out, output)
    elif form is Format.FIGURES:
        _write(as_json(evaluation.document()), options.out, output)
    else:
        _write(_report(evaluation, asked, settings, options), options.out, output)
        if settings.report.reporter == config.ReportSettings().reporter:
            output.warn("reporter is a placeholder: set [report] reporter")
    return 0


def _of_store(
    url: str, study: Study, request: Request, options: EvaluateOptions, output: Output
) -> Evaluation:
    from adapter.cli.caveats import warn_of_gaps
    from adapter.evaluate import evaluate, evaluate_aggregate
    from adapter.quality.stamp import stamped
    from adapter.store import open_store
    from adapter.workers import default_count

    # A report needs no single patient, and what was derived before need not be again.
    with open_store(url, create=False) as store:
        if _of_aggregate(options):
            found = evaluate_aggregate(store, study, request, workers=default_count())
        else:
            found = evaluate(store, study, request)
        evaluation = stamped(store, found, options.instant())
        _say(evaluation, store.counts()["quarantine"], output)
        warn_of_gaps(store, options.sites, output)
    return evaluation


def _on_spark(
    url: str, study: Study, request: Request, options: EvaluateOptions, output: Output
) -> Evaluation:
    from adapter.cli.caveats import warn_of_gaps
    from adapter.spark.folder import Folder
    from adapter.spark.register import with_gaps

    aggregate = _of_aggregate(options)
    evaluation = evaluated(url, options.master, study, request, aggregate=aggregate)
    output.note("the quality gate does not run on Spark")
    with with_gaps(Folder.of(url), options.sites) as (store, waiting):
        _say(evaluation, waiting, output)
        warn_of_gaps(store, options.sites, output)
    return evaluation


def _of_aggregate(options: EvaluateOptions) -> bool:
    return options.form in REPORTS and not options.as_json


def _report(
    evaluation: Evaluation, asked: MeasureDefinition, settings: Settings, options: EvaluateOptions
) -> str:
    """The report as text, in the form asked for."""
    from adapter.report.csv_table import csv_text
    from adapter.report.disclosed import disclosed_report
    from adapter.report.forms import render

    form = options.chosen_form(options.form)
    receiver = options.receiver(settings, evaluation.sites)
    report = disclosed_report(evaluation, asked, settings, options.policy.value, options.instant())
    rendered = render(report, form, receiver)
    return csv_text(rendered, options.columns) if options.form is Format.CSV else as_json(rendered)


def _format(options: EvaluateOptions, output: Output) -> Format:
    """What is written. Raises UsageError for a table of a part."""
    if options.as_json:
        if options.form is Format.TABLE:
            output.note("--json gives the figures, not a table")
        return Format.FIGURES
    if options.form is Format.TABLE and options.measure != WHOLE:
        raise UsageError(
            f"the table shows the whole study, not {options.measure} alone",
            hint="leave out MEASURE, or take --format fhir",
        )
    return options.form


def _date(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _say(evaluation: Evaluation, waiting: int, output: Output) -> None:
    enrolled = evaluation.figures()["n_patients"]
    out = evaluation.screened - evaluation.enrolled
    if not evaluation.screened:
        output.note("the store holds no patient of these sites: every count is 0")
    else:
        output.note(f"{enrolled} in, {counted(out, 'person')} out (why: raiway cohort)")
    if waiting:
        verbs = (
            "lies in the store's quarantine and is"
            if waiting == 1
            else "lie in the store's quarantine and are"
        )
        output.warn(f"{counted(waiting, 'line')} {verbs} not counted")


def _write_tables(tables: list[Table], out: Path | None, output: Output) -> None:
    if out is None:
        output.tables(tables)
    else:
        _write("\n".join(map(plain, tables)), out, output)


def _write(text: str, out: Path | None, output: Output) -> None:
    if out is None:
        output.data(text)
    else:
        write_atomically(out, text)
        output.note(f"written: {out}")


COMMAND = Command("evaluate", EvaluateOptions, run)
