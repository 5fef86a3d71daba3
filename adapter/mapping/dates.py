"""FHIR dates as the days they may mean, in the site's local calendar.

FHIR R4 date, dateTime and instant (http://hl7.org/fhir/R4/datatypes.html#dateTime). A partial date
is a span, never a guessed day; an instant is the calendar day it was at the site.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

from adapter.errors import InvalidValue

_FORM = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(T.+)?)?)?")


RECENT = 4096
"""Dates that are remembered: the results of one blood draw share theirs."""


class Span(NamedTuple):
    """earliest and latest day; precision is year, month, day or instant."""

    earliest: date
    latest: date
    precision: str
    carried_offset: bool = False

    def columns(self, name: str) -> dict[str, object]:
        """The three columns of a fact table."""
        return {
            f"{name}_earliest": self.earliest,
            f"{name}_latest": self.latest,
            f"{name}_precision": self.precision,
        }


@lru_cache(maxsize=RECENT)
def span(text: str, zone: tzinfo) -> Span:
    """The days that a FHIR date means. Raises InvalidValue for a date that cannot be."""
    form = _FORM.fullmatch(text.strip())
    if form is None:
        raise InvalidValue("not a FHIR date")
    year, month, day, time = form.groups()
    try:
        if time:
            return _instant(text.strip(), zone)
        if day:
            exact = date(int(year), int(month), int(day))
            return Span(exact, exact, "day")
        if month:
            last = calendar.monthrange(int(year), int(month))[1]
            first = date(int(year), int(month), 1)
            return Span(first, first.replace(day=last), "month")
        return Span(date(int(year), 1, 1), date(int(year), 12, 31), "year")
    except (ValueError, OverflowError, calendar.IllegalMonthError) as error:
        raise InvalidValue("an impossible date") from error


def _instant(text: str, zone: tzinfo) -> Span:
    at = datetime.fromisoformat(text)
    local = at.astimezone(zone).date() if at.tzinfo else at.date()
    return Span(local, local, "instant", carried_offset=at.tzinfo is not None)


def sortable(text: object) -> str:
    """An instant in UTC with fixed digits, so that text order is time order; '' if none.

    Raises InvalidValue for what is no instant.
    """
    if text is None or text == "":
        return ""
    if not isinstance(text, str):
        raise InvalidValue("an instant that is no text")
    return _sortable(text)


@lru_cache(maxsize=RECENT)
def _sortable(text: str) -> str:
    try:
        at = datetime.fromisoformat(text.strip())
        if at.tzinfo is not None:
            # Without its zone it is written twice as fast.
            at = at.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise InvalidValue("an impossible instant") from error
    return at.isoformat(timespec="microseconds")
