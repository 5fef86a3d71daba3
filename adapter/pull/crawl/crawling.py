"""A crawl: the patients of interest, and what the mappings read of each, by searches.

    metadata -> who is of interest -> groups of patients, several at once: each type, then by id
    what their rows refer to -> what was deleted -> outcome

A type that fails is asked for no more in this run, and the others go on. What is committed, and the
patients as they were found, stay in the run's state: a rerun goes on with the patients left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

from adapter import sites
from adapter.pull.crawl import capability, groups, people, queries, servers, windows
from adapter.pull.crawl.groups import Group
from adapter.pull.crawl.holdings import Holdings, ways
from adapter.pull.crawl.hydrate import Hydration
from adapter.pull.crawl.patients import Patients
from adapter.pull.crawl.queries import Queries, Wanted
from adapter.pull.crawl.search import Searcher
from adapter.pull.crawl.servers import Server
from adapter.pull.crawl.taken import Taker
from adapter.pull.crawl.windows import Window
from adapter.pull.landing.run_folder import Landing
from adapter.pull.outcome import Outcome, Told, silent
from adapter.pull.plan import Plan
from adapter.pull.transport.client import Client
from adapter.site_settings import SiteSettings


async def crawl(
    client: Client, landing: Landing, site: SiteSettings, plan: Plan, told: Told = silent
) -> Outcome:
    """Pull by searches, which the mappings ask for, with the site's own ConceptMaps.

    Raises Unreachable where nothing answers, or nobody of interest can be known;
    ConfigurationError for a server that is not R4; LandingError.
    """
    until = client.clock.monotonic() + client.limits.deadline.total_seconds()
    begun = await _begun(client, landing, site, plan)
    found, unknown = await _groups(begun, plan)
    since = _windows(begun, plan, site.overlap)
    types = frozenset(name for name in begun.queries.by_patient if begun.lists(name, since))
    holdings = Holdings(landing, ways(begun.queries, everything=begun.everything), types)
    with closing(holdings):
        patients = Patients(
            begun.taker,
            begun.queries,
            Hydration(begun.taker, frozenset(begun.queries.types)),
            holdings,
            begun.everything,
            since,
        )
        finished = await _fetch(patients, found, told, until)
        if finished:
            await patients.deletions()
        patients.hydration.say_dangling()
        if patients.failed and not begun.taker.searcher.answered:
            raise next(iter(patients.failed.values()))
    outcome = _outcome(patients, unknown, finished=finished)
    if finished and not patients.failed and not unknown and not plan.stated_since:
        outcome.afterwards = lambda: _remember(landing, found, holdings)
    return outcome


@dataclass(frozen=True, slots=True)
class Begun:
    """A crawl that knows its server. everything: by Patient/$everything."""

    taker: Taker
    queries: Queries
    everything: bool

    def lists(self, name: str, since: dict[str, Window]) -> bool:
        """Whether all ids of a type are to be known, as nothing else tells what was deleted: they
        come by themselves where the type is pulled whole."""
        server = self.taker.server
        listed = server.profile.list_ids and not server.capability.history(name)
        return name not in since or listed


async def _begun(client: Client, landing: Landing, site: SiteSettings, plan: Plan) -> Begun:
    found, reply = await capability.read(client)
    definitions = sites.definitions_of(sites.profile(site.name, site.profile), site.concept_maps)
    taker = Taker(Searcher(client), landing, Server(found, servers.profile(found, site.server)))
    for warning in found.warnings:
        taker.warn("incomplete", warning)
    if date := windows.server_time(reply.headers):
        landing.as_of(windows.instant(date))
    wanted = Wanted(plan.types, plan.type_filter, bool(plan.group))
    asked = queries.queries(definitions, taker.server, wanted)
    for name, why in asked.left_out.items():
        taker.warn("not-supported", f"{name} is not asked for: {why}", severity="information")
    everything = plan.everything or taker.server.profile.everything
    if everything and not found.everything():
        taker.warn("not-supported", "the server has no Patient/$everything: types are searched")
        everything = False
    return Begun(taker, asked, everything)


async def _groups(begun: Begun, plan: Plan) -> tuple[list[Group], str]:
    """The patients of interest, and why not everybody is known ('' if so); as they were found when
    the run began."""
    taker = begun.taker
    kept = groups.kept(taker.landing)
    if kept is not None:
        return kept, ""
    found = await people.find(taker, begun.queries, plan.group)
    if taker.searcher.time:
        taker.landing.as_of(windows.instant(taker.searcher.time))
    if taker.landing.state.server_time is None:
        taker.warn("incomplete", "the server tells no time: the next pull will be of all again")
    ids, unknown = (found.ids, found.unknown) if found else (set(groups.EVERYBODY), "")
    # An instant that somebody stated holds for all; a watermark for those whose data is held.
    all_known = plan.stated_since or found is None
    known = ids if all_known else groups.remembered(taker.landing)
    concurrency = taker.searcher.client.limits.concurrency
    return groups.cut(taker.landing, ids, known, concurrency, final=not unknown), unknown


def _windows(begun: Begun, plan: Plan, overlap: timedelta) -> dict[str, Window]:
    """Type -> what to ask for since the last run, where the server can be asked so."""
    now, found = begun.taker.landing.state.server_time, {}
    for name in begun.queries.by_patient:
        since = plan.since.get(name)
        if since is None or now is None:
            continue
        if not begun.taker.server.searches(name, "_lastUpdated"):
            text = f"{name}: no search by _lastUpdated: all of it is pulled anew"
            begun.taker.warn("not-supported", text, severity="information")
            continue
        start, end = windows.moment(since), windows.moment(now)
        # An instant that somebody stated is meant as it stands.
        stated = plan.stated_since
        found[name] = Window(start, end) if stated else windows.since(start, overlap, end)
    return found


async def _fetch(patients: Patients, found: Sequence[Group], told: Told, until: float) -> bool:
    """Fetch all groups, several at once. False where the deadline came before the end."""
    client = patients.taker.searcher.client
    left, total, count = iter(found), sum(len(each.patients) for each in found), 0

    async def work() -> bool:
        nonlocal count
        for group in left:
            if client.clock.monotonic() > until:
                return False
            await patients.fetch(group)
            count += len(group.patients)
            told("patients", count, total)
        return True

    tasks = [asyncio.create_task(work()) for _ in range(client.limits.concurrency)]
    try:
        return all(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _outcome(patients: Patients, unknown: str, *, finished: bool) -> Outcome:
    landing = patients.taker.landing
    outcome = Outcome(finished=finished)
    tombstones = landing.tombstones
    for name in patients.queries.types:
        if name in patients.absent:
            continue
        found, failed = outcome.of(name), patients.failed.get(name)
        found.rows, found.refused = landing.rows(name), landing.refused[name]
        found.deleted = tombstones[name]
        found.failed = str(failed) if failed else unknown or None
        if finished and found.failed is None:
            found.watermark = landing.state.server_time
    return outcome


async def _remember(landing: Landing, found: Sequence[Group], holdings: Holdings) -> None:
    """Whose data is held up to the watermarks, which have moved by now. Raises LandingError."""
    groups.remember(landing, found)
    holdings.settle()
