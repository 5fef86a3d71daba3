"""A page of a search: a searchset Bundle, its entries as the bytes that were sent (pull.md S5).

Resources are cut out of the page, never written anew: a value of 1.10 stays 1.10.
http://hl7.org/fhir/R4/bundle.html#searchset
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from adapter.errors import InvalidValue, Unreachable
from adapter.pull.checks import BOM, Checked, Refused, checked
from adapter.pull.crawl import issues
from adapter.pull.crawl.windows import moment
from adapter.pull.transport.http import Reply
from adapter.pull.transport.log import masked


class SearchFailed(Unreachable):
    """A search whose rows cannot be known to be all: its type is not whole."""


class Link(msgspec.Struct):
    """A link of a Bundle."""

    relation: str | None = None
    url: str | None = None


class Mode(msgspec.Struct):
    """Why an entry is there: match, include, outcome."""

    mode: str | None = None


class Request(msgspec.Struct):
    """What was done, in a history."""

    method: str | None = None
    url: str | None = None


class Response(msgspec.Struct):
    """When it was done, in a history."""

    lastModified: str | None = None  # noqa: N815 - FHIR's name


class Entry(msgspec.Struct):
    """An entry; its resource is left as bytes."""

    resource: msgspec.Raw = msgspec.Raw()
    search: Mode | None = None
    request: Request | None = None
    response: Response | None = None


class Meta(msgspec.Struct):
    """When the server made the page, by its own clock."""

    lastUpdated: str | None = None  # noqa: N815 - FHIR's name


class Page(msgspec.Struct):
    """What is read of a Bundle."""

    resourceType: str | None = None  # noqa: N815 - FHIR's name
    total: int | None = None
    link: list[Link] | None = None
    entry: list[Entry | None] | None = None
    meta: Meta | None = None

    def url(self, *relations: str) -> str | None:
        """The URL of the first link of these relations, if there is one."""
        links = self.link or ()
        return next((each.url for each in links if each.relation in relations and each.url), None)


_decoder = msgspec.json.Decoder(Page)


def page(reply: Reply) -> Page:
    """The Bundle of a reply. Raises NotJson and SearchFailed that say what it is instead."""
    try:
        found = _decoder.decode(reply.body.removeprefix(BOM))
    except (msgspec.DecodeError, RecursionError) as error:
        resource = reply.json()
        found = Page(resource.get("resourceType"))
        if found.resourceType == "Bundle":
            raise SearchFailed("a malformed Bundle", where=masked(reply.url)) from error
    if found.resourceType == "OperationOutcome":
        said = issues.said(reply.body)
        raise SearchFailed(f"an OperationOutcome for a Bundle: {said}", where=masked(reply.url))
    if found.resourceType != "Bundle":
        raise SearchFailed("JSON that is no Bundle", where=masked(reply.url))
    return found


@dataclass(slots=True)
class Entries:
    """The entries of a page. matches: of the type that was asked for; included: of another one;
    outcomes: what the server has to say."""

    matches: list[Checked | Refused] = field(default_factory=list)
    included: list[Checked] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)


def entries(page: Page, resource_type: str | None) -> Entries:
    """The entries, sorted. resource_type: None where all types are asked for."""
    found = Entries()
    for mode, raw in _resources(page):
        each = checked(raw, None)
        if isinstance(each, Refused):
            found.matches.append(each)
        elif each.resource["resourceType"] == "OperationOutcome":
            found.outcomes.append(each.resource)
        elif resource_type in (None, each.resource["resourceType"]):
            found.matches.append(each)
        elif mode == "match":
            found.matches.append(checked(raw, resource_type))
        else:
            found.included.append(each)
    return found


class Stub(msgspec.Struct):
    """Of what type a resource is, and when it was changed."""

    resourceType: str | None = None  # noqa: N815 - FHIR's name
    meta: Meta | None = None


_stubs = msgspec.json.Decoder(Stub)


def _stub(raw: bytes) -> Stub:
    try:
        return _stubs.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return Stub()


def stated_type(raw: bytes) -> str | None:
    """The type of a resource that is none otherwise, if it says so."""
    return _stub(raw).resourceType


def changed(page: Page) -> Iterator[datetime]:
    """When each resource of a page was changed, of those that say so."""
    for _, raw in _resources(page):
        meta = _stub(raw).meta
        with suppress(InvalidValue):
            if meta and meta.lastUpdated:
                yield moment(meta.lastUpdated)


def _resources(page: Page) -> Iterator[tuple[str | None, bytes]]:
    for entry in page.entry or ():
        if entry is None:
            yield None, b"null"
        elif raw := bytes(entry.resource):
            mode = entry.search.mode if entry.search else None
            yield mode, _compact(raw) if b"\n" in raw else raw


def _compact(raw: bytes) -> bytes:
    """The same tokens without the blanks of a page that is printed for eyes."""
    try:
        return msgspec.json.format(raw, indent=-1)
    except (msgspec.DecodeError, RecursionError):
        return raw
