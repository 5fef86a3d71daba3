"""What is fetched of a group of patients: each type by searches, then by id what rows refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from adapter.errors import Unreachable
from adapter.pull.crawl import deletions, everything, groups
from adapter.pull.crawl.groups import EVERYBODY, Group
from adapter.pull.crawl.holdings import Holdings
from adapter.pull.crawl.hydrate import DEPTH, Hydration
from adapter.pull.crawl.queries import Queries, Search, batches
from adapter.pull.crawl.search import NotOffered
from adapter.pull.crawl.taken import Gathered, Taker, asked
from adapter.pull.crawl.windows import Window


@dataclass(slots=True)
class Patients:
    """Fetches groups of patients, for one run.

    everything: by Patient/$everything. windows: resource type -> what is asked for of those whose
    data is held. failed: resource type -> why it is not whole; absent: types that a server without
    metadata turned out not to have. Neither are asked for any more.
    """

    taker: Taker
    queries: Queries
    hydration: Hydration
    holdings: Holdings
    everything: bool = False
    windows: Mapping[str, Window] = field(default_factory=dict)
    failed: dict[str, Unreachable] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)

    async def fetch(self, group: Group) -> None:
        """Commit all that is read of a group, unless that was done already.

        What cannot be had fails its type. Raises LandingError.
        """
        landing, gathered = self.taker.landing, Gathered()
        if groups.is_done(landing, group):
            return
        if self.everything and group.patients != EVERYBODY:
            await self._everything(group, gathered)
        else:
            for name in self.queries.types:
                await self._type(name, group, gathered)
        await self._referred(group, gathered)
        await self._keep_ids(group, gathered)
        if not self.failed:
            groups.done(landing, group)

    async def _type(self, name: str, group: Group, gathered: Gathered) -> None:
        if name in self.failed or name in self.absent:
            return
        everybody = group.patients == EVERYBODY
        try:
            if name == "Patient" and name in self.queries.by_id:
                await self.hydration.fetch(name, group.patients, group.key, gathered)
            elif name in self.queries.by_patient:
                whose = None if everybody else frozenset(group.patients)
                searches = asked(self.taker.server, self.searches(name, group))
                await self.taker.fetch(searches, group.key, gathered, whose)
        except NotOffered as error:
            self._miss(name, error)
        except Unreachable as error:
            self._fail(name, error)

    def searches(self, name: str, group: Group) -> Iterator[Search]:
        """The searches that give a type's rows of a group."""
        window = self.windows.get(name) if group.known else None
        for whom in batches(group.patients, self.taker.server.profile.patients):
            for search in self._whole(name, whom):
                yield search.with_(*window.parameters) if window else search

    def _whole(self, name: str, whom: Sequence[str]) -> Iterator[Search]:
        """The searches that give all of a type of some patients."""
        parameter, filters = self.queries.by_patient[name]
        for each in filters:
            search = Search(name, ((parameter, ",".join(whom)),) if any(whom) else ())
            yield search.with_(*each)

    async def _everything(self, group: Group, gathered: Gathered) -> None:
        types = [name for name in self.queries.types if name not in self.failed]
        try:
            if types:
                await everything.fetch(self.taker, group.patients, types, group.key, gathered)
        except Unreachable as error:
            for name in types:
                self._fail(name, error)

    async def _referred(self, group: Group, gathered: Gathered) -> None:
        """Fetch by id what rows refer to, and what that refers to."""
        for depth in range(1, DEPTH + 1):
            missing = self.hydration.missing(gathered, self.failed.keys())
            for name, ids in missing.items():
                try:
                    key = f"{group.key}, references {depth}"
                    await self.hydration.fetch(name, ids, key, gathered)
                except Unreachable as error:
                    self._fail(name, error)
            if not missing:
                return

    async def _keep_ids(self, group: Group, gathered: Gathered) -> None:
        """Keep the ids of each patient's resources, of the types of which all are known."""
        names = self.holdings.types - self.failed.keys() - self.absent - gathered.short
        for patient in group.patients:
            held: dict[str, list[str]] = {}
            for name in sorted(names):
                ids = await self._ids(name, patient, group, gathered)
                if ids is not None:
                    held[name] = sorted(ids)
            self.holdings.keep(patient, held)

    async def _ids(
        self, name: str, patient: str, group: Group, gathered: Gathered
    ) -> set[str] | None:
        """All ids of a type that are a patient's; None where they are not known."""
        if self.everything or not group.known or name not in self.windows:
            if group.patients == EVERYBODY:
                return gathered.of_type(name)
            return gathered.owned.get(patient, {}).get(name, set())
        if name in self.failed:
            return None
        found: set[str] = set()
        try:
            for search in self._whole(name, [patient]):
                ids = await deletions.ids_of(self.taker, search)
                if ids is None:
                    return None
                found |= ids
        except Unreachable as error:
            self._fail(name, error)
            return None
        return found

    async def deletions(self) -> None:
        """Keep what was deleted since the last run (D2, D3), and say where nothing tells (D4)."""
        untracked = []
        deletions.by_ids(self.taker, self.holdings)
        for name, window in self.windows.items():
            if name in self.failed or name in self.holdings.types:
                continue
            if not self.taker.server.capability.history(name):
                untracked.append(name)
                continue
            try:
                await deletions.by_history(self.taker, name, window)
            except Unreachable as error:
                self._fail(name, error)
        if untracked:
            text = f"deletions not tracked: {', '.join(sorted(untracked))}"
            self.taker.warn("incomplete", text, severity="information")

    def _miss(self, name: str, error: NotOffered) -> None:
        if self.taker.server.capability.types is not None:
            self._fail(name, error)
            return
        self.absent.add(name)
        self.taker.warn("not-supported", f"{name}: the server has none: {error}")

    def _fail(self, name: str, error: Unreachable) -> None:
        self.failed[name] = error
        self.taker.warn("incomplete", f"{name} is not whole: {error}", severity="error")
