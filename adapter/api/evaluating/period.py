"""The reporting period of a request, in days.

R4 Measure/$evaluate-measure: "a value of 2014 would set the period start to be
2014-01-01T00:00:00 inclusive" and, as the period's end, 2014-12-31T23:59:59 inclusive.
"""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
INSTANT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII
)
MICROSECONDS = re.compile(r"(\.\d{6})\d+")


def first_day(text: str, zone: ZoneInfo) -> date:
    """The day with which a period begins; an instant lies on its day in the zone.

    Raises ValueError for what is no FHIR date or dateTime.
    """
    if found := DATE.fullmatch(text):
        year, month, day = (int(part or 1) for part in found.groups())
        return date(year, month, day)
    return _day(text, zone)


def last_day(text: str, zone: ZoneInfo) -> date:
    """The day with which a period ends. Raises as `first_day` does."""
    found = DATE.fullmatch(text)
    if found is None:
        return _day(text, zone)
    year, month, day = found.groups()
    number = int(month or 12)
    if not 1 <= number <= 12:
        raise ValueError("no such month")
    return date(int(year), number, int(day or calendar.monthrange(int(year), number)[1]))


def whole_months(start: date, end: date) -> bool:
    """Does a period begin and end with a month?"""
    return start.day == 1 and end.day == calendar.monthrange(end.year, end.month)[1]


def _day(text: str, zone: ZoneInfo) -> date:
    """Days are those of the records' own calendar: a time without a zone is taken as it stands."""
    if not INSTANT.fullmatch(text):
        raise ValueError("no FHIR date or dateTime")
    moment = datetime.fromisoformat(MICROSECONDS.sub(r"\1", text))
    try:
        return (moment.astimezone(zone) if moment.tzinfo else moment).date()
    except OverflowError as error:
        raise ValueError("no day of the calendar") from error
