"""From the pages of searches to a file of the landing folder: each row once, the rest accounted."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from adapter.pull.checks import Checked, Refused
from adapter.pull.crawl import issues, references
from adapter.pull.crawl.pages import Entries, SearchFailed, entries
from adapter.pull.crawl.queries import Search
from adapter.pull.crawl.search import Expired, Searcher
from adapter.pull.crawl.servers import Server
from adapter.pull.landing.part_file import PartFile
from adapter.pull.landing.run_folder import Landing

RESTARTS = 3
"""How often a search begins anew because the server forgot it."""
FEW, SHARE = 100, 0.1
"""More resources kept aside than so many, and than this share: the server is not to be read."""


@dataclass(slots=True)
class Gathered:
    """What one group of patients gave.

    held: rows, and wanted: what rows refer to, as `Type/id`. owned: patient ('' where a row names
    none) -> type -> ids. short: types of which the server sent fewer rows than it counts, or such
    as cannot be read.
    """

    held: set[str] = field(default_factory=set)
    wanted: set[str] = field(default_factory=set)
    owned: dict[str, dict[str, set[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(set))
    )
    short: set[str] = field(default_factory=set)

    def of_type(self, name: str) -> set[str]:
        """The ids of a type's rows, whosever they are."""
        return {each for owned in self.owned.values() for each in owned.get(name, ())}


@dataclass(slots=True)
class Taker:
    """Takes searches into files, for one run. counts: what is said once only, and how often."""

    searcher: Searcher
    landing: Landing
    server: Server
    counts: Counter[str] = field(default_factory=Counter)

    async def fetch(
        self, searches: Sequence[Search], key: str, gathered: Gathered, whose: Set[str] | None
    ) -> None:
        """Commit the rows of searches of one type as one file, which the key names.

        A file that is committed already is not written again, and its rows are gathered only. Where
        a page has expired all begins anew. whose: patients' ids; rows of others are left out.
        Raises SearchFailed, Unreachable, LandingError; nothing is then committed.
        """
        for _ in range(RESTARTS):
            try:
                return await self._fetch(searches, key, gathered, whose)
            except Expired as expired:
                self.restarted(searches[0].resource_type, expired)
        return await self._fetch(searches, key, gathered, whose)

    async def _fetch(
        self, searches: Sequence[Search], key: str, gathered: Gathered, whose: Set[str] | None
    ) -> None:
        name = searches[0].resource_type
        with self.part(name, key) as part:
            taken = Taken(self, name, part, gathered, whose)
            for search in searches:
                await taken.chain(search)
            if part:
                part.commit()

    def part(self, name: str, key: str) -> AbstractContextManager[PartFile | None]:
        """A file to write to; nothing where it is there already."""
        done = self.landing.committed(name, key)
        return nullcontext(None) if done else self.landing.part(name, key)

    def restarted(self, name: str, expired: Expired) -> None:
        """Log that searches of a type begin anew."""
        self.warn("timeout", f"{name}: the search begins anew, as a page is gone: {expired.what}")

    def warn(self, code: str, text: str, *, severity: str = "warning") -> None:
        """Keep a warning in the run's log. code: of OperationOutcome.issue. Raises LandingError."""
        self.landing.note(severity, code, text)

    def warn_once(self, code: str, text: str) -> None:
        """Keep a warning the first time that it is due, and count how often it is."""
        self.counts[text] += 1
        if self.counts[text] == 1:
            self.warn(code, text)


@dataclass(slots=True)
class Taken:
    """The rows of one file under way.

    whose: patients' ids, and ids: of resources, that were asked for; what is of others or another
    one is left out, as a server may ignore it. seen: digests of the resources that came; met: of
    those that came in the search under way.
    """

    taker: Taker
    name: str
    part: PartFile | None
    gathered: Gathered
    whose: Set[str] | None
    ids: Set[str] | None = None
    seen: set[bytes] = field(default_factory=set)
    met: set[bytes] = field(default_factory=set)
    refused: int = 0

    @property
    def distinct(self) -> int:
        """How many resources came, each counted once."""
        return len(self.seen) + self.refused

    async def chain(self, search: Search) -> None:
        """Take all pages of a search. Raises SearchFailed, Unreachable, LandingError."""
        self.met.clear()
        before, total = self.refused, None
        async for page in self.taker.searcher.pages(search):
            found = entries(page, self.name)
            total = page.total if total is None else total
            if len(found.matches) > self.taker.server.profile.count:
                self.taker.warn_once("not-supported", f"{self.name}: the server ignores _count")
            self.take(found)
        came = len(self.met) + self.refused - before
        if total is not None and came < total:
            self.gathered.short.add(self.name)
            self.taker.warn(
                "incomplete", f"{self.name}: the server counts {total}, but sent {came}"
            )

    def take(self, found: Entries) -> None:
        """Take the entries of a page. Raises SearchFailed where too many are refused."""
        self.say(found.outcomes)
        if found.included:
            self.taker.warn_once(
                "value", f"{self.name}: other types come with it, and are left out"
            )
        for each in found.matches:
            if isinstance(each, Refused):
                self.refuse(each)
            else:
                self.put(each)
        if self.refused > max(FEW, SHARE * self.distinct):
            raise SearchFailed(f"{self.refused} of the resources sent cannot be read")

    def say(self, outcomes: Iterable[dict[str, Any]]) -> None:
        """Log what the server has to say about a page."""
        for outcome in outcomes:
            said = "; ".join(issues.texts(outcome))
            self.taker.warn_once("informational", f"{self.name}: the server says: {said}")

    def refuse(self, refused: Refused) -> None:
        """Keep a resource aside."""
        self.refused += 1
        self.gathered.short.add(self.name)
        self.taker.landing.refuse(self.name, refused, f"search of {self.name}")

    def put(self, each: Checked) -> None:
        """Write a row, unless it was written already or is somebody else's."""
        digest = hashlib.blake2b(each.raw, digest_size=16).digest()
        self.met.add(digest)
        if digest in self.seen:
            return
        self.seen.add(digest)
        owner = references.patient(each.resource, self.taker.searcher.client.base)
        of_others = self.whose is not None and owner is not None and owner not in self.whose
        if of_others or (self.ids is not None and each.resource["id"] not in self.ids):
            self.taker.warn_once("value", f"{self.name}: rows came that were not asked for")
            return
        self._gather(each.resource, owner or "")
        if self.part:
            self.part.put(each.resource, each.raw)

    def _gather(self, resource: dict[str, Any], owner: str) -> None:
        """Remember the row, whose it is, and what it refers to."""
        self.gathered.held.add(f"{self.name}/{resource['id']}")
        # What is asked for by id is not all of anybody's.
        if self.ids is None:
            self.gathered.owned[owner][self.name].add(resource["id"])
        elements = self.taker.server.profile.references.get(self.name, ())
        base = self.taker.searcher.client.base
        for found in references.targets(resource, elements, base):
            if found is None:
                self.taker.warn_once("not-found", f"{self.name}: references to other servers")
            else:
                self.gathered.wanted.add(found)


def asked(server: Server, searches: Iterable[Search]) -> list[Search]:
    """The searches with the size of a page, and in order of change where the server says it can."""
    found = []
    for search in searches:
        search = search.with_(("_count", str(server.profile.count)))
        if server.searches(search.resource_type, "_sort"):
            search = search.with_(("_sort", "_lastUpdated"))
        found.append(search)
    return found
