"""Dates that other resources give: the specimen's, the report's, the parent Procedure's.

A result without a date of its own is as old as its specimen, else as the study that the report is
about, else as the Procedure that it belongs to. A statement of one day within a therapy lasted as
long as the therapy. Each date that came this way is flagged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, Table, and_, select

from adapter.models import FactRow, LinkRow, OccurrenceRow, RaiAdministrationRow
from adapter.store.columns import table_of, travel
from adapter.store.connect import Transaction
from analytics.course import DateSpan, DrugExposure, Fact

Key = tuple[str, str, str]
"""site, resource_type, resource_id"""

# What dates a fact, the best first.
ROLES = ("specimen", "report", "part_of")
FROM_ISSUED = "date_from_issued"

Dated = TypeVar("Dated", bound=Fact)
Page = Callable[[ColumnElement[Any]], ColumnElement[bool]]
Spans = Callable[[str, str], DateSpan | None]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """When it began and ended; `end` is None where only one date is stated."""

    start: DateSpan | None
    end: DateSpan | None


Occurrences = dict[Key, dict[str, Occurrence]]
"""A fact's resource -> role -> what gives it a date."""


def occurrences(transaction: Transaction, page: Page, span: Spans) -> Occurrences:
    """What dates the facts of a page of patients; `span` makes a date of two texts."""
    found: Occurrences = {}
    for model, dates in _DATING:
        for batch in transaction.batches(_linked(page, table_of(model), dates)):
            for site, role, *rest in zip(*batch, strict=True):
                source, target, days = rest[:2], rest[2:4], rest[4:]
                # A report names its results; other links lead from the fact to what dates it.
                resource_type, resource_id = target if role == "report" else source
                by_role = found.setdefault((site, resource_type, resource_id), {})
                each = Occurrence(span(*days[:2]), span(*days[2:]))
                by_role[role] = _earlier(by_role.get(role), each)
    return found


# Where a linked resource's dates lie: (start, end), each the columns of a date. Iodine that a
# Procedure gave is a fact, with a date of its own.
_DATING: tuple[tuple[type[FactRow], tuple[str, ...]], ...] = (
    (OccurrenceRow, ("start_earliest", "start_latest", "end_earliest", "end_latest")),
    (RaiAdministrationRow, ("date_earliest", "date_latest", "date_earliest", "date_latest")),
)


def _linked(page: Page, table: Table, dates: tuple[str, ...]) -> Select[Any]:
    """site, role, both ends of each link, and the dates of the end that dates the other."""
    link, dating = table_of(LinkRow).columns, table.columns
    by_report = and_(
        link.role == "report",
        dating.resource_type == link.resource_type,
        dating.resource_id == link.resource_id,
    )
    by_target = and_(
        link.role.in_(["specimen", "part_of"]),
        dating.resource_type == link.target_type,
        dating.resource_id == link.target_id,
    )
    keys = (link.resource_type, link.resource_id, link.target_type, link.target_id)
    days = (
        travel(dating[name]).selected(dating[name]).label(f"d{at}") for at, name in enumerate(dates)
    )
    joined = link.site.table.join(table, and_(dating.site == link.site, by_report | by_target))
    return (
        select(link.site, link.role, *keys, *days)
        .select_from(joined)
        # What belongs to another patient dates nothing.
        .where(page(link.patient_key), dating.patient_key == link.patient_key)
    )


def _earlier(one: Occurrence | None, other: Occurrence) -> Occurrence:
    """Of several the earliest, so that the order of reading does not matter."""
    if one is None or one.start is None:
        return other
    if other.start is None:
        return one
    return min(one, other, key=lambda each: (each.start, each.end or each.start))


def with_date(facts: Iterable[Dated], site: str, dated: Occurrences) -> Iterator[Dated]:
    """The facts, each without a date of its own with that of what its resource is linked to."""
    for fact in facts:
        own = getattr(fact, "date", None)
        if own is not None and FROM_ISSUED not in fact.flags:
            yield fact
            continue
        by_role = dated.get((site, fact.ref.resource_type, fact.ref.resource_id), {})
        role = next((role for role in ROLES if role in by_role and by_role[role].start), None)
        if role is None:
            yield fact
            continue
        flags = (*(flag for flag in fact.flags if flag != FROM_ISSUED), f"date_from_{role}")
        yield replace(fact, date=by_role[role].start, flags=flags)  # type: ignore[call-arg]


def with_span(
    exposures: Iterable[DrugExposure], site: str, dated: Occurrences
) -> Iterator[DrugExposure]:
    """Exposures; a statement of one day or without an end, within a longer therapy, with its span.

    A known span of several days is the record's own and stays.
    """
    for exposure in exposures:
        by_role = dated.get((site, exposure.ref.resource_type, exposure.ref.resource_id), {})
        therapy = by_role.get("part_of")
        if (
            therapy
            and therapy.start
            and therapy.end
            and _within(exposure, therapy.start, therapy.end)
        ):
            yield replace(
                exposure,
                start=therapy.start,
                end=therapy.end,
                flags=(*exposure.flags, "span_from_part_of"),
            )
        else:
            yield exposure


def _within(exposure: DrugExposure, start: DateSpan, end: DateSpan) -> bool:
    if exposure.evidence == "administered":
        return False
    if exposure.start is None:
        return exposure.end is None
    if exposure.end not in (None, exposure.start):
        return False
    return start.earliest <= exposure.start.earliest <= end.latest
