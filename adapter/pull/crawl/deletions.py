"""What the server has deleted since the last run (pull.md D2 to D4).

By the history of a type, where the server has one, else by the ids that are there no more.
"""

from __future__ import annotations

import re
from datetime import datetime

from adapter.pull.checks import Checked, Refused, checked
from adapter.pull.crawl.holdings import Holdings
from adapter.pull.crawl.pages import Entry, Page, entries
from adapter.pull.crawl.queries import Search
from adapter.pull.crawl.taken import Taker
from adapter.pull.crawl.windows import Window, instant

_URL = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?")


async def by_history(taker: Taker, name: str, window: Window) -> None:
    """Keep a tombstone for each resource of the type that was deleted since, and is not back.

    A history tells the newest first. Raises SearchFailed, Unreachable, LandingError.
    """
    count = str(taker.server.profile.count)
    since = ("_since", instant(window.start))
    history = Search(name, (since, ("_count", count)), f"{name}/_history")
    met: set[str] = set()
    async for page in taker.searcher.pages(history):
        for entry in page.entry or ():
            found = _named(entry, name)
            if entry is None or found is None or found in met:
                continue
            met.add(found)
            if entry.request and entry.request.method == "DELETE":
                taker.landing.deleted(name, found, _when(entry, page, window.end))


def by_ids(taker: Taker, holdings: Holdings) -> None:
    """Keep a tombstone for each resource that is no more among its patient's.

    Raises LandingError.
    """
    landing = taker.landing
    when = landing.state.server_time
    for name in sorted(holdings.gone):
        if holdings.too_many(name):
            gone, before = len(holdings.gone[name]), holdings.before[name]
            what = f"{name}: {gone} of {before} are there no more, too many to be deletions"
            taker.warn("incomplete", what)
    for name, ids in holdings.deleted():
        for each in sorted(ids):
            if when:
                landing.deleted(name, each, when)


async def ids_of(taker: Taker, search: Search) -> set[str] | None:
    """The ids that a search finds; None where not all are known. Raises Unreachable."""
    count = str(taker.server.profile.count)
    found: set[str] = set()
    total, refused = 0, False
    async for page in taker.searcher.pages(search.with_(("_elements", "id"), ("_count", count))):
        total = max(total, page.total or 0)
        for each in entries(page, search.resource_type).matches:
            if isinstance(each, Checked):
                found.add(each.resource["id"])
            else:
                refused = True
    return None if refused or len(found) < total else found


def _named(entry: Entry | None, name: str) -> str | None:
    """The id that an entry of a history is of."""
    url = entry.request.url if entry and entry.request else None
    found = _URL.fullmatch(url) if url else None
    if found is None and url == name and entry:
        # A create names the type alone; the resource has its id.
        return _id(bytes(entry.resource), name)
    return found[2] if found and found[1] == name else None


def _id(raw: bytes, name: str) -> str | None:
    found = checked(raw, name)
    return None if isinstance(found, Refused) else str(found.resource["id"])


def _when(entry: Entry, page: Page, now: datetime) -> str:
    stated = entry.response.lastModified if entry.response else None
    made = page.meta.lastUpdated if page.meta else None
    return stated or made or instant(now)
