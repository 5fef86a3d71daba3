"""Fetching the files of an export, several at once, each until it is whole (pull.md B15-B23)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field

from adapter.errors import Unreachable
from adapter.pull.export.dialogue import Dialogue
from adapter.pull.export.job import Job, JobFile
from adapter.pull.export.linereader import Suspect
from adapter.pull.export.manifest import Section
from adapter.pull.export.rows import DeletedFile, ErrorFile, OutputFile, Rules
from adapter.pull.export.transfer import BadStatus, Transfer
from adapter.pull.landing.run_folder import Landing
from adapter.pull.transport import retry
from adapter.pull.transport.http import Interrupted

_EXPIRED = frozenset({404, 410})
_EXPIRED_SIGNATURES = frozenset({400, 403})
"""What object stores answer to a signed URL after its time."""
ADRIFT = 10
"""So many files in a row that cannot be reached end the attempt to fetch the rest."""

Renew = Callable[[], Awaitable[None]]
"""Asks for the manifest again, and gives its URLs to the job's files."""


@dataclass(slots=True)
class Download:
    """The files of one job.

    failed: type -> why it is not whole. unreached: files that the network did not bring.
    """

    dialogue: Dialogue
    landing: Landing
    job: Job
    rules: Rules
    renew: Renew
    failed: dict[str, str] = field(default_factory=dict)
    unreached: int = 0
    _given_up: set[str] = field(default_factory=set)
    _adrift: int = 0
    _done: Counter[str] = field(default_factory=Counter)
    _totals: dict[str, int | None] = field(default_factory=dict)
    _renewing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _renewable: bool = True

    async def run(self) -> None:
        """Fetch what is not committed; what was deleted first, as the output is held against it.

        Raises LandingError.
        """
        for section in (Section.DELETED, Section.ERROR, Section.OUTPUT):
            # The manifest may list more of them when it is asked for again.
            while files := list(self._left(section)):
                await self._all(files)

    def _left(self, section: Section) -> Iterator[JobFile]:
        for file in self.job.of(section):
            if file.key not in self._given_up and not self._is_there(file):
                yield file

    def _is_there(self, file: JobFile) -> bool:
        return file.section is Section.OUTPUT and self.job.committed(self.landing, file)

    async def _all(self, files: Iterable[JobFile]) -> None:
        waiting = iter(files)

        async def work() -> None:
            for file in waiting:
                await self._one(file)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self.dialogue.client.limits.concurrency):
                    group.create_task(work())
        except* Exception as errors:
            # All of them say the same: the folder cannot be written to, or we are at fault.
            raise errors.exceptions[0] from None

    async def _one(self, file: JobFile) -> None:
        """Fetch a file, or say why not. What is no output has no record: it is asked for anew in
        the next process, and once in this one."""
        if file.section is not Section.OUTPUT:
            self._given_up.add(file.key)
        if self._adrift >= ADRIFT:
            return self._give_up(file, "left out, as the server is out of reach", reached=False)
        try:
            await self._until_whole(file)
            self._adrift = 0
        except Unreachable as error:
            reached = not isinstance(error, Interrupted)
            self._adrift = 0 if reached else self._adrift + 1
            self._give_up(file, error.what, reached=reached)
        return None

    def _give_up(self, file: JobFile, why: str, *, reached: bool) -> None:
        """Say that a file is missing: of its type, or of all where it may be of any."""
        self._given_up.add(file.key)
        self.unreached += not reached
        of_one = file.section is Section.OUTPUT and file.resource_type
        for name in [of_one] if of_one else sorted(self.rules.types):
            self.failed.setdefault(name, f"a file of the {file.section}: {why}")
        self.landing.note("error", "incomplete", f"{file.section} {file.resource_type}: {why}")

    async def _until_whole(self, file: JobFile) -> None:
        client = self.dialogue.client
        attempts = retry.Attempts(client.policy, client.random)
        again = {Suspect, BadStatus}
        while True:
            try:
                return await self._attempt(file)
            except (Suspect, Interrupted, BadStatus) as error:
                if type(error) in again and await self._may_be_mended(file, error):
                    again.discard(type(error))
                    continue
                pause = _pause(attempts, error)
                if pause is None:
                    raise
            await client.clock.sleep(pause.seconds)

    async def _may_be_mended(self, file: JobFile, error: Unreachable) -> bool:
        """Whether asking anew, once, may help: of what did not come whole, or by a new URL."""
        if isinstance(error, BadStatus) and _expired(file, error):
            await self._renewed(file, file.url)
            return True
        return isinstance(error, Suspect)

    async def _renewed(self, file: JobFile, url: str) -> None:
        """Ask for the manifest once more (B22), unless another file has just done so, or the last
        time brought nothing new."""
        async with self._renewing:
            if file.url != url or not self._renewable:
                return
            await self.renew()
            self._renewable = file.url != url

    async def _attempt(self, file: JobFile) -> None:
        client = self.dialogue.client
        authorise = file.requires_token
        if file.section is Section.OUTPUT:
            with OutputFile(file, self.landing, self.rules, self._told) as output:
                await Transfer(client, file.url, authorise, output.feed).run()
                await output.commit()
        elif file.section is Section.DELETED:
            deleted = DeletedFile(file, self.landing, self.rules, self.job.transaction_time)
            await Transfer(client, file.url, authorise, deleted.feed).run()
            deleted.commit()
        else:
            errors = ErrorFile(file, self.landing, self.rules)
            await Transfer(client, file.url, authorise, errors.feed).run()
            errors.commit()
            self.failed.update({**errors.failed, **self.failed})

    def _told(self, kind: str, more: int) -> None:
        self._done[kind] += more
        self.dialogue.told(kind, self._done[kind], self._total(kind))

    def _total(self, kind: str) -> int | None:
        """How many resources of the kind the manifest counts, if it does for all files."""
        if kind not in self._totals:
            counts = [each.count for each in self.job.files if each.told_as == kind]
            stated = [count for count in counts if count is not None]
            self._totals[kind] = sum(stated) if len(stated) == len(counts) else None
        return self._totals[kind]


def _expired(file: JobFile, error: BadStatus) -> bool:
    """Whether the file may have another URL by now."""
    signed = not file.requires_token and error.status in _EXPIRED_SIGNATURES
    return error.status in _EXPIRED or signed


def _pause(attempts: retry.Attempts, error: Unreachable) -> retry.Pause | None:
    """The wait before the file is asked for again; None for what stands."""
    if isinstance(error, Interrupted):
        return attempts.pause(retry.Kind.FAILED, None)
    if isinstance(error, BadStatus) and error.status == retry.TOO_MANY:
        return attempts.pause(retry.Kind.THROTTLED, error.after)
    if isinstance(error, BadStatus) and retry.is_transient(error.status, None):
        return attempts.pause(retry.Kind.FAILED, error.after)
    return None
