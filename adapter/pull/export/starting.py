"""The kick-off of an export, and what is asked before it (pull.md B1-B8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from adapter.errors import Unreachable
from adapter.pull.export.dialogue import Dialogue, content, said
from adapter.pull.export.kickoff import NOBODYS, ExportRequest
from adapter.pull.export.manifest import absolute
from adapter.pull.transport import retry
from adapter.pull.transport.client import GaveUp
from adapter.pull.transport.http import Reply
from adapter.pull.transport.log import masked

_FORBIDDEN = frozenset({401, 403})
_PATIENT = re.compile(r"(?:^|/)Patient/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?$")


class ExportRefused(Unreachable):
    """The server does not take the export that is asked for."""

    issue_code = "not-supported"


async def members(dialogue: Dialogue, group: str) -> frozenset[str] | None:
    """The patients of a Group, which is read before it is exported: many servers answer the export
    of an unknown one with 500. None where the server does not say who they are.

    Raises ExportRefused where the Group cannot be read.
    """
    hint = "check the key group: it is the id of a Group on this server"
    client = dialogue.client
    url = f"{client.base}/Group/{quote(group, safe='')}"
    try:
        reply = await client.get(url)
    except Unreachable as error:
        raise ExportRefused(f"the group cannot be read: {error.what}", where=masked(url),
                            hint=hint) from error  # fmt: skip
    if reply.status in _FORBIDDEN:
        # Reading a Group needs a scope of its own, which exporting it may not.
        dialogue.note("information", "forbidden", f"the group may not be read: {reply.status}")
        return None
    if reply.status >= 400:
        raise ExportRefused(
            f"the group cannot be read: {said(reply)}", where=masked(url), hint=hint
        )
    found = content(reply) or {}
    if found.get("resourceType") != "Group":
        raise ExportRefused("what the server gives for the group is none", where=masked(url),
                            hint=hint)  # fmt: skip
    return frozenset(_patients(found)) or None


def _patients(group: dict[str, Any]) -> Iterator[str]:
    listed = group.get("member")
    for member in listed if isinstance(listed, list) else ():
        entity = member.get("entity") if isinstance(member, dict) else None
        reference = entity.get("reference") if isinstance(entity, dict) else None
        found = _PATIENT.search(reference) if isinstance(reference, str) else None
        if found and member.get("inactive") is not True:
            yield found[1]


async def started(dialogue: Dialogue, request: ExportRequest) -> tuple[str, ExportRequest]:
    """The status URL of a new export, and the request as the server took it.

    While another export runs (429) it is asked for again until the deadline. Raises ExportRefused,
    DeadlinePassed.
    """
    posted, attempt = request.by_post, 0
    while True:
        reply = await _asked(dialogue, request, posted=posted)
        if 200 <= reply.status < 300:
            return _status_url(dialogue, reply), request
        if reply.status == retry.TOO_MANY:
            attempt += 1
            dialogue.note("information", "throttled", "another export runs: waiting for its end")
            await dialogue.wait(reply, attempt)
        elif reply.status == 405 and not posted:
            # Version 4 of Bulk Data has POST only.
            posted = True
        elif names := request.types_refused(content(reply), NOBODYS):
            request = request.without_types(names)
            text = f"the server exports no {', '.join(sorted(names))} by patients: asked for by id"
            dialogue.note("information", "not-supported", text)
        elif name := request.to_drop(content(reply)):
            request = request.without(name)
            text = f"the server does not take {name}: asked without it"
            dialogue.note("warning", "not-supported", text)
        else:
            hint = "check group, types and scope of the site"
            what = f"the server refuses the export: {said(reply)}"
            raise ExportRefused(what, where=masked(reply.url), hint=hint)


async def _asked(dialogue: Dialogue, request: ExportRequest, *, posted: bool) -> Reply:
    """The server's answer, 429 included once the client's own patience is at its end."""
    client, headers = dialogue.client, {"Prefer": "respond-async"}
    try:
        if posted:
            address = request.url(client.base, query=False)
            return await client.post(address, request.body(), headers=headers)
        return await client.get(request.url(client.base), headers=headers)
    except GaveUp as error:
        if error.reply is None or error.reply.status != retry.TOO_MANY:
            raise
        return error.reply


def _status_url(dialogue: Dialogue, reply: Reply) -> str:
    url = absolute(reply.headers.get("content-location"), reply.url)
    if url is None:
        hint = "does this server export asynchronously?"
        what = f"the export was answered by {reply.status} without a Content-Location"
        raise ExportRefused(what, where=masked(reply.url), hint=hint)
    dialogue.client.origins.check(url)
    return url
