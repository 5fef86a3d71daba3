"""Who is of interest: the members of the site's group, else the patients of searches by code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

from adapter.errors import Unreachable
from adapter.pull.checks import Checked
from adapter.pull.crawl import issues, references
from adapter.pull.crawl.pages import entries
from adapter.pull.crawl.queries import Queries, Search
from adapter.pull.crawl.search import Expired, NotOffered
from adapter.pull.crawl.taken import RESTARTS, Taker, asked
from adapter.pull.transport.log import masked


@dataclass(slots=True)
class People:
    """ids: of the patients. failed: resource type -> why those whom it tells are not all known.

    told: whether the server answered a search; absent: what said that it does not have a type.
    """

    ids: set[str] = field(default_factory=set)
    failed: dict[str, Unreachable] = field(default_factory=dict)
    told: bool = False
    absent: NotOffered | None = None

    @property
    def unknown(self) -> str:
        """Why not everybody is known; '' where everybody is."""
        return "".join(
            f"not everybody of interest is known, as {name} failed: {error}; a group in [[sites]] "
            "would name them"
            for name, error in list(self.failed.items())[:1]
        )


async def of_group(taker: Taker, group: str) -> People:
    """The active members of Group/`group`. Raises Unreachable where it cannot be read."""
    client = taker.searcher.client
    url = f"{client.base}/Group/{quote(group, safe='')}"
    reply = await client.get(url)
    if reply.status != 200:
        said = issues.said(reply.body)
        raise Unreachable(
            f"the group cannot be read: HTTP {reply.status}{': ' if said else ''}{said}",
            where=masked(url),
            hint="check group in [[sites]], and that the scope holds Group",
        )
    found = reply.json()
    members = found.get("member")
    people = People()
    for each in members if isinstance(members, list) else ():
        if isinstance(each, dict) and each.get("inactive") is not True:
            for target in references.targets(each, ("entity",), client.base):
                if target and target.startswith("Patient/"):
                    people.ids.add(target.partition("/")[2])
    taker.searcher.answered = True
    return people


async def by_code(taker: Taker, groups: Iterable[Iterable[Search]]) -> People:
    """The patients that the first group of searches finds of which one finds anybody."""
    people = People()
    for group in groups:
        for search in asked(taker.server, group):
            try:
                people.ids |= await _found(taker, search)
                people.told = True
            except Unreachable as error:
                untold = taker.server.capability.types is None
                if untold and isinstance(error, NotOffered):
                    people.absent = error
                else:
                    people.failed[search.resource_type] = error
        if people.ids:
            break
    return people


async def _found(taker: Taker, search: Search) -> set[str]:
    for _ in range(RESTARTS):
        try:
            return await _read(taker, search)
        except Expired as expired:
            taker.restarted(search.resource_type, expired)
    return await _read(taker, search)


async def _read(taker: Taker, search: Search) -> set[str]:
    found: set[str] = set()
    nobodys = 0
    async for page in taker.searcher.pages(search):
        for each in entries(page, search.resource_type).matches:
            if isinstance(each, Checked):
                patient = references.patient(each.resource, taker.searcher.client.base)
                nobodys += patient is None
                found |= {patient} if patient else set()
    if nobodys:
        taker.warn("value", f"{search.resource_type}: {nobodys} rows name no patient")
    return found


async def find(taker: Taker, queries: Queries, group: str) -> People | None:
    """Who is of interest; None where nobody can be named, and all is to be asked for.

    Raises Unreachable where the group cannot be read, or nothing answers.
    """
    if group:
        found = await of_group(taker, group)
    elif queries.people:
        found = await by_code(taker, queries.people)
    else:
        taker.warn("not-supported", "this server finds nobody by code: all of it is asked for")
        return None
    if found.failed and not taker.searcher.answered:
        raise next(iter(found.failed.values()))
    if found.absent and not (found.told or found.failed):
        # A base_url that is no FHIR base answers 404 to everything: nobody is not an answer.
        raise Unreachable(
            f"no FHIR server: neither metadata nor any search ({found.absent.what})",
            where=masked(taker.searcher.client.base),
            hint="check base_url: it is the FHIR base, such as https://host/fhir/r4",
        )
    if found.failed:
        taker.warn("incomplete", found.unknown, severity="error")
    if not found.ids:
        taker.warn("not-found", "no patient is of interest")
    return found
