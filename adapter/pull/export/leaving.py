"""The end of exports on the server (pull.md B24): of those done, and of those given up."""

from __future__ import annotations

from adapter.errors import Unreachable
from adapter.pull.export.dialogue import Dialogue, said
from adapter.pull.export.polling import GONE
from adapter.pull.landing import state
from adapter.pull.landing.run_folder import Landing


async def leave(dialogue: Dialogue, status_url: str) -> None:
    """Let the server forget an export. What it says to that is noted; no run fails by it."""
    try:
        reply = await dialogue.client.delete(status_url)
    except Unreachable as error:
        why = error.what
    else:
        why = said(reply) if reply.status >= 400 and reply.status not in GONE else ""
    if why:
        dialogue.note("warning", "processing", f"an export was not deleted on the server: {why}")


async def leave_earlier(dialogue: Dialogue, landing: Landing) -> None:
    """Leave the exports of earlier runs that nobody goes on with, as they were not whole or the
    settings have changed: a server that allows one at a time would refuse the next one.

    Raises LandingError, UsageError.
    """
    for path in sorted(landing.site.path.iterdir()):
        run = state.run_state(path) if path.is_dir() and path != landing.state.path else None
        if run is None or not (run.finished or run.abandoned):
            continue
        left = [job for job in run.bulk.values() if job.get("status_url")]
        for job in left:
            await leave(dialogue, job["status_url"])
            job["status_url"] = ""
        if left:
            run.save()
