"""Bundles that answer: searchset, history, and what a batch or transaction gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from fastapi import Request

from adapter.api.context import context_of
from adapter.elements import Json, without_empty


def searchset(
    request: Request,
    entries: Sequence[Json],
    total: int,
    next_url: str = "",
    links: Mapping[str, str] | None = None,
) -> Json:
    """A page of what a search found.

    entries: the resources, or OperationOutcomes about the search. total: of all pages.
    links: `self`, the search as it was understood, if it differs from what was sent; `previous`.
    """
    base = context_of(request).base
    related = {"self": public_url(request), **(links or {}), "next": next_url}
    link = [{"relation": relation, "url": url} for relation, url in related.items() if url]
    entry = [_found(base, resource) for resource in entries]
    return {
        **_head("searchset"),
        "total": total,
        "link": link,
        **({"entry": entry} if entry else {}),
    }


def history_bundle(
    request: Request, entries: Sequence[Json], total: int, next_url: str = ""
) -> Json:
    """Versions, the newest first. entries: as `history_entry` makes them."""
    related = {"self": public_url(request), "next": next_url}
    link = [{"relation": relation, "url": url} for relation, url in related.items() if url]
    found = {"entry": list(entries)} if entries else {}
    return {**_head("history"), "total": total, "link": link, **found}


@dataclass(frozen=True, slots=True)
class Change:
    """A version of a resource, and how it came to be. reference: `Type/id`."""

    reference: str
    method: Literal["POST", "PUT", "DELETE"]
    version: int
    updated: datetime


def history_entry(base: str, change: Change, resource: Json | None) -> Json:
    """One version in a history. resource: None where it was deleted."""
    status = {"POST": "201", "PUT": "200", "DELETE": "204"}[change.method]
    kind = change.reference.partition("/")[0]
    return without_empty(
        (
            ("fullUrl", f"{base}/{change.reference}"),
            ("resource", resource),
            (
                "request",
                {
                    "method": change.method,
                    "url": kind if change.method == "POST" else change.reference,
                },
            ),
            (
                "response",
                {
                    "status": status,
                    "etag": f'W/"{change.version}"',
                    "lastModified": instant(change.updated),
                },
            ),
        )
    )


def response_bundle(
    kind: Literal["batch-response", "transaction-response"], entries: Sequence[Json]
) -> Json:
    """What the entries of a batch or transaction gave, in their order."""
    return without_empty((*_head(kind).items(), ("entry", list(entries))))


def public_url(request: Request, query: str | None = None) -> str:
    """The URL of a request as clients see it. query: instead of its own."""
    stated = request.url.query if query is None else query
    origin = context_of(request).public_url
    return f"{origin}{request.url.path}{'?' + stated if stated else ''}"


def _head(kind: str) -> Json:
    return {
        "resourceType": "Bundle",
        "id": str(uuid4()),
        "meta": {"lastUpdated": instant(datetime.now(UTC))},
        "type": kind,
    }


def _found(base: str, resource: Json) -> Json:
    if resource["resourceType"] == "OperationOutcome":
        return {"resource": resource, "search": {"mode": "outcome"}}
    url = f"{base}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": "match"}}


def instant(moment: datetime) -> str:
    """A FHIR instant in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
