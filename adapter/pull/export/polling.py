"""Waiting for an export, and its manifest page by page (pull.md B9-B14, B24)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from adapter.errors import Unreachable
from adapter.pull.crawl.windows import server_time
from adapter.pull.export.dialogue import Dialogue, content, said
from adapter.pull.export.manifest import PAGES, InvalidManifest, Manifest, manifest, together
from adapter.pull.transport import retry
from adapter.pull.transport.http import Reply
from adapter.pull.transport.log import masked

ACCEPT = "application/json"
GONE = frozenset({404, 410})
_FORBIDDEN = frozenset({401, 403})
AHEAD = timedelta(minutes=5)
"""How far the transactionTime may be ahead of the server's own Date: it has many machines."""
PROGRESS = 100
"""The most characters of X-Progress that are read."""

Partly = Callable[[Manifest], Awaitable[None]]
"""Given what an export that is still under way lists already."""


class ExportFailed(Unreachable):
    """The export ended on the server without a manifest."""


class ExportGone(ExportFailed):
    """The server does not know the export, or not any more."""

    issue_code = "not-found"


async def whole_manifest(dialogue: Dialogue, status_url: str, partly: Partly) -> Manifest:
    """All pages of the manifest as one, when the export is done.

    Raises ExportGone, ExportFailed, InvalidManifest, DeadlinePassed.
    """
    pages: list[Manifest] = []
    seen: set[str] = set()
    url: str | None = status_url
    while url is not None:
        if url in seen or len(seen) == PAGES:
            raise InvalidManifest("the pages of the manifest do not end", where=masked(url))
        seen.add(url)
        page = await _page(dialogue, url, pages, partly)
        pages.append(page)
        url = page.next
    return together(pages)


async def _page(dialogue: Dialogue, url: str, before: list[Manifest], partly: Partly) -> Manifest:
    """The page, which may have to be waited for; what it lists meanwhile stands in it too."""
    early: list[Manifest] = []
    waited = failed = 0
    while True:
        reply = await dialogue.client.get(url, accept=ACCEPT)
        match _status(reply):
            case 200:
                last = _read(dialogue, reply)
                # The finished page decides; of an early one only its files count.
                return together([last, *early])
            case 202:
                waited += 1
                if (content(reply) or {}).get("output"):
                    early.append(_read(dialogue, reply))
                    await partly(together([*before, *early]))
            case status if status in _FORBIDDEN:
                # sekmet-fhir, for one, wants this scope, whatever types were granted.
                hint = 'the scope is not enough; some servers want scope = "system/*.rs"'
                what = f"the export may not be followed: {said(reply)}"
                raise Unreachable(what, where=masked(url), hint=hint)
            case status if status in GONE:
                what = f"the server does not know the export: {said(reply)}"
                raise ExportGone(what, where=masked(url))
            case _:
                failed += 1
                # What HTTP's own status says, the client has asked again.
                passing = retry.all_issues_transient(content(reply))
                if not passing or failed >= dialogue.client.policy.attempts:
                    raise ExportFailed(f"the export failed: {said(reply)}", where=masked(url))
        _tell(dialogue, reply)
        await dialogue.wait(reply, waited + failed)


def _status(reply: Reply) -> int:
    """The export's status: where `separate-export-status` was applied, not that of HTTP (B12)."""
    stated = reply.headers.get("x-export-status", "").strip()
    return int(stated) if re.fullmatch(r"[2-5]\d\d", stated) else reply.status


def _read(dialogue: Dialogue, reply: Reply) -> Manifest:
    found = manifest(reply.json(), reply.url)
    for text in found.warnings:
        dialogue.note("warning", "structure", text)
    served = server_time(reply.headers) or dialogue.client.clock.now()
    if found.instant > served + AHEAD:
        dialogue.note("warning", "business-rule", "transactionTime lies in the future")
        return replace(found, ahead=True)
    return found


def _tell(dialogue: Dialogue, reply: Reply) -> None:
    """Pass on X-Progress: a percentage as such; anything else is the server's word for it."""
    text = "".join(c for c in reply.headers.get("x-progress", "")[:PROGRESS] if c.isprintable())
    percent = re.search(r"(\d{1,3})(?:\.\d+)?\s*%", text)
    dialogue.client.log.event("export-status", status=reply.status, progress=percent and percent[0])
    if percent:
        dialogue.told("export", min(100, int(percent[1])), 100)
