"""Dates as they may be shown: as they are, shifted by whole days of a patient, or as years.

A shift keeps every interval between two days of one patient, and the time on the clock: a day is
that of the site's calendar, so an instant is shifted on the site's wall clock and gets the offset
that the clock has on the day it lands on. A shift is no Safe Harbor (45 CFR 164.514(b)(2)(i)(C)):
elements of dates remain.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache

from adapter.privacy.pseudonyms import WITHHELD

RANGE = 364
"""Days: a shift is 1 to 364 days, always backwards."""
REMEMBERED = 8192
_FORM = re.compile(
    r"\s*(\d{4})(?:-(\d\d)(?:-(\d\d)"
    r"(T\d\d(?::\d\d(?::\d\d(?:\.\d{1,9})?)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?)?)?\s*"
)
_TIME = re.compile(r"\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?")


def days_of(key: bytes, pseudonym: str) -> int:
    """By how many days the dates of the patient of this pseudonym go back."""
    digest = hmac.digest(key, pseudonym.encode(), hashlib.sha256)
    return 1 + int.from_bytes(digest[:8]) % RANGE


def kept(text: str) -> str:
    """The date; WITHHELD for what is no FHIR date, which may be anything."""
    return text if _FORM.fullmatch(text) else WITHHELD


def year(text: str) -> str:
    """The year alone (R4 allows it for date and dateTime)."""
    found = _FORM.fullmatch(text)
    return found[1] if found else WITHHELD


def time_of_day(text: str) -> str:
    """A FHIR time; WITHHELD for anything else."""
    return text if _TIME.fullmatch(text) else WITHHELD


@dataclass(frozen=True, slots=True)
class Shift:
    """The shift of one patient: `days` backwards, on the site's wall clock."""

    days: int
    zone: tzinfo

    def __call__(self, text: str) -> str:
        """The date, shifted. A partial one becomes the year in which the middle of it lands."""
        return _shifted(text, self.days, self.zone)


@lru_cache(maxsize=REMEMBERED)
def _shifted(text: str, days: int, zone: tzinfo) -> str:
    found = _FORM.fullmatch(text)
    if found is None:
        return WITHHELD
    stated, month, day, time = found.groups()
    try:
        if day is None:
            middle = date(int(stated), int(month or 7), 15 if month else 2)
            return f"{(middle - timedelta(days=days)).year:04}"
        if time is None:
            return (date.fromisoformat(text.strip()) - timedelta(days=days)).isoformat()
        return _instant(text.strip(), days, zone)
    except (ValueError, OverflowError):
        return WITHHELD


def _instant(text: str, days: int, zone: tzinfo) -> str:
    at = datetime.fromisoformat(text)
    back = timedelta(days=days)
    if at.tzinfo is None:
        return (at - back).isoformat()
    wall = at.astimezone(zone).replace(tzinfo=None) - back
    # A time that the clock leaves out on that day keeps its date: the offset before is taken.
    return wall.replace(tzinfo=zone).isoformat()
