"""The values of search parameters, by their kinds (FHIR R4 search 3.1.1.4).

A date is the range of instants that its precision leaves open, so that it can be compared with the
range of an element. A time without a zone is taken as UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

Kind = Literal["date", "token", "string", "reference", "uri"]
Prefix = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]
PREFIXES: tuple[Prefix, ...] = get_args(Prefix)
MODIFIERS: dict[Kind, tuple[str, ...]] = {
    "date": (),
    "token": ("not",),
    "string": ("exact", "contains"),
    "reference": ("identifier",),
    "uri": ("below", "above"),
}
"""Beside `:missing`, which all have, and the name of a type, which references have."""

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
_DATE = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"(T(?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.(?P<fraction>\d{1,9}))?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
_LOCAL = re.compile(r"(?P<type>[A-Z][A-Za-z]{1,63})/(?P<id>[A-Za-z0-9.-]{1,64})(/_history/[^/]+)?")
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")


@dataclass(frozen=True, slots=True)
class DateValue:
    """A prefix, and the instants from `low` to before `high` that the precision leaves open."""

    prefix: Prefix
    low: datetime
    high: datetime


@dataclass(frozen=True, slots=True)
class TokenValue:
    """system: None is any, '' is none. code: None is any of the system; else a code or a flag."""

    system: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class StringValue:
    """How a text begins; with `:exact` all of it, with `:contains` a part."""

    text: str


@dataclass(frozen=True, slots=True)
class ReferenceValue:
    """Of a resource here: `type` ('' is any) and `id`. Of another: its `url` and `version`."""

    type: str
    id: str
    url: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class UriValue:
    """A URI, or a canonical of one version ('' is any)."""

    uri: str
    version: str = ""


Value = DateValue | TokenValue | StringValue | ReferenceValue | UriValue


def values_of(kind: Kind, modifier: str, text: str, base: str) -> tuple[Value, ...]:
    """The values of one parameter, one of which must hold.

    text: as sent, members parted by commas. base: the FHIR base, whose URLs are references to
    resources here. Raises ValueError, without the value, for one that cannot be.
    """
    return tuple(_value(kind, modifier, member, base) for member in split(text, ","))


def split(text: str, separator: str) -> Iterator[str]:
    r"""The parts of a text at a separator that no `\` stands before; escapes stay."""
    start = place = 0
    while place < len(text):
        if text[place] == "\\":
            place += 2
        elif text[place] == separator:
            yield text[start:place]
            place += 1
            start = place
        else:
            place += 1
    yield text[start:]


def plain(text: str) -> str:
    r"""The text without escapes: `\,`, `\|`, `\$` and `\\`."""
    return re.sub(r"\\([,|$\\])", r"\1", text)


def date_range(text: str) -> tuple[datetime, datetime]:
    """The instants from the first to before the second that a FHIR date, dateTime or instant means.

    Raises ValueError for what is none.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError("no date: YYYY, YYYY-MM, YYYY-MM-DD, or with a time")
    given = found.groupdict()
    zone = (given["zone"] or "+00:00").replace("Z", "+00:00")
    fraction = (given["fraction"] or "")[:6].ljust(6, "0")
    low = datetime.fromisoformat(
        f"{given['year']}-{given['month'] or '01'}-{given['day'] or '01'}"
        f"T{given['hour'] or '00'}:{given['minute'] or '00'}:{given['second'] or '00'}"
        f".{fraction}{zone}"
    )
    try:
        low_utc = low.astimezone(UTC)
        return low_utc, _next(low, given).astimezone(UTC)
    except OverflowError:
        return (low_utc if low.year > 1 else EARLIEST), LATEST


def _next(low: datetime, given: dict[str, str | None]) -> datetime:
    """The first instant after the ones that are meant."""
    if given["month"] is None:
        return low.replace(year=low.year + 1) if low.year < LATEST.year else LATEST
    if given["day"] is None:
        month = low + timedelta(days=32 - low.day)
        return month.replace(day=1)
    if given["hour"] is None:
        return low + timedelta(days=1)
    if given["second"] is None:
        return low + timedelta(minutes=1)
    if given["fraction"] is None:
        return low + timedelta(seconds=1)
    return low + timedelta(microseconds=10 ** max(0, 6 - len(given["fraction"])))


def _value(kind: Kind, modifier: str, text: str, base: str) -> Value:
    if not text:
        raise ValueError("an empty value")
    if kind == "string":
        return StringValue(plain(text))
    if kind == "token" or modifier == "identifier":
        return _token(text)
    if kind == "date":
        return _date(text)
    if kind == "uri":
        return UriValue(*_canonical(text))
    return _reference(text, modifier, base)


def _date(text: str) -> DateValue:
    prefix = next((known for known in PREFIXES if text.startswith(known)), None)
    low, high = date_range(text.removeprefix(prefix or ""))
    return DateValue(prefix or "eq", low, high)


def _token(text: str) -> TokenValue:
    parts = [plain(part) for part in split(text, "|")]
    match parts:
        case [code]:
            return TokenValue(None, code)
        case [system, code] if system or code:
            return TokenValue(system, code or None)
    raise ValueError("no token: code, system|code, |code or system|")


def _canonical(text: str) -> tuple[str, str]:
    uri, *version = (plain(part) for part in split(text, "|"))
    if not uri or len(version) > 1:
        raise ValueError("no URI, or URI|version")
    return uri, version[0] if version else ""


def _reference(text: str, modifier: str, base: str) -> ReferenceValue:
    url, version = _canonical(text)
    local = _LOCAL.fullmatch(url.removeprefix(f"{base}/"))
    if local:
        found = ReferenceValue(local["type"], local["id"], version=version)
    elif _ID.fullmatch(url):
        found = ReferenceValue(modifier, url, version=version)
    elif ":" in url:
        found = ReferenceValue("", "", url, version)
    else:
        raise ValueError("no reference: an id, Type/id, or a URL")
    if modifier and found.type not in {"", modifier}:
        raise ValueError("a reference to another type than the modifier says")
    return found
