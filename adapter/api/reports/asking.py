"""One request about stored reports: who asks, what may be searched by, and what it then matches."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request

from adapter.api.context import context_of
from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.search import Query, fields_of, parsed, self_url
from adapter.api.fhir.surface import MEASURE_REPORT
from adapter.api.reports.accepting import Measures, measures_of
from adapter.api.reports.criteria import Criteria
from adapter.api.reports.repository import ReportQuery, ReportRepository
from adapter.api.reports.snapshots import Paging, counted, paged
from adapter.api.reports.stored import Page
from adapter.api.reports.tables import report
from adapter.api.reports.transaction import NUL, ReportTransaction
from adapter.api.reports.visibility import visible
from adapter.api.security.principal import Principal

PARAMETERS = MEASURE_REPORT.by_name


@dataclass(frozen=True, slots=True)
class Asking:
    """A client's request, or one entry of its batch."""

    request: Request
    who: Principal

    @property
    def base(self) -> str:
        """The FHIR base."""
        return context_of(self.request).base

    @property
    def measures(self) -> Measures:
        """The Measures whose reports are taken."""
        return measures_of(self.request)

    @property
    def repository(self) -> ReportRepository:
        """The stored reports."""
        return ReportRepository(context_of(self.request).engine)

    def parsed(self, query: str) -> Query:
        """A query string as criteria. Raises FhirFailure 400."""
        fields = fields_of(query)
        if wrong := [name for name, text in fields if NUL in name + text]:
            where = [f"http.{name.replace(NUL, '')}" for name in wrong]
            raise FhirFailure(400, "invalid", "a value has a character of 0", expression=where)
        return parsed(self.request, PARAMETERS, fields)

    def query(self, asked: Query) -> ReportQuery:
        """Its conditions, with those of what the client may see."""
        found = Criteria(self.base, self.measures).query(asked)
        return ReportQuery((*found.where, visible(self.who, report)), found.order)

    def condition(self, query: str, name: str) -> ReportQuery:
        """The search of a conditional create, update or delete, sent as this.

        Raises FhirFailure 400 for one without criteria: it would match every report, and for a
        parameter that is unknown: without it more would match than was meant.
        """
        asked = self.parsed(query)
        if asked.ignored or not asked.criteria:
            raise FhirFailure(
                400,
                "invalid",
                "a condition is made of search parameters of MeasureReport that are known here",
                expression=[name],
            )
        return self.query(asked)

    def paging(self, count: int, url: str) -> Paging:
        """How the answer is cut into pages."""
        life = context_of(self.request).settings.server.limits.snapshot
        return Paging(count, self.who.id, life, url)

    def searched(self, asked: Query, within: ReportTransaction | None = None) -> Page:
        """The first page of a search, or only its total. within: a transaction that may write."""
        query = self.query(asked)
        paging = self.paging(asked.count, self.self_url(asked))
        if within is not None:
            if asked.only_total:
                return Page((), counted(within.connection, query.versions))
            return paged(within.connection, query.versions, query.whole_order, paging)
        if asked.only_total:
            return Page((), self.repository.count(query))
        return self.repository.search(query, paging)

    def self_url(self, asked: Query) -> str:
        """The URL of the search as it was understood."""
        return self_url(self.request, asked)

    def next_url(self, page: Page, kept: dict[str, str], path: str) -> str:
        """The URL of the page that follows, '' after the last one.

        kept: parameters about the answer; what was searched for is in the token alone.
        """
        if not page.token:
            return ""
        query = urlencode({**kept, "_page": page.token})
        return f"{context_of(self.request).public_url}{path}?{query}"
