"""A site that is pulled by export from the fault server, and what came of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from adapter.config import LandingSettings
from adapter.pull.landing import state
from adapter.pull.plan import Wish
from adapter.pull.run import How, Result, pull_site
from adapter.site_settings import SiteSettings
from tests.lib.fault.clock import FakeClock
from tests.lib.fault.server import FaultServer, Scenario, Seen, fault_server

TOKEN = "canary-token-77aa"  # noqa: S105 - synthetic


class Site:
    """A site whose server is the fault server; it may be pulled again, as by another process.

    Attributes:
        told: what was said of the progress.
        clock: waits without waiting.
    """

    def __init__(self, folder: Path, server: FaultServer) -> None:
        self.server = server
        self.clock = FakeClock()
        self.told: list[tuple[str, int, int | None]] = []
        self.folder = folder / "landing"
        folder.mkdir(exist_ok=True)
        self._token = folder / "token"
        self._token.write_text(TOKEN, encoding="utf-8")
        self._token.chmod(0o600)

    def pull(self, **settings: Any) -> Result:
        """A pull, by default of Observations; what is asked may differ from pull to pull."""
        return asyncio.run(self.pulling(**settings))

    async def pulling(self, **settings: Any) -> Result:
        """A pull within a running loop."""
        stated = {
            "name": "A",
            "base_url": self.server.base,
            "auth": "bearer",
            "token": str(self._token),
            "export_level": "system",
            "types": ["Observation"],
            "privacy": {"mode": "identified"},
        }
        site = SiteSettings.model_validate(stated | settings)
        how = How(told=lambda *said: self.told.append(said), clock=self.clock)
        return await pull_site(LandingSettings(folder=self.folder), site, Wish(), how)

    def rows(self, result: Result, resource_type: str = "Observation") -> list[str]:
        """The ids that lie in the run's folder, each as often as it is there."""
        files = result.path.glob(f"{resource_type}.*.ndjson")
        return sorted(each["id"] for file in files for each in _entries(file))

    def quarantine(self, result: Result) -> list[str]:
        """The reasons for which lines were kept aside."""
        return [each["reason"] for each in _entries(result.path / "quarantine.ndjson")]

    def notes(self, result: Result) -> str:
        """What the run says about itself."""
        log = _entries(result.path / "log.ndjson")
        return "\n".join(f"{each['severity']}: {each['text']}" for each in log if "text" in each)

    def tombstones(self, result: Result) -> list[str]:
        """What is said to be deleted."""
        file = result.path / "deleted.00001.ndjson"
        return [each["entry"][0]["request"]["url"] for each in _entries(file)]

    def watermark(self, resource_type: str = "Observation") -> str | None:
        """From when on the next pull asks."""
        found = state.site_state(self.folder / "A" / state.FOLDER)
        return found.watermarks.get(resource_type) if found else None

    def asked(self, host: str | None = None) -> Counter[str]:
        """How often what was asked of the server."""
        seen = self.server.seen if host is None else self.server.at(host)
        return Counter(f"{each.method} {each.path}" for each in seen)

    def when(self, asked: str, *, last: bool = False) -> int:
        """The place of `METHOD /path` among all that was asked, its first or its last."""
        order = [f"{each.method} {each.path}" for each in self.server.seen]
        return len(order) - 1 - order[::-1].index(asked) if last else order.index(asked)

    def first(self, path: str, method: str = "GET") -> Seen:
        """The first request for this path."""
        return next(each for each in self.server.seen if (each.method, each.path) == (method, path))


def _entries(file: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []


@contextmanager
def served(folder: Path, scenario: Scenario, *, elsewhere: bool = False) -> Iterator[Site]:
    """The site of a server that plays the scenario; the other host, unless the scenario is about
    going `elsewhere`, is not asked for anything."""
    with fault_server(scenario) as server:
        yield Site(folder, server)
        assert elsewhere or not server.elsewhere, "something was asked of the other host"
