"""A site by Bulk Data export: kick-off, waiting, manifest, files, and leave from the server.

http://hl7.org/fhir/uv/bulkdata/export.html; duties B1-B27 of pull.md 3.1. Everything that another
process needs to go on is in the run's state before the network is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from adapter.config import SiteSettings
from adapter.errors import Unreachable
from adapter.pull.crawl import capability, histories
from adapter.pull.crawl.windows import LEAST_OVERLAP, instant, moment
from adapter.pull.export import leaving, roster
from adapter.pull.export.dialogue import DeadlinePassed, Dialogue
from adapter.pull.export.filters import filters
from adapter.pull.export.following import Following
from adapter.pull.export.job import Job, kept_job
from adapter.pull.export.kickoff import ExportRequest, Level, ListStyle
from adapter.pull.export.manifest import InvalidManifest, Section
from adapter.pull.export.polling import ExportFailed, ExportGone
from adapter.pull.export.rows import Rules
from adapter.pull.export.starting import ExportRefused, members, started
from adapter.pull.landing.run_folder import Landing
from adapter.pull.outcome import Outcome, Told, silent
from adapter.pull.plan import Plan
from adapter.pull.transport.client import Client
from adapter.pull.transport.content import NotJson, TooLarge
from adapter.pull.transport.origins import ForbiddenOrigin

if TYPE_CHECKING:
    from adapter.pull.export.outside import Referred

LATE = "late members"
GOODBYE = 10.0
"""Seconds that a cancelled run waits for the server to take notice."""

_ANSWERED = (ExportFailed, InvalidManifest, ForbiddenOrigin, NotJson, TooLarge)
"""What a server says instead of a manifest, or in it: asking once more brings the same."""


async def export(
    client: Client, landing: Landing, site: SiteSettings, plan: Plan, told: Told = silent
) -> Outcome:
    """Pull by export, or go on with one that an earlier process began.

    The types that are asked for since the same instant make one export. A type that is not whole
    keeps its watermark. Raises Unreachable where no export can be begun or followed (the run stays
    open), ConfigurationError for a server that is not R4, LandingError.
    """
    dialogue = Dialogue(client, landing.note, told)
    referred = None
    if plan.level != "system":
        # It brings the mappings along.
        from adapter.pull.export import outside

        referred = outside.referred(client, landing, site)
    exports = _Exports(dialogue, landing, plan, referred)
    try:
        await exports.all(site.overlap)
        if referred and not exports.unfinished:
            exports.fail(await outside.fetch(client, landing, site, referred, set(plan.types)))
        # Few servers list deletions in an export; one that does tells all of them.
        if not (exports.unfinished or landing.tombstones):
            exports.fail(await histories.ask(client, landing, site, plan))
    except DeadlinePassed as error:
        landing.note("warning", "timeout", error.what)
        exports.unfinished = True
    except asyncio.CancelledError:
        await exports.cancel()
        raise
    return exports.outcome()


@dataclass(slots=True)
class _Exports:
    """The exports of one run, one after another.

    people: the group's members. jobs: with the types that each is of. failed: type -> why it is not
    whole. unfinished: another process is to go on.
    """

    dialogue: Dialogue
    landing: Landing
    plan: Plan
    referred: Referred | None
    people: frozenset[str] | None = None
    jobs: list[tuple[Job, frozenset[str]]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    unfinished: bool = False

    async def all(self, overlap: timedelta) -> None:
        """Go through all of them. Raises Unreachable, DeadlinePassed, LandingError."""
        if not self.landing.state.bulk:
            await self._read_metadata()
        if self.plan.level == "group":
            self.people = await members(self.dialogue, self.plan.group)
        for name, request in self._requests(overlap):
            await self._leave()
            try:
                await self._one(name, request)
            except _ANSWERED as error:
                self.landing.note("error", error.issue_code, error.what)
                self.fail(dict.fromkeys(request.types, error.what))

    async def _read_metadata(self) -> None:
        """Raises ConfigurationError where the server is of another FHIR version."""
        found, _ = await capability.read(self.dialogue.client)
        for warning in found.warnings:
            self.landing.note("warning", "incomplete", warning)

    def _requests(self, overlap: timedelta) -> Iterator[tuple[str, ExportRequest]]:
        """Each export under the name by which another process knows it."""
        recent: tuple[str, ...] = ()
        for since, types in self.plan.by_since.items():
            start = since
            if since is not None:
                recent += types
                if not self.plan.stated_since:
                    start = instant(moment(since) - max(overlap, LEAST_OVERLAP))
            yield f"since {since}", self._request(types, start)
        if recent and (late := self._late()):
            text = f"{len(late)} members joined the group: their past is exported too"
            self.landing.note("information", "informational", text)
            yield LATE, replace(self._request(recent, None), patients=late)

    def _request(self, types: tuple[str, ...], since: str | None) -> ExportRequest:
        return ExportRequest(
            level=cast(Level, self.plan.level),
            group=self.plan.group,
            types=types,
            filters=tuple(q for q in self.plan.type_filter if q.partition("?")[0] in types),
            since=since,
            list_style=cast(ListStyle, self.plan.list_style),
        )

    def _late(self) -> tuple[str, ...]:
        """The members of the group who joined since the last good export."""
        if self.plan.level != "group":
            return ()
        if self.people is None:
            text = "the server does not say who is in the group: new members lack their past"
            self.landing.note("warning", "incomplete", text)
            return ()
        known = roster.known(self.landing, self.plan.group)
        return tuple(sorted(self.people - known)) if known is not None else ()

    async def _one(self, name: str, request: ExportRequest) -> None:
        """One export until its files are here; begun anew once if the server has lost it."""
        job = await self._job(name, request)
        if job.complete:
            return
        try:
            await self._followed(job, request)
        except ExportGone as error:
            self.landing.note("warning", "not-found", f"{error.what}: another one is begun")
            self.jobs.pop()
            job.forget(self.landing)
            await self._followed(await self._job(name, request), request)

    async def _job(self, name: str, request: ExportRequest) -> Job:
        """The job that was begun, else a new one."""
        job = kept_job(self.landing, name)
        if job is None:
            await leaving.leave_earlier(self.dialogue, self.landing)
            began = self.dialogue.client.clock.now().isoformat()
            url, taken = await self._started(request)
            job = Job(name, taken, began, url)
            job.save(self.landing)
        self.jobs.append((job, frozenset(request.types)))
        return job

    async def _started(self, request: ExportRequest) -> tuple[str, ExportRequest]:
        try:
            return await started(self.dialogue, request)
        except ExportRefused as error:
            if not request.patients:
                raise
            # Few servers take patients; all members' past holds that of the new ones.
            text = f"{error.what}; the whole group is exported instead of its new members"
            self.landing.note("warning", "not-supported", text)
            return await started(self.dialogue, replace(request, patients=()))

    async def _followed(self, job: Job, request: ExportRequest) -> None:
        chosen = filters(request.filters)
        if chosen.unjudged and not job.request.filters:
            text = f"not filtered by {', '.join(chosen.unjudged)}: neither there nor here"
            self.landing.note("warning", "incomplete", text)
        cap = self.dialogue.client.limits.line_mb * 1_000_000
        rules = Rules(frozenset(request.types), chosen, cap, referred=self.referred)
        following = Following(self.dialogue, self.landing, job, rules)
        await following.run()
        self.fail(following.failed)
        self.unfinished = self.unfinished or following.open

    async def _leave(self) -> None:
        """Let the server forget the last export (B24), if all of it is on record: many servers
        allow one at a time."""
        job = self.jobs[-1][0] if self.jobs else None
        if job is not None and job.complete and job.status_url:
            await leaving.leave(self.dialogue, job.status_url)
            job.status_url = ""
            job.save(self.landing)

    async def cancel(self) -> None:
        """Tell the server at once that nobody waits for the export any more (B24)."""
        job = self.jobs[-1][0] if self.jobs else None
        if job is None or job.complete:
            return
        job.forget(self.landing)
        with suppress(Unreachable, TimeoutError):
            async with asyncio.timeout(GOODBYE):
                await self.dialogue.client.delete(job.status_url)

    def fail(self, failed: Mapping[str, str]) -> None:
        """Say of types why they are not whole."""
        for name, why in failed.items():
            self.failed.setdefault(name, why)

    def outcome(self) -> Outcome:
        """What all of them came to."""
        outcome = Outcome(finished=not self.unfinished)
        for name in self.plan.types:
            outcome.of(name).failed = self.failed.get(name)
        for job, types in self.jobs:
            # Of late members only the past came with it.
            if job.name != LATE and job.transaction_time and not job.ahead:
                for name in types - self._suspiciously_empty(job, types):
                    outcome.of(name).watermark = job.transaction_time
        if outcome.finished:
            outcome.afterwards = self._afterwards
        return outcome

    def _suspiciously_empty(self, job: Job, types: frozenset[str]) -> frozenset[str]:
        """The types of which nothing came, although the last run had some (B13). Where only changes
        were asked for, all must be empty to raise the alarm."""
        if job.request.since is not None and job.of(Section.OUTPUT):
            return frozenset()
        before = self.landing.site.rows
        empty = {name for name in types if before.get(name) and not self.landing.rows(name)}
        if empty:
            text = f"nothing came of {', '.join(sorted(empty))}, where the last run had some"
            self.landing.note("warning", "business-rule", f"{text}; their watermarks stay")
        return frozenset(empty)

    async def _afterwards(self) -> None:
        """What waits until all is committed and the watermarks have moved."""
        if self.people is not None and not self.failed:
            roster.keep(self.landing, self.plan.group, self.people)
        await self._leave()
