"""The manifest of a finished Bulk Data export, read without I/O.

Versions 2.0.0 (2021), 3.0.0 (2025) and 4.0.0-ballot (2026) of
http://hl7.org/fhir/uv/bulkdata/export.html differ in names only: `error` is `outcome` in 4, files
of 3 may be organised by resource instead of type, and manifests may have further pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urljoin, urlsplit

from adapter.errors import Unreachable
from adapter.pull.checks import known_types

PAGES = 1000
"""The most pages that one manifest may have."""


class InvalidManifest(Unreachable):
    """An answer that is no manifest, or one that cannot be relied on."""


class Section(StrEnum):
    """What a file is for."""

    OUTPUT = "output"
    DELETED = "deleted"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file of the manifest. url: absolute. resource_type: None where its lines say theirs.

    count: the resources that it should hold, if stated. requires_token: whether it wants the access
    token; if not, it must not see it (B15).
    """

    section: Section
    url: str
    resource_type: str | None = None
    count: int | None = None
    requires_token: bool = True


@dataclass(frozen=True, slots=True)
class Manifest:
    """One page, or all of them together.

    transaction_time: the server's instant as sent (B13: never the local clock). warnings: what was
    not as it should be. refused: entries that name no file that may be read. ahead: the time lies
    in the server's own future.
    """

    transaction_time: str
    files: tuple[ListedFile, ...] = ()
    next: str | None = None
    warnings: tuple[str, ...] = ()
    refused: int = 0
    ahead: bool = False

    @property
    def instant(self) -> datetime:
        """The transaction time, with its zone."""
        return _instant(self.transaction_time)


def manifest(content: object, url: str) -> Manifest:
    """The manifest in a JSON answer from `url`. Raises InvalidManifest."""
    if not isinstance(content, Mapping):
        raise InvalidManifest("the manifest is no JSON object")
    if content.get("resourceType") is not None:
        raise InvalidManifest("a FHIR resource came instead of the export's manifest")
    if not isinstance(content.get("output"), list):
        raise InvalidManifest("the manifest has no output")
    time = content.get("transactionTime")
    if not isinstance(time, str):
        raise InvalidManifest("the manifest has no transactionTime")
    _instant(time)
    reader = _Reader(url, content)
    files = tuple(reader.files(content))
    return Manifest(
        transaction_time=time,
        files=_once(files),
        next=_next(content, url),
        warnings=tuple(reader.warnings),
        refused=reader.refused,
    )


def together(pages: Sequence[Manifest]) -> Manifest:
    """All pages as one: each file once, and the earliest time. The first one says the rest.

    pages: at least one.
    """
    earliest = min(pages, key=lambda page: page.instant)
    return replace(
        pages[0],
        transaction_time=earliest.transaction_time,
        ahead=any(page.ahead for page in pages),
        files=_once(file for page in pages for file in page.files),
        warnings=tuple(dict.fromkeys(text for page in pages for text in page.warnings)),
        refused=sum(page.refused for page in pages),
    )


def _once(files: Iterable[ListedFile]) -> tuple[ListedFile, ...]:
    """A URL that is listed again is the same file (B14)."""
    found: dict[str, ListedFile] = {}
    for file in files:
        earlier = found.setdefault(file.url, file)
        # A file's own entry states its count, not one that it only continues.
        count = file.count if earlier.count is None else earlier.count
        token = earlier.requires_token and file.requires_token
        found[file.url] = replace(earlier, count=count, requires_token=token)
    return tuple(found.values())


class _Reader:
    """Reads one page; gathers what is wrong with it."""

    def __init__(self, url: str, content: Mapping[str, Any]) -> None:
        self.warnings: list[str] = []
        self.refused = 0
        self._url = url
        self._organised = isinstance(content.get("outputOrganizedBy"), str)
        self._requires_token = self._token_of(content)

    def _token_of(self, content: Mapping[str, Any]) -> bool:
        stated = content.get("requiresAccessToken")
        if isinstance(stated, bool):
            return stated
        if stated in ("true", "false"):
            self.warnings.append("requiresAccessToken is a text")
            return bool(stated == "true")
        if stated is None:
            self.warnings.append("the manifest does not say whether files need the access token")
            return True
        raise InvalidManifest("requiresAccessToken of the manifest is neither true nor false")

    def files(self, content: Mapping[str, Any]) -> Iterator[ListedFile]:
        for name, section in _SECTIONS:
            entries = content.get(name)
            if entries is None:
                continue
            if not isinstance(entries, list):
                raise InvalidManifest(f"{name} of the manifest is no array")
            for entry in entries:
                yield from self._file(entry, section)

    def _file(self, entry: object, section: Section) -> Iterator[ListedFile]:
        url = absolute(entry.get("url"), self._url) if isinstance(entry, Mapping) else None
        if not isinstance(entry, Mapping) or url is None:
            self._refuse(f"an entry of {section} has no url")
        elif self._typed(entry, section):
            wanted = _LINES.get(section, entry.get("type"))
            count = self._count(entry)
            yield ListedFile(section, url, wanted, count, self._requires_token)
            continued = absolute(entry.get("continuesInFile"), self._url)
            if continued is not None:
                yield ListedFile(section, continued, wanted, None, self._requires_token)
            elif entry.get("continuesInFile") is not None:
                self._refuse("continuesInFile of a file is no URL")

    def _typed(self, entry: Mapping[str, Any], section: Section) -> bool:
        stated = entry.get("type")
        if section is not Section.OUTPUT or (isinstance(stated, str) and stated in known_types()):
            return True
        if stated is None:
            if not self._organised:
                self.warnings.append("a file of the output has no type: its lines are asked")
            return True
        # Whatever it is, it is not shown: it may be made to harm whoever prints it.
        self._refuse("a file of the output has a type that FHIR R4 does not have")
        return False

    def _refuse(self, why: str) -> None:
        self.refused += 1
        self.warnings.append(why)

    def _count(self, entry: Mapping[str, Any]) -> int | None:
        count = entry.get("count")
        if type(count) is int and count >= 0:
            return count
        if count is not None:
            self.warnings.append("a file's count is no whole number")
        return None


# `outcome` is what version 4 calls `error`.
_SECTIONS = (
    ("output", Section.OUTPUT),
    ("deleted", Section.DELETED),
    ("error", Section.ERROR),
    ("outcome", Section.ERROR),
)


# What the lines of these files are, whatever `type` says.
_LINES = {Section.DELETED: "Bundle", Section.ERROR: "OperationOutcome"}


def _next(content: Mapping[str, Any], url: str) -> str | None:
    links = content.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, Mapping) and link.get("relation") == "next":
            target = absolute(link.get("url"), url)
            if target is None:
                raise InvalidManifest("the link to the manifest's next page is no URL")
            return target
    return None


def absolute(stated: object, url: str) -> str | None:
    """The URL that an answer from `url` states, relative to it or not; None where it is none."""
    if not isinstance(stated, str) or not stated.strip():
        return None
    try:
        target = urljoin(url, stated.strip())
        urlsplit(target)
    except ValueError:
        return None
    return target


def _instant(text: str) -> datetime:
    """An instant of http://hl7.org/fhir/R4/datatypes.html#instant. Raises InvalidManifest."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise InvalidManifest("transactionTime of the manifest is no instant with its zone")
    return found
