"""Search criteria as conditions on the tables: `adapter.api.fhir.matching` for SQL.

Date ranges compare as FHIR R4 search 3.1.1.5.6 says, tokens and references by the index tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, select, true
from sqlalchemy.sql.elements import KeyedColumnElement

from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.matching import folded
from adapter.api.fhir.search import Criterion, Query
from adapter.api.fhir.search_values import (
    EARLIEST,
    LATEST,
    DateValue,
    ReferenceValue,
    StringValue,
    TokenValue,
    Value,
)
from adapter.api.reports.accepting import Measures
from adapter.api.reports.indexing import indexed, reference_parts
from adapter.api.reports.repository import ReportQuery
from adapter.api.reports.stored import microseconds
from adapter.api.reports.tables import report, report_reference, report_token
from adapter.measures.definition import MeasureDefinition

Condition = ColumnElement[bool]
Number = KeyedColumnElement[Any]

DATES: Mapping[str, tuple[Number, Number | None]] = {
    "date": (report.c.date_low, report.c.date_high),
    "period": (report.c.period_low, report.c.period_high),
    "_lastUpdated": (report.c.updated, None),
}
COLUMNS: Mapping[str, Number] = {"_id": report.c.id, "status": report.c.status}
REFERENCES = {
    "evaluated-resource": "evaluated-resource",
    "patient": "subject",
    "reporter": "reporter",
    "subject": "subject",
}
MEASURE, TITLE = "measure", "measure.title"
SORTED: Mapping[str, Number] = {
    "date": report.c.date_low,
    "period": report.c.period_low,
    "_lastUpdated": report.c.updated,
    "_id": report.c.id,
    "status": report.c.status,
    "measure": report.c.measure,
}
MILLISECOND = 1000
_APPROXIMATELY = 0.1


@dataclass(frozen=True, slots=True)
class Criteria:
    """Makes conditions. base: the FHIR base. measures: by URL without version."""

    base: str
    measures: Measures

    def query(self, asked: Query) -> ReportQuery:
        """What a search asks for, without its pages."""
        where = tuple(self.condition(criterion) for criterion in asked.criteria)
        order = tuple(
            # Without the element last, whichever way: SQLite and PostgreSQL differ by default.
            column
            for sort in asked.sort
            if sort.parameter.name in SORTED
            for column in _order(SORTED[sort.parameter.name], descending=sort.descending)
        )
        return ReportQuery(where, order)

    def condition(self, criterion: Criterion) -> Condition:
        """Whether one criterion holds; a NULL is False, so that `:not` finds it."""
        name = criterion.parameter.name
        if criterion.missing is not None:
            there = self._there(name)
            return not_(there) if criterion.missing else there
        met = or_(false(), *(self._meets(name, criterion, value) for value in criterion.values))
        known = func.coalesce(met, false())
        return not_(known) if criterion.modifier == "not" else known

    def _there(self, name: str) -> Condition:
        if name in DATES:
            return DATES[name][0].is_not(None)
        if name in COLUMNS:
            return COLUMNS[name].is_not(None)
        if name in (MEASURE, TITLE):
            return report.c.measure.is_not(None)
        if name in REFERENCES:
            kind = [report_reference.c.type == "Patient"] if name == "patient" else []
            return _referring(REFERENCES[name], *kind)
        return _tokened(name)

    def _meets(self, name: str, criterion: Criterion, value: Value) -> Condition:
        match value:
            case DateValue():
                low, high = DATES[name]
                return in_range(low, low + MILLISECOND if high is None else high, value)
            case TokenValue() if name in COLUMNS:
                return _code(COLUMNS[name], value)
            case TokenValue():
                suffix = ":identifier" if criterion.modifier == "identifier" else ""
                return _tokened(f"{REFERENCES.get(name, name)}{suffix}", *_token(value))
            case ReferenceValue() if name == MEASURE:
                return self._measure(value)
            case ReferenceValue():
                return self._reference(name, value)
            case StringValue() if name == TITLE:
                return self._titled(value.text, criterion.modifier)
        where = [f"http.{name}"]
        raise FhirFailure(400, "not-supported", f"{name} has no such modifier", expression=where)

    def _reference(self, name: str, value: ReferenceValue) -> Condition:
        table = report_reference.c
        if value.url:
            parts = reference_parts(value.url)
            stated = [getattr(table, part) == text for part, text in parts.items()]
            return _referring(REFERENCES[name], *stated)
        kind = value.type or ("Patient" if name == "patient" else "")
        conditions = [table.target == value.id, table.base.in_(("", self.base))]
        if kind:
            conditions.append(table.type == kind)
        return _referring(REFERENCES[name], *conditions)

    def _measure(self, value: ReferenceValue) -> Condition:
        if value.url:
            return _canonical(value.url, value.version)
        ids = {
            url
            for url, measure in self.measures.items()
            if measure.id == value.id and value.type in ("", "Measure")
        }
        here = f"{self.base}/Measure/{value.id}"
        return or_(*(_canonical(url, value.version) for url in sorted(ids | {here})))

    def _titled(self, text: str, modifier: str) -> Condition:
        urls = [
            url for url, measure in self.measures.items() if _has_title(measure, text, modifier)
        ]
        return report.c.measure.in_(urls)


def _has_title(measure: MeasureDefinition, text: str, modifier: str) -> bool:
    title = str(measure.resource.get("title", ""))
    if modifier == "exact":
        return title == text
    if modifier == "contains":
        return folded(text) in folded(title)
    return folded(title).startswith(folded(text))


def _canonical(url: str, version: str) -> Condition:
    versioned = [report.c.measure_version == version] if version else []
    return and_(report.c.measure == url, *versioned)


def _code(column: Number, value: TokenValue) -> Condition:
    """A code or id has no system in the resource; that of its value set is implied."""
    return true() if value.code is None else column == value.code


def _token(value: TokenValue) -> Sequence[Condition]:
    system = [] if value.system is None else [report_token.c.system == indexed(value.system)]
    code = [] if value.code is None else [report_token.c.code == indexed(value.code)]
    return [*system, *code]


def _tokened(parameter: str, *conditions: Condition) -> Condition:
    found = select(report_token.c.id).where(report_token.c.parameter == parameter, *conditions)
    return report.c.id.in_(found)


def _referring(parameter: str, *conditions: Condition) -> Condition:
    table = report_reference.c
    return report.c.id.in_(select(table.id).where(table.parameter == parameter, *conditions))


def in_range(low: Any, high: Any, value: DateValue) -> Condition:
    """The comparison that the value's prefix asks for; low, high: of the element."""
    first, last = microseconds(value.low), microseconds(value.high)
    within = and_(low >= first, high <= last)
    comparisons: Mapping[str, Callable[[], Condition]] = {
        "eq": lambda: within,
        "ne": lambda: not_(within),
        "gt": lambda: high > last,
        "lt": lambda: low < first,
        "ge": lambda: or_(high > last, within),
        "le": lambda: or_(low < first, within),
        "sa": lambda: low >= last,
        "eb": lambda: high <= first,
        "ap": lambda: _nearly(low, high, value),
    }
    return comparisons[value.prefix]()


def _nearly(low: Any, high: Any, value: DateValue) -> Condition:
    """Within a tenth of the time between now and the value, as the specification proposes."""
    gap: timedelta = abs(datetime.now(UTC) - value.low) * _APPROXIMATELY
    first = value.low - gap if value.low - EARLIEST > gap else EARLIEST
    last = value.high + gap if LATEST - value.high > gap else LATEST
    return and_(low < microseconds(last), high > microseconds(first))


def _order(column: Number, *, descending: bool) -> tuple[ColumnElement[Any], ...]:
    missing = column.is_(None)
    return missing, column.desc() if descending else column.asc()
