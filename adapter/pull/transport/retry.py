"""When to ask again, and after how long. Pure: no clock, no network.

Bulk Data 2.0.0 "Error Considerations": Retry-After is honoured, a client backs off otherwise; an
OperationOutcome whose issues are all `transient` is retried. RFC 9110 10.2.3: Retry-After is
seconds or a date.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from random import Random
from typing import Any

TOO_MANY = 429
TRANSIENT = frozenset({408, 425, TOO_MANY, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Policy:
    """How often and how patiently; all times in seconds.

    Attributes:
        attempts: failures of one request, the last of which ends it; `throttled`: those by 429,
            which say nothing against the request; `stray`: those that seldom pass.
        base, cap: the first pause of the exponential back-off, and its longest.
        least, most: what a server's Retry-After is clamped to.
    """

    attempts: int = 7
    throttled: int = 20
    stray: int = 3
    base: float = 1.0
    cap: float = 60.0
    least: float = 1.0
    most: float = 600.0


class Kind(Enum):
    """Why an answer does not count: `throttled` by 429; `stray`, such as HTML in place of FHIR,
    which seldom passes; else `failed`."""

    FAILED = "failed"
    THROTTLED = "throttled"
    STRAY = "stray"


@dataclass(frozen=True, slots=True)
class Pause:
    """How long to wait; `asked` is what the server wanted, if it said so."""

    seconds: float
    asked: float | None = None

    @property
    def clamped(self) -> bool:
        """Did the server ask for longer than we wait?"""
        return self.asked is not None and self.asked > self.seconds


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for: 0 or more, or None where it cannot be read."""
    if value is None:
        return None
    stated = value.strip()
    try:
        seconds = float(stated)
    except ValueError:
        return _until(stated, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until(stated: str, now: datetime) -> float | None:
    try:
        date = parsedate_to_datetime(stated)
    except (ValueError, TypeError, OverflowError):
        return None
    # A date in the zone "-0000" comes without one; HTTP's dates are in UTC.
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - now).total_seconds())


def pause(policy: Policy, attempt: int, asked: float | None, random: Random) -> Pause:
    """The wait after the attempt of this number (from 1): what was asked for, clamped, else
    exponential back-off with full jitter, never below half of its step."""
    if asked is not None:
        return Pause(min(max(asked, policy.least), policy.most), asked)
    step = min(policy.cap, policy.base * 2.0 ** min(attempt - 1, 30))
    return Pause(step * (0.5 + 0.5 * random.random()))


@dataclass(slots=True)
class Attempts:
    """What has been tried for one answer. 429s are counted apart from failures."""

    policy: Policy
    random: Random
    failed: int = 0
    throttled: int = 0

    def pause(self, kind: Kind, asked: float | None) -> Pause | None:
        """The wait before the next attempt after one of this kind; None where none is left."""
        if kind is Kind.THROTTLED:
            self.throttled += 1
            tried, most = self.throttled, self.policy.throttled
        else:
            self.failed += 1
            tried = self.failed
            most = self.policy.stray if kind is Kind.STRAY else self.policy.attempts
        return pause(self.policy, tried, asked, self.random) if tried < most else None


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """The `Date` of a reply (names in lower case): an aware instant in UTC, or None."""
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)


def is_transient(status: int, outcome: Mapping[str, Any] | None) -> bool:
    """May the same request succeed later? `outcome`: the OperationOutcome of the body, if any."""
    return status in TRANSIENT or (status >= 400 and all_issues_transient(outcome))


def all_issues_transient(outcome: Mapping[str, Any] | None) -> bool:
    """Has the OperationOutcome issues, and are all of code `transient` or below it?

    http://hl7.org/fhir/R4/valueset-issue-type.html
    """
    if not outcome or outcome.get("resourceType") != "OperationOutcome":
        return False
    issues = outcome.get("issue")
    if not isinstance(issues, list) or not issues:
        return False
    return all(isinstance(issue, dict) and issue.get("code") in _PASSING for issue in issues)


_PASSING = frozenset(
    {"transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled"}
)
"""`transient` and the codes below it in the hierarchy of R4's value set."""
