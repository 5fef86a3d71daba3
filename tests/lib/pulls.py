"""Crawls of a fault server, into a landing folder."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapter.pull import plan
from adapter.pull.crawl import crawling as crawl
from adapter.pull.landing import closing, site
from adapter.pull.landing.border import Identified
from adapter.pull.landing.run_folder import Landing
from adapter.pull.outcome import Outcome
from adapter.pull.plan import Wish
from adapter.pull.transport.log import RunLog
from adapter.pull.transport.session import session
from adapter.site_settings import SiteSettings
from tests.lib.fault.clock import FakeClock
from tests.lib.fault.server import FaultServer

Json = dict[str, Any]


@dataclass(frozen=True)
class Crawled:
    """What a crawl came to: its outcome, and what lies in its folder."""

    outcome: Outcome
    path: Path
    rows: Mapping[str, list[Json]]
    notes: list[str]
    slept: list[float]

    def ids(self, name: str = "Observation") -> list[str]:
        """The ids of a type's rows, in order."""
        return sorted(row["id"] for row in self.rows.get(name, ()))

    @property
    def failed(self) -> dict[str, str]:
        """Type -> why it failed, of those that did."""
        types = self.outcome.types.items()
        return {name: each.failed for name, each in types if each.failed is not None}


def crawled(
    at: FaultServer,
    root: Path,
    types: Sequence[str] = ("Observation",),
    wish: Wish = Wish(),  # noqa: B008 - it is frozen
    /,
    **settings: Any,
) -> Crawled:
    """Crawl the server; closes the run as `raiway pull` does."""
    return asyncio.run(_crawled(at, root, wish, {"types": tuple(types), **settings}))


async def _crawled(at: FaultServer, root: Path, wish: Wish, settings: Json) -> Crawled:
    of = SiteSettings(
        **{"name": "A", "base_url": at.base, "mode": "crawl", "auth": "none", **settings}
    )
    made = plan.plan(of, site.held(root, of.name), wish)
    clock = FakeClock()
    with site.opened(root, made, Identified(), datetime.now(UTC)) as landing:
        async with session(
            of, made.types, clock=clock, log=RunLog(clock, landing.log.append)
        ) as client:
            outcome = await crawl.crawl(client, landing, of, made)
        if outcome.finished:
            closing.close(landing, outcome)
            if outcome.afterwards:
                await outcome.afterwards()
        return Crawled(outcome, landing.path, rows_in(landing.path), notes(landing), clock.slept)


def rows_in(path: Path) -> dict[str, list[Json]]:
    """Resource type -> the rows of its files."""
    found: dict[str, list[Json]] = {}
    for file in sorted(path.glob("[A-Z]*.ndjson")):
        lines = file.read_text(encoding="utf-8").splitlines()
        found.setdefault(file.name.partition(".")[0], []).extend(json.loads(each) for each in lines)
    return found


def notes(landing: Landing) -> list[str]:
    """What the run's log says in words."""
    lines = (landing.path / "log.ndjson").read_text(encoding="utf-8").splitlines()
    return [each["text"] for line in lines if "text" in (each := json.loads(line))]


def quarantined(path: Path) -> Counter[str]:
    """Reason -> how many resources the run kept aside for it."""
    lines = (path / "quarantine.ndjson").read_text(encoding="utf-8").splitlines()
    return Counter(json.loads(line)["reason"] for line in lines)
