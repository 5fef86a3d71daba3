"""What the steps of an export share: whom they ask, whom they tell, and how long they may wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from adapter.errors import Unreachable
from adapter.pull.crawl import issues
from adapter.pull.outcome import Told, silent
from adapter.pull.transport import retry
from adapter.pull.transport.client import Client
from adapter.pull.transport.http import NotJson, Reply

Note = Callable[[str, str, str], None]
"""Takes severity, code and text of an issue for the run's log."""


class DeadlinePassed(Unreachable):
    """The export takes longer than the site's deadline; the server still works on it."""

    issue_code = "timeout"


@dataclass(slots=True)
class Dialogue:
    """One run's exports from one server. Its deadline counts from when this object is made."""

    client: Client
    note: Note
    told: Told = silent
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = self.client.clock.monotonic() + self.client.limits.deadline.total_seconds()

    async def wait(self, reply: Reply, attempt: int) -> None:
        """Wait as the reply's Retry-After asks, clamped, else longer at each attempt (B9).

        Raises DeadlinePassed.
        """
        clock, policy = self.client.clock, self.client.policy
        asked = retry.retry_after(reply.headers.get("retry-after"), clock.now())
        pause = retry.pause(policy, attempt, asked, self.client.random)
        if pause.clamped:
            text = f"the server asks to wait {asked:.0f} s; asked again after {pause.seconds:.0f} s"
            self.note("information", "throttled", text)
        left = self._end - clock.monotonic()
        if left <= 0:
            raise DeadlinePassed(
                f"the export was not done within {self.client.limits.deadline}",
                hint="run raiway pull again: it goes on with this export; or raise the deadline",
            )
        await clock.sleep(min(pause.seconds, left))


def content(reply: Reply) -> dict[str, Any] | None:
    """The reply's JSON object, None where it has none."""
    try:
        return reply.json()
    except NotJson:
        return None


def said(reply: Reply) -> str:
    """Status and words of a refusal, as they may be shown."""
    words = issues.said(reply.body)
    return f"{reply.status} ({words})" if words else f"{reply.status}"
