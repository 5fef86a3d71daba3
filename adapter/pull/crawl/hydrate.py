"""What references lead to, asked for by id (pull.md S11): Medications, Specimens, results.

Only the site's own server is asked. A reference that leads nowhere is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from adapter.pull.checks import Refused, checked
from adapter.pull.crawl.queries import Search, batches
from adapter.pull.crawl.search import NotOffered, refusal
from adapter.pull.crawl.taken import Gathered, Taken, Taker

DEPTH = 4
"""References of what a reference led to are followed so far: a panel of panels of results."""
NOWHERE = frozenset({404, 410})


@dataclass(slots=True)
class Hydration:
    """Fetches by id, for one run.

    types: those that are followed. fetched: `Type/id` committed already. dangling: references that
    lead nowhere, by type.
    """

    taker: Taker
    types: Set[str]
    fetched: set[str] = field(default_factory=set)
    dangling: Counter[str] = field(default_factory=Counter)

    def missing(self, gathered: Gathered, failed: Set[str]) -> dict[str, list[str]]:
        """Type -> ids that are referred to and were not had, of types that have not failed."""
        found: dict[str, list[str]] = {}
        for each in sorted(gathered.wanted - gathered.held - self.fetched):
            name, _, number = each.partition("/")
            if name in self.types and name not in failed:
                found.setdefault(name, []).append(number)
        return found

    async def fetch(self, name: str, ids: Sequence[str], key: str, gathered: Gathered) -> None:
        """Commit the resources of these ids as one file. Raises SearchFailed, Unreachable."""
        with self.taker.part(name, key) as part:
            taken = Taken(self.taker, name, part, gathered, None, frozenset(ids))
            if self.taker.server.searches(name, "_id"):
                await self._searched(ids, taken)
            # What a search did not give may be there all the same: not every server takes lists.
            for each in ids:
                if f"{name}/{each}" not in gathered.held:
                    await self._read(each, taken)
            if part:
                part.commit()
        asked = {f"{name}/{each}" for each in ids}
        self.fetched |= asked
        self.dangling[name] += len(asked - gathered.held)

    def say_dangling(self) -> None:
        """Log how many references lead nowhere."""
        for name, count in sorted(self.dangling.items()):
            if count:
                self.taker.warn("not-found", f"{name}: {count} references lead nowhere")

    async def _searched(self, ids: Sequence[str], taken: Taken) -> None:
        for batch in batches(ids, self.taker.server.profile.ids):
            try:
                await taken.chain(Search(taken.name, (("_id", ",".join(batch)),)))
            except NotOffered:
                return

    async def _read(self, resource_id: str, taken: Taken) -> None:
        client = self.taker.searcher.client
        reply = await client.get(f"{client.base}/{taken.name}/{resource_id}")
        if reply.status in NOWHERE:
            return
        if reply.status != 200:
            raise refusal(reply, first=False)
        found = checked(reply.body, taken.name)
        if isinstance(found, Refused):
            taken.refuse(found)
        else:
            taken.put(found)
