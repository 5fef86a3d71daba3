"""One search is one chain of pages, followed by the server's links alone (pull.md S1-S8)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl, urljoin, urlsplit

from adapter.pull.crawl import issues
from adapter.pull.crawl.pages import Page, SearchFailed, changed, page
from adapter.pull.crawl.queries import Search
from adapter.pull.crawl.windows import moment, server_time
from adapter.pull.transport.client import Client, GaveUp
from adapter.pull.transport.http import Reply
from adapter.pull.transport.log import masked

MAX_PAGES = 100_000
LONGEST_URL = 2_000
"""Characters that every server and proxy takes."""

FORM = "application/x-www-form-urlencoded"
FRESH = {"Cache-Control": "no-cache"}
STRICT = {"Prefer": "handling=strict"}
"""An unknown parameter is to be an error, not to be ignored."""
LENIENT_AFTER = frozenset({400, 412, 422})
UNAUTHORISED = frozenset({401, 403})
NO_POST = frozenset({404, 405, 415, 501})


class Expired(SearchFailed):
    """The server has forgotten the search whose next page was asked for."""


class NotOffered(SearchFailed):
    """The server has no such type, or does not search it."""


@dataclass(slots=True)
class Searcher:
    """Searches of one run.

    lenient: types that are not searched strictly. posts: whether _search works, as far as known.
    answered: whether the server took up a search at all. time: when it made the first page, by its
    own clock.
    """

    client: Client
    lenient: set[str] = field(default_factory=set)
    posts: bool = True
    answered: bool = False
    time: datetime | None = None

    async def pages(self, search: Search) -> AsyncIterator[Page]:
        """The pages of a search in order, empty ones too.

        Raises SearchFailed where a filter was ignored, links go round, or the server refuses;
        Expired where a page is gone, so that the search must start anew; Unreachable.
        """
        reply = await self._first(search)
        found = page(reply)
        self.time = self.time or server_time(
            reply.headers, found.meta.lastUpdated if found.meta else None
        )
        if search_ignored(found, search):
            raise SearchFailed(
                "the server ignores _lastUpdated", where=masked(reply.url), hint='since = "none"'
            )
        seen = {reply.url}
        for _ in range(MAX_PAGES):
            yield found
            link = found.url("next")
            if link is None:
                return
            url = urljoin(reply.url, link)
            if url in seen:
                raise SearchFailed("links to pages go round", where=masked(url))
            seen.add(url)
            reply = await self._next(url)
            found = page(reply)
        raise SearchFailed(f"more than {MAX_PAGES:,} pages", where=masked(reply.url))

    async def _first(self, search: Search) -> Reply:
        strict = search.resource_type not in self.lenient
        reply = await self._asked(search, {**FRESH, **STRICT} if strict else FRESH)
        if strict and reply.status in LENIENT_AFTER:
            refused = reply
            reply = await self._asked(search, FRESH)
            if reply.status == 200:
                self.lenient.add(search.resource_type)
                said = issues.said(refused.body)
                self.client.log.event("not-strict", type=search.resource_type, text=said)
        self.answered = self.answered or reply.status not in UNAUTHORISED
        if reply.status != 200:
            raise refusal(reply, first=True)
        return reply

    async def _asked(self, search: Search, headers: Mapping[str, str]) -> Reply:
        url = f"{self.client.base}/{search.path or search.resource_type}"
        if self.posts and not search.path and len(url) + len(search.query) + 1 > LONGEST_URL:
            body = search.query.encode()
            reply = await self.client.post(
                f"{url}/_search", body, content_type=FORM, headers=headers
            )
            if reply.status not in NO_POST:
                return reply
            self.posts = False
        return await self._got(f"{url}?{search.query}" if search.query else url, headers)

    async def _next(self, url: str) -> Reply:
        reply = await self._got(url, FRESH)
        if reply.status != 200:
            raise refusal(reply, first=False)
        return reply

    async def _got(self, url: str, headers: Mapping[str, str]) -> Reply:
        """The reply. Raises Unreachable with what the server says of itself, if it does."""
        try:
            return await self.client.get(url, headers=headers)
        except GaveUp as error:
            said = issues.said(error.reply.body) if error.reply else ""
            if not said:
                raise
            raise SearchFailed(f"{error.what}: {said}", where=error.where) from error


def refusal(reply: Reply, *, first: bool) -> SearchFailed:
    """Why a search cannot go on."""
    said = issues.said(reply.body)
    what = f"HTTP {reply.status}{': ' if said else ''}{said}"
    kind = SearchFailed
    if reply.status == 410 or (reply.status == 404 and not first):
        kind = Expired
    elif reply.status in (404, 405, 501) and first:
        kind = NotOffered
    return kind(what, where=masked(reply.url))


def search_ignored(found: Page, search: Search) -> bool:
    """Whether the server shows that it did not apply the search's window (S4).

    The link `self` has what was applied. Where it is missing, or names none of what was asked, the
    rows tell: none may be older than what was asked for.
    """
    asked = {name for name, _ in search.parameters}
    if "_lastUpdated" not in asked:
        return False
    shown = found.url("self")
    names = {name for name, _ in parse_qsl(urlsplit(shown or "").query, keep_blank_values=True)}
    if "_lastUpdated" in names:
        return False
    # HAPI repeats nothing of what was posted: its link ends in _search.
    silent = shown is None or (not names and urlsplit(shown).path.endswith("/_search"))
    says = not silent and (not names or not names.isdisjoint(asked))
    return says or _older(found, search)


def _older(found: Page, search: Search) -> bool:
    """Whether a row is older than the search's window."""
    start = min(value[2:] for _, value in search.parameters if value.startswith("ge"))
    return any(each < moment(start) for each in changed(found))
