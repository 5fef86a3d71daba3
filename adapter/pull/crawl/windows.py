"""Windows of time: what a search asks for since the last run (pull.md W1-W4). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from adapter.errors import InvalidValue

LEAST_OVERLAP = timedelta(minutes=5)
"""Servers show a resource some time after its lastUpdated, and cache results (W3)."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` on, up to but without `end`: the same instant lies in one of two neighbours."""

    start: datetime
    end: datetime

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """Search parameters."""
        return (
            ("_lastUpdated", f"ge{instant(self.start)}"),
            ("_lastUpdated", f"lt{instant(self.end)}"),
        )


def since(watermark: datetime, overlap: timedelta, now: datetime) -> Window:
    """What changed since the watermark; what lies within the overlap is asked for again.

    now: the server's time. A watermark in the future gives an empty window that ends at `now`.
    """
    return Window(min(watermark - max(overlap, LEAST_OVERLAP), now), now)


def instant(moment: datetime) -> str:
    """A FHIR instant in UTC, to the millisecond if it is not a whole second."""
    moment = moment.astimezone(UTC)
    unit = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=unit).replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The moment of a FHIR instant. Raises InvalidValue for one without date, time and zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValue("no instant") from None
    if found.tzinfo is None:
        raise InvalidValue("an instant without a time zone")
    return found.astimezone(UTC)


def server_time(headers: Mapping[str, str], last_updated: str | None = None) -> datetime | None:
    """When the server answered by its own clock: the header Date, else the Bundle's lastUpdated."""
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        pass
    try:
        return moment(last_updated) if last_updated else None
    except InvalidValue:
        return None
