"""A client that is watched: its waits, its log, and that neither names a patient or a token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adapter.errors import Unreachable
from adapter.pull.transport.client import Client
from adapter.pull.transport.http import Reply
from adapter.pull.transport.log import RunLog
from adapter.pull.transport.session import session
from adapter.site_settings import SiteSettings
from tests.lib.fault.auth_scenarios import CANARIES
from tests.lib.fault.clock import FakeClock

TOKEN = "canary-token-5f1c"  # noqa: S105 - synthetic
ONE_ROW = {"obs-1"}


class Watched:
    """A client's clock and log, to be asked afterwards."""

    def __init__(self, skew: float = 0.0) -> None:
        self.clock = FakeClock(skew)
        self.events: list[dict[str, Any]] = []
        self.log = RunLog(self.clock, self.events.append)

    def named(self, event: str) -> list[dict[str, Any]]:
        return [each for each in self.events if each["event"] == event]

    @asynccontextmanager
    async def client(self, site: SiteSettings) -> AsyncIterator[Client]:
        async with session(site, ("Observation",), clock=self.clock, log=self.log) as client:
            yield client


def asked(watched: Watched, site: SiteSettings, times: int = 1) -> list[Reply]:
    """The replies to as many searches at once; a patient's name stands in the URL."""

    async def ask() -> list[Reply]:
        async with watched.client(site) as client:
            url = f"{client.base}/Observation?patient.name={CANARIES[0]}"
            return list(await asyncio.gather(*(client.get(url) for _ in range(times))))

    return asyncio.run(ask())


def ids(found: Reply) -> set[str]:
    assert found.status == 200
    return {entry["resource"]["id"] for entry in found.json()["entry"]}


def refused(
    watched: Watched, site: SiteSettings, kind: type[Exception], then: Callable = Reply.json
) -> Any:
    """The error, in which and in the log of which no patient and no token stands."""
    with pytest.raises(kind) as found:
        then(asked(watched, site)[0])
    assert_silent(watched, found.value)
    return found.value


def assert_silent(watched: Watched, error: BaseException | None = None, *more: str) -> None:
    told = [json.dumps(watched.events, ensure_ascii=False)]
    while error is not None:
        told += [repr(error), str(vars(error)) if isinstance(error, Unreachable) else ""]
        error = error.__cause__
    for canary in (*CANARIES, TOKEN, *more):
        assert not any(canary in text for text in told), canary
