"""An evaluation as a MeasureReport that has passed every check of ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.metadata import version

from adapter import mapping_files
from adapter.config import Settings
from adapter.elements import Json
from adapter.errors import GateFailed, UsageError
from adapter.evaluate import Evaluation
from adapter.fhir_r4 import validated
from adapter.measures.definition import MeasureDefinition
from adapter.measures.load import load_measures
from adapter.quality.outcome import issues
from adapter.report.check import check
from adapter.report.writer import Reporter, ReportHead, measure_report


@lru_cache(maxsize=4)
def measures(base: str) -> Mapping[str, MeasureDefinition]:
    """The shipped Measures by id, with their canonicals under `base`. Raises DefinitionError."""
    return load_measures(mapping_files.root(), base)


def measure(name: str, settings: Settings) -> MeasureDefinition:
    """The Measure of this id. Raises UsageError with the ids that there are."""
    known = measures(settings.report.base)
    if name not in known:
        raise UsageError(f"no measure {name!r}", hint=f"there are: {', '.join(sorted(known))}")
    return known[name]


def report_head(
    evaluation: Evaluation, settings: Settings, made: datetime | None = None
) -> ReportHead:
    """The head of a summary of the evaluation; `made` (now, if not stated) is its date.

    With `made` stated the same store, study and software give the same bytes. Raises UsageError
    for a reporter that cannot report.
    """
    start, end = period(evaluation)
    return ReportHead(
        reporter=own_reporter(settings),
        date=made or datetime.now(UTC),
        period_start=start,
        period_end=end,
        software=f"raiway {version('raiway')}",
        data_version=evaluation.data_version,
        issues=issues(evaluation.gate) if evaluation.gate else (),
    )


def checked_report(
    evaluation: Evaluation,
    asked: MeasureDefinition,
    settings: Settings,
    made: datetime | None = None,
) -> Json:
    """The evaluation as a summary MeasureReport of `asked` in the DEQM form; `made`: its date.

    Raises GateFailed when the report does not pass `report.check` or is no valid FHIR.
    """
    head = report_head(evaluation, settings, made)
    report = measure_report(
        asked, evaluation.estimates, evaluation.aggregate, evaluation.study, head
    )
    return checked(report, asked)


def checked(report: Json, asked: MeasureDefinition) -> Json:
    """The report, unchanged, once it has passed every check of ours. Raises GateFailed."""
    if problems := check(report, asked):
        raise GateFailed(
            f"the report fails its own checks: {'; '.join(problems)}",
            where=f"Measure/{asked.id}",
            hint="nothing was written; the rules are in adapter/report/check.py",
        )
    validated(report)
    return report


def period(evaluation: Evaluation) -> tuple[date, date]:
    """The reporting period: as asked, else the whole years of the first and last protocol finish.

    Whole years, since a finish is the date of one patient.
    """
    asked = evaluation.request
    finishes = evaluation.finishes
    today = datetime.now(UTC).date()
    first, last = min(finishes, default=today), max(finishes, default=today)
    start = asked.start or min(first, asked.end or first).replace(month=1, day=1)
    end = asked.end or max(last, start).replace(month=12, day=31)
    return start, end


def own_reporter(settings: Settings) -> Reporter:
    """Who reports by the settings. Raises UsageError for who cannot."""
    reference = settings.report.reporter
    try:
        return Reporter(display=reference, reference=reference)
    except ValueError as error:
        raise UsageError(
            str(error), where="[report] reporter", hint="e.g. Organization/my-hospital"
        ) from error
