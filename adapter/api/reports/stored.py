"""What goes into the repository, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from adapter.elements import Json

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Method = Literal["POST", "PUT", "DELETE"]
Change = Literal["none", "created", "updated", "deleted"]


@dataclass(frozen=True, slots=True)
class Received:
    """The exact bytes of a report that came, as a signature covers them (pooling.md section 9)."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of a report.

    Attributes:
        resource: with id, meta.versionId and meta.lastUpdated; of a deletion nothing but these.
        updated: when the version was stored, to the millisecond.
        owner: the client that sent the report, or asked for it.
        method: POST, PUT or DELETE, as a history states it.
        change: what the call that returned this changed.
    """

    id: str
    resource: Json
    version: int
    updated: datetime
    deleted: bool
    owner: str
    method: Method = "POST"
    change: Change = "none"

    @property
    def etag(self) -> str:
        """The version as HTTP names it."""
        return f'W/"{self.version}"'


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a search or history. token: gets the next page, '' on the last."""

    entries: tuple[Stored, ...]
    total: int
    token: str = ""


def microseconds(moment: datetime) -> int:
    """Since 1970, as the tables hold it."""
    return (moment - EPOCH) // MICROSECOND


def moment(stored: int) -> datetime:
    """The instant of so many microseconds since 1970."""
    return EPOCH + stored * MICROSECOND


def instant(at: datetime) -> str:
    """As `meta.lastUpdated` is written."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
