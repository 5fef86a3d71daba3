"""One signed report, PUT to the registry: repeated until it answers, since a PUT may be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from adapter.errors import GateFailed, Unreachable
from adapter.pull.transport.content import NotJson
from adapter.pull.transport.http import Asked, Reply
from adapter.pull.transport.log import masked
from adapter.pull.transport.session import session
from adapter.site_settings import SiteSettings
from adapter.submit.record import Entry
from adapter.submit.report import Outgoing
from adapter.trust.provenance import HEADER

FHIR_JSON = "application/fhir+json"
ATTEMPTS = 5


class Refused(GateFailed):
    """The registry has judged the report, and does not take it."""


class NotLetIn(Unreachable):
    """The registry does not know us, or does not allow it; it has stored nothing."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The registry's answer. etag: of the version that it keeps; outcome: its receipt."""

    status: int
    url: str
    etag: str
    outcome: dict[str, Any]


def url_of(base: str, report: Outgoing) -> str:
    """Where the report goes."""
    return f"{base.rstrip('/')}/MeasureReport/{report.id}"


def headers_of(provenance: str) -> dict[str, str]:
    """What is sent beside the bytes, but for the access token."""
    return {
        "Content-Type": FHIR_JSON,
        "Accept": FHIR_JSON,
        "Prefer": "return=OperationOutcome",
        HEADER: provenance,
    }


def send(registry: SiteSettings, report: Outgoing, entry: Entry) -> Answered:
    """Send the release until the registry answers.

    Raises Refused where it does not take the report, and Unreachable where it does not answer or
    does not let us in; the release may have come all the same then.
    """
    return asyncio.run(_sent(registry, report, entry))


async def _sent(registry: SiteSettings, report: Outgoing, entry: Entry) -> Answered:
    url = url_of(registry.base_url, report)
    async with session(registry) as client:
        client.policy = replace(client.policy, attempts=ATTEMPTS, throttled=ATTEMPTS)

        async def build() -> Asked:
            token = await client.authorizer.header(client)
            return Asked("PUT", url, headers_of(entry.provenance), report.content, token)

        return _judged(await client.retried(build))


def _judged(reply: Reply) -> Answered:
    try:
        outcome = reply.json()
    except NotJson:
        outcome = {}
    if reply.status in (200, 201):
        return Answered(reply.status, reply.url, reply.headers.get("etag", ""), outcome)
    said = _said(outcome)
    if reply.status in (401, 403):
        raise NotLetIn(
            f"the registry refuses us (status {reply.status}): {said}",
            where=masked(reply.url),
            hint="client_id and private_key in [registry]; is the key registered there?",
        )
    raise Refused(
        f"the registry does not take the report (status {reply.status}): {said}",
        where=masked(reply.url),
        hint="nothing was stored; mend what it names, then submit again",
    )


def _said(outcome: dict[str, Any]) -> str:
    """The diagnostics of an OperationOutcome."""
    issues = outcome.get("issue")
    found = issues if isinstance(issues, list) else []
    return "; ".join(str(each.get("diagnostics", "")) for each in found if isinstance(each, dict))
