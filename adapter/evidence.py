"""From a result back to what it was made of: the facts, the resource, and where that stood."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from adapter.ingested import Place, texts
from adapter.models import FACT_TABLES, FactRow, ResourceRow
from analytics.episode import Course

if TYPE_CHECKING:
    from adapter.store import Store

Reference = tuple[str, str]
"""Site, and `Type/id` there."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one resource.

    place: file and line, as it was ingested. facts: what the mapping made of it, a row each.
    text: its JSON as it was ingested; None where it does not stand at its place any more.
    """

    place: str
    facts: tuple[str, ...]
    text: str | None


def evidence(
    store: Store, courses: Iterable[Course], paths: Sequence[str] = ()
) -> dict[Reference, Evidence]:
    """What stands behind the findings of the courses, as far as the store knows it.

    paths: files, folders, archives and addresses in which the resources are looked for; by default
    the files that the site's ingests named. Raises UsageError and Unreachable for given ones that
    cannot be read.
    """
    chosen = list(courses)
    held = {_reference(row): row for row in _wanted(store, chosen)}
    facts = _facts(store, chosen)
    places = {key: Place(row.source, row.content_hash) for key, row in held.items()}
    found = texts(store, places, paths)
    return {
        key: Evidence(row.source, tuple(facts.get(key, ())), found.get(key))
        for key, row in held.items()
    }


def _reference(row: ResourceRow | FactRow) -> Reference:
    return row.site, f"{row.resource_type}/{row.resource_id}"


def _wanted(store: Store, courses: Sequence[Course]) -> Iterator[ResourceRow]:
    for course in courses:
        refs = {str(ref) for finding in course.findings for ref in finding.refs}
        for row in store.rows(ResourceRow, patient_key=course.patient_key):
            if _reference(row)[1] in refs:
                yield row


def _facts(store: Store, courses: Sequence[Course]) -> dict[Reference, list[str]]:
    found: dict[Reference, list[str]] = {}
    for course in courses:
        for model in FACT_TABLES:
            for row in store.rows(model, patient_key=course.patient_key):
                found.setdefault(_reference(row), []).append(fact_text(row))
    return found


def fact_text(row: FactRow) -> str:
    """A fact as words: its table, then each column that is filled, dates as the days they mean."""
    return f"{row.__tablename__}: {', '.join(_cells(row))}"


def _cells(row: FactRow) -> Iterator[str]:
    for column in type(row).model_fields:
        value = getattr(row, column)
        if column in FactRow.model_fields or value in (None, "") or column.endswith("_precision"):
            continue
        name = column.replace("_", " ")
        if isinstance(value, date):
            if column.endswith("_latest"):
                continue
            name, value = name.removesuffix(" earliest"), _days(row, column)
        yield f"{name} {value}"


def _days(row: FactRow, column: str) -> str:
    first = getattr(row, column)
    last = getattr(row, f"{column.removesuffix('_earliest')}_latest", first)
    return str(first) if last in (None, first) else f"{first} to {last}"
