"""Histories: `_count`, `_since` and `_at` (FHIR R4 http.html 3.1.0.12), and their pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from adapter.api.context import context_of
from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.search import MAX_COUNT
from adapter.api.fhir.search_values import date_range
from adapter.api.reports.asking import Asking
from adapter.api.reports.stored import Page, microseconds
from adapter.api.reports.tables import report_version
from adapter.api.reports.visibility import seen, visible

KEPT = ("_format", "_pretty", "_summary", "_elements", "_count")


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a history is asked for. page: a token, '' for the first; kept: for the next link."""

    count: int
    page: str
    where: tuple[ColumnElement[bool], ...]
    kept: dict[str, str]


def asked(asking: Asking) -> Asked:
    """As the request states it. Raises FhirFailure 400 for a value that cannot be."""
    parameters = asking.request.query_params
    kept = {name: parameters[name] for name in KEPT if name in parameters}
    return Asked(_count(asking, parameters), parameters.get("_page", ""), _where(parameters), kept)


def page(asking: Asking, key: str | None, asked: Asked) -> Page:
    """The versions that the client may see. Raises FhirFailure 404 and 410."""
    repository, who = asking.repository, asking.who
    if asked.page:
        return repository.later(asked.page, who.id).page
    if key is not None:
        with repository.seeing() as transaction:
            current = transaction.current(key)
        if current is None:
            raise FhirFailure(404, "not-found", "no such MeasureReport")
        seen(who, current)
    where = (*asked.where, visible(who, report_version))
    return repository.history(key, asking.paging(asked.count, ""), where)


def _count(asking: Asking, parameters: Mapping[str, str]) -> int:
    text = parameters.get("_count", "")
    if not text:
        return context_of(asking.request).settings.server.limits.page
    if not (text.isascii() and text.isdigit() and int(text[:10])):
        raise FhirFailure(400, "invalid", "_count is a number above 0", expression=["http._count"])
    return min(int(text[:10]), MAX_COUNT)


def _where(parameters: Mapping[str, str]) -> tuple[ColumnElement[bool], ...]:
    conditions = []
    if since := parameters.get("_since"):
        conditions.append(report_version.c.updated >= _instants("_since", since)[0])
    if at := parameters.get("_at"):
        low, high = _instants("_at", at)
        later = report_version.alias()
        replaced = (
            later.select()
            .where(
                later.c.id == report_version.c.id,
                later.c.version > report_version.c.version,
                later.c.updated <= low,
            )
            .exists()
        )
        conditions += [report_version.c.updated < high, ~replaced]
    return tuple(conditions)


def _instants(name: str, text: str) -> tuple[int, int]:
    try:
        low, high = date_range(text)
    except ValueError as error:
        raise FhirFailure(
            400, "invalid", f"{name}: {error}", expression=[f"http.{name}"]
        ) from error
    return microseconds(low), microseconds(high)
