"""In which form `raiway evaluate` writes a report, and what that form needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapter.cli.options import StudyOptions
from adapter.errors import UsageError
from adapter.report.form import Form

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.report.forms import Receiver

PLACES = (Form.SANER, Form.MADX)


class Format(StrEnum):
    """What `raiway evaluate` writes."""

    FHIR = "fhir"
    FIGURES = "figures"
    TABLE = "table"
    CSV = "csv"


REPORTS = frozenset({Format.FHIR, Format.CSV})
"""MeasureReports, which are made of an aggregate alone."""


@dataclass(frozen=True, kw_only=True)
class FormOptions(StudyOptions):
    """The options that say how a report is written."""

    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help="MeasureReport, figures by name, a table for eyes, or a report as SANER's CSV.",
        ),
    ] = Format.FHIR
    profile: Annotated[
        Form | None,
        typer.Option(
            "--profile",
            help="Whose form the MeasureReport has: plain R4, DEQM UV 1.0.0 (default), DEQM STU5, "
            "SANER or IHE mADX.",
        ),
    ] = None
    location: Annotated[
        str | None,
        typer.Option(
            "--location",
            metavar="SYSTEM|VALUE",
            help="The place that is reported on, by the receiver's identifier (saner, madx, csv).",
        ),
    ] = None
    columns: Annotated[
        list[str],
        typer.Option(
            "--column",
            metavar="CODE$NAME",
            help="A column of the CSV, and its name; repeatable, in this order (default: all).",
        ),
    ] = field(default_factory=list)
    made: Annotated[
        str | None,
        typer.Option(
            "--date",
            metavar="INSTANT",
            help="The report's date, 2026-11-23T12:00:00+00:00 (default: now); with it the same "
            "data give the same bytes.",
        ),
    ] = None

    def chosen_form(self, form: Format) -> Form:
        """The form of the report. Raises UsageError for options that do not go together."""
        self.instant()
        chosen = self.profile or (Form.SANER if form is Format.CSV else Form.DEQM)
        if self.profile and form not in (Format.FHIR, Format.CSV):
            raise UsageError(f"--profile is a MeasureReport's; the format is {form}")
        if form is Format.CSV and chosen is not Form.SANER:
            raise UsageError(f"CSV has the form saner, not {chosen}", hint="leave out --profile")
        if self.columns and form is not Format.CSV:
            raise UsageError("--column names a column of --format csv")
        if bool(self.location) is not (chosen in PLACES):
            told = "about no location" if self.location else "about a location"
            raise UsageError(f"the form {chosen} is {told}", hint="--location SYSTEM|VALUE")
        return chosen

    def instant(self) -> datetime | None:
        """The stated date of the report. Raises UsageError for one without a time and a zone."""
        if self.made is None:
            return None
        try:
            made = datetime.fromisoformat(self.made)
        except ValueError as error:
            raise UsageError(f"--date {self.made}: {error}", hint=_INSTANT) from error
        if made.tzinfo is None:
            raise UsageError(f"--date {self.made}: no time zone", hint=_INSTANT)
        return made

    def receiver(self, settings: Settings, sites: tuple[str, ...]) -> Receiver:
        """What the form needs beside the report; days are those of the one site's zone."""
        from adapter.report.forms import Receiver, ReportedLocation

        known = settings.site(sites[0]) if len(sites) == 1 else None
        zone = _zone(known.timezone) if known else UTC
        if self.location is None:
            return Receiver(zone=zone)
        system, _, value = self.location.rpartition("|")
        if not value:
            raise UsageError(f"--location {self.location}: no identifier", hint="SYSTEM|VALUE")
        return Receiver(ReportedLocation(value, system), zone)


_INSTANT = "say 2026-11-23T12:00:00+00:00"


def _zone(name: str) -> Any:
    from adapter.config import zone

    return zone(name)
