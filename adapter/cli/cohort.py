"""`raiway cohort`: who is in and who is out, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapter.cli.command import Command
from adapter.cli.options import StudyOptions
from adapter.cli.output import Output
from adapter.cli.tables import Table
from adapter.errors import UsageError

if TYPE_CHECKING:
    from adapter.cohort import Attrition
    from analytics.course import Finding
    from analytics.episode import Course


@dataclass(frozen=True, kw_only=True)
class CohortOptions(StudyOptions):
    """The options of `raiway cohort`."""

    explain: Annotated[
        str | None,
        typer.Option(
            "--explain",
            metavar="PATIENT",
            help="Why this patient is in or out: Patient/id, or the store's key.",
        ),
    ] = None
    sites: Annotated[
        list[str], typer.Option("--site", metavar="ID", help="Only this site; repeatable.")
    ] = field(default_factory=list)


def run(options: CohortOptions, output: Output) -> int:
    """Show who is in the study and who is out, by reason; or why, for one patient.

    Example: raiway cohort --explain Patient/123 --site A
    """
    from adapter import config
    from adapter.cli.caveats import warn_of_gaps
    from adapter.cohort import attrition, explained
    from adapter.store import open_store

    if options.explain and len(options.sites) > 1:
        raise UsageError("--explain takes one --site", hint="name the patient's site only")
    settings = config.load(options.config)
    study = options.chosen_study(settings)
    with open_store(options.store or settings.store.url, create=False) as store:
        if options.explain is None:
            _show_attrition(attrition(store, study, options.sites), options, output)
        else:
            site = next(iter(options.sites), "")
            _show_course(explained(store, study, options.explain, site), options, output)
        warn_of_gaps(store, options.sites, output)
    return 0


def _show_attrition(found: Attrition, options: CohortOptions, output: Output) -> None:
    if options.as_json:
        output.json({"attrition": found.out, **_without_out(found)})
        return
    rows = [("persons in the store", "", f"{found.persons:,}")]
    rows += [(f"out: {reason}", f"{n:,}", f"{left:,}") for reason, n, left in found.steps()]
    rows.append(("in", "", f"{found.enrolled:,}"))
    notes = (f"later courses of those in: {found.later_courses:,}",) if found.later_courses else ()
    output.tables([Table("", ("", "out", "left"), rows, notes)])


def _without_out(found: Attrition) -> dict[str, Any]:
    return {name: value for name, value in asdict(found).items() if name != "out"}


def _show_course(course: Course, options: CohortOptions, output: Output) -> None:
    if options.as_json:
        findings = [_finding(finding) for finding in course.findings]
        output.json(
            {
                "patient": course.patient_key,
                "site": course.site,
                "attrition": course.attrition,
                "episodes": len(course.episodes),
                "findings": findings,
            }
        )
        return
    rows = [_row(finding) for finding in course.findings]
    title = f"{course.patient_key}: " + (f"out, {course.attrition}" if course.attrition else "in")
    output.tables([Table(title, ("", "rule", "resource", "day", ""), rows)])


def _row(finding: Finding) -> tuple[str, ...]:
    return (
        finding.outcome,
        finding.rule,
        " ".join(map(str, finding.refs)),
        finding.day.isoformat() if finding.day else "",
        finding.text,
    )


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "outcome": finding.outcome,
        "day": finding.day.isoformat() if finding.day else None,
        "text": finding.text,
        "resources": [str(ref) for ref in finding.refs],
    }


COMMAND = Command("cohort", CohortOptions, run)
