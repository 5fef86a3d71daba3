"""Actions for dates: as they are, shifted with their patient, or as years."""

from __future__ import annotations

from typing import Any

from adapter.privacy import calendars
from adapter.privacy.actions_of_numbers import OLDEST, drop
from adapter.privacy.pseudonyms import WITHHELD
from adapter.privacy.run import Run, Step
from adapter.privacy.setting import Setting, withheld
from adapter.privacy_mode import Mode

YEAR = len("2021")


def shift(of: Setting, _: str, path: str) -> Step:
    """A date, as the run shows dates."""

    def shown(value: Any, run: Run) -> Any:
        if not isinstance(value, str):
            return withheld(value, run, path, "")
        found = run.date(value)
        if found == WITHHELD:
            run.count(path, "no date")
        return found

    return shown


def instant(of: Setting, _: str, path: str) -> Step:
    """A FHIR instant: as a date, but gone where only its year may stay."""

    def shown(value: Any, run: Run) -> Any:
        if not isinstance(value, str):
            return withheld(value, run, path, "")
        found = run.date(value)
        if len(found) > YEAR or found == value.strip():
            return found
        run.count(path, "an instant of which only the year may stay")
        return None

    return shown


def year(of: Setting, _: str, path: str) -> Step:
    """A date as its year, in every mode."""

    def year(value: Any, run: Run) -> Any:
        if isinstance(value, str):
            return calendars.year(value)
        return withheld(value, run, path, "")

    return year


def birth(of: Setting, _: str, path: str) -> Step:
    """A date of birth; Safe Harbor puts all ages over 89 into one."""
    if of.mode is not Mode.SAFE_HARBOR:
        return shift(of, "", path)
    oldest = of.as_of.year - OLDEST

    def year(value: Any, run: Run) -> Any:
        found = calendars.year(value) if isinstance(value, str) else WITHHELD
        if found.isdigit() and int(found) < oldest:
            run.count(path, "an age over 89")
            return f"{oldest:04}"
        return found

    return year


def time_of_day(of: Setting, _: str, path: str) -> Step:
    """A FHIR time."""

    def time(value: Any, run: Run) -> Any:
        if isinstance(value, str):
            return calendars.time_of_day(value)
        return withheld(value, run, path, "")

    return time


def updated(of: Setting, _: str, path: str) -> Step:
    """meta.lastUpdated: kept where dates are, else gone."""
    if of.shifts or of.mode is Mode.SAFE_HARBOR:
        # It lies close to the real date, and shifted it would order no versions.
        return drop(of, "not shifted with the patient", path)
    return shift(of, "", path)
