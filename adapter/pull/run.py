"""One site's pull from its settings to a finished run: what `raiway pull` does.

Order: state -> download to .part -> check -> de-identify -> rename -> record -> manifest ->
watermarks -> what the server may forget (pull.md 3.4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from adapter.config import LandingSettings, SiteSettings
from adapter.errors import ConfigurationError, RaiwayError
from adapter.pull.landing import closing, retention, site
from adapter.pull.landing.border import Border, border_of
from adapter.pull.landing.run_folder import LOG, Landing
from adapter.pull.outcome import Outcome, Told, silent
from adapter.pull.plan import Plan, Wish, plan
from adapter.pull.transport import session
from adapter.pull.transport.client import Client
from adapter.pull.transport.clock import Clock, SystemClock
from adapter.pull.transport.connections import Connect
from adapter.pull.transport.log import Fact, RunLog
from adapter.pull.transport.origins import Resolve

PARTIAL = 5


@dataclass(frozen=True, slots=True)
class How:
    """Who is told, and a test's doubles. heard: is given each event of the run's log."""

    told: Told = silent
    heard: Callable[[dict[str, Fact]], None] = lambda _: None
    clock: Clock = field(default_factory=SystemClock)
    network: tuple[Connect, Resolve] | None = None


PLAINLY = How()


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to. notes: issues in its log by severity; removed: runs that went."""

    site: str
    path: Path
    outcome: Outcome
    notes: dict[str, int]
    removed: tuple[Path, ...] = ()

    @property
    def log(self) -> Path:
        """Where its events and issues are."""
        return self.path / LOG

    @property
    def exit_code(self) -> int:
        """5 where something is missing, else 0."""
        return PARTIAL if self.outcome.partial else 0


@dataclass(frozen=True, slots=True)
class Planned:
    """A run as it would be: where it would be written, and whether it is gone on with."""

    plan: Plan
    path: Path
    resumed: bool


def planned(settings: LandingSettings, of: SiteSettings, wish: Wish, how: How = PLAINLY) -> Planned:
    """What `pull_site` would do; nothing is sent or written.

    Raises UsageError for settings, keys or a folder that `pull_site` would refuse.
    """
    now = how.clock.now()
    made, border = _settled(settings, of, wish, now)
    path, resumed = site.place(settings.folder, made, border, now)
    return Planned(made, path, resumed)


async def pull_site(
    settings: LandingSettings, of: SiteSettings, wish: Wish, how: How = PLAINLY
) -> Result:
    """Pull a site into its landing folder, or go on with a pull that was interrupted.

    Raises ConfigurationError, UsageError (nothing was asked), Unreachable, LandingError: the run
    then stays open, and the next one goes on with it.
    """
    now = how.clock.now()
    made, border = _settled(settings, of, wish, now)
    with site.opened(settings.folder, made, border, now) as landing:
        outcome = closing.kept(landing)
        if outcome is None:
            work = _Work(of, made, how)
            return await work.done(landing, settings)
        closing.close(landing, outcome)
    # What was left to do of an earlier run is done; now for this one.
    return await pull_site(settings, of, wish, how)


def _settled(
    settings: LandingSettings, of: SiteSettings, wish: Wish, now: datetime
) -> tuple[Plan, Border]:
    """What is asked, and what it passes before it is written. Raises UsageError."""
    made = plan(of, site.held(settings.folder, of.name), wish)
    border = border_of(of, now.date())
    _check_types(made, border)
    return made, border


def _check_types(made: Plan, border: Border) -> None:
    """Raises ConfigurationError for a type of which the privacy mode lets nothing pass."""
    if refused := [name for name in made.types if not border.takes(name)]:
        raise ConfigurationError(
            f"types: nothing may be kept of {', '.join(refused)} in this privacy mode",
            where=f"[[sites]] {made.site}",
            hint='leave these types out, or set mode = "identified" under [sites.privacy]',
        )


@dataclass(frozen=True, slots=True)
class _Work:
    """A run that has its plan."""

    of: SiteSettings
    plan: Plan
    how: How

    async def done(self, landing: Landing, settings: LandingSettings) -> Result:
        """Ask, close the run if it reached its end, and remove what the settings say."""
        clock = self.how.clock
        log = RunLog(clock, lambda entry: self._heard(landing, entry))
        removed: list[Path] = []
        opened = session.session(
            self.of, self.plan.types, clock=clock, log=log, network=self.how.network
        )
        async with opened as client:
            outcome = await self._asked(client, landing)
            for (path, why), count in sorted(landing.border.removed.items()):
                log.event("removed", path=path, why=why, count=count)
            closing.count(landing, outcome)
            if outcome.finished:
                closing.close(landing, outcome)
                await _forgotten(landing, outcome)
                removed = _removed(landing.path.parent, settings, clock.now())
        notes = dict(landing.notes)
        return Result(self.of.name, landing.path, outcome, notes, tuple(removed))

    async def _asked(self, client: Client, landing: Landing) -> Outcome:
        of, plan, told = self.of, self.plan, self.how.told
        # One of them is needed, and a crawl brings the mappings along.
        if plan.mode == "bulk":
            from adapter.pull.export.bulk import export

            return await export(client, landing, of, plan, told)
        from adapter.pull.crawl.crawling import crawl

        return await crawl(client, landing, of, plan, told)

    def _heard(self, landing: Landing, entry: dict[str, Fact]) -> None:
        landing.log.append(entry)
        self.how.heard(entry)


def _removed(path: Path, settings: LandingSettings, now: datetime) -> list[Path]:
    runs = retention.removable(path, settings, now)
    retention.remove(path, runs)
    return runs


async def _forgotten(landing: Landing, outcome: Outcome) -> None:
    """What is left to do on the server; the run is good without it (B24)."""
    if outcome.afterwards is None:
        return
    try:
        await outcome.afterwards()
    except RaiwayError as error:
        landing.note("warning", "processing", f"the server was not tidied: {error.what}")
