"""Searches of the audit's table (http://hl7.org/fhir/R4/auditevent.html#search)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)

from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.search import Criterion, Query
from adapter.api.fhir.search_values import (
    DateValue,
    ReferenceValue,
    StringValue,
    TokenValue,
    Value,
)
from adapter.api.security.audit_events import (
    AGENT_IDS,
    AUTHENTICATION,
    LOGIN_CODES,
    OUR_SUBTYPES,
    RESTFUL_CODES,
    audit_event,
    event_type,
    subtypes,
)
from adapter.elements import Json

_NEAR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Found:
    """A page: its rows, the number of all that were found, and where the next page starts."""

    rows: list[Any]
    total: int
    next: str


def found(connection: Connection, query: Query) -> Found:
    """The page of a search, the newest first unless sorted by date.

    What is written meanwhile does not move the pages. Raises FhirFailure 400.
    """
    where = and_(true(), *(_clause(each) for each in query.criteria))
    top, last = _place(connection, query.page)
    number = audit_event.c.number
    shown = where & (number <= top)
    total = connection.execute(select(func.count()).where(shown).select_from(audit_event)).scalar()
    if query.only_total:
        return Found([], int(total or 0), "")
    rising = bool(query.sort) and not query.sort[0].descending
    if last is not None:
        shown &= number > last if rising else number < last
    order = number.asc() if rising else number.desc()
    page = select(audit_event).where(shown).order_by(order).limit(query.count + 1)
    rows = list(connection.execute(page))
    more = len(rows) > query.count
    rows = rows[: query.count]
    return Found(rows, int(total or 0), f"{top}-{rows[-1].number}" if more else "")


def _place(connection: Connection, page: str) -> tuple[int, int | None]:
    """The newest event that the search's first page could show, and the last one shown."""
    if not page:
        newest = connection.execute(select(func.max(audit_event.c.number))).scalar()
        return int(newest or 0), None
    top, _, last = page.partition("-")
    if not (top.isdecimal() and last.isdecimal() and len(page) < 40):
        raise FhirFailure(400, "invalid", "no such page", expression=["http._page"])
    return int(top), int(last)


def _clause(criterion: Criterion) -> ColumnElement[bool]:
    """Any of the values holds. All parameters but `entity` have a value in every event."""
    name = criterion.parameter.name
    if criterion.missing is not None:
        empty = audit_event.c.entities == "[]" if name == "entity" else false()
        return empty if criterion.missing else not_(empty)
    clause = or_(false(), *_values(name, criterion))
    return not_(clause) if criterion.modifier == "not" else clause


def _values(name: str, criterion: Criterion) -> Iterator[ColumnElement[bool]]:
    for value in criterion.values:
        match value:
            case DateValue():
                yield _date(value)
            case StringValue():
                yield _text(criterion.modifier, value.text)
            case ReferenceValue() if name == "entity" and value.type and value.id:
                reference = f'"{value.type}/{value.id}"'
                yield audit_event.c.entities.contains(reference, autoescape=True)
            case TokenValue() if name in _TOKENS:
                yield _TOKENS[name](value)
            case _:
                raise _unsupported(name, value)


def _date(value: DateValue) -> ColumnElement[bool]:
    column = audit_event.c.recorded
    low, high = (int(each.timestamp() * 1000) for each in (value.low, value.high))
    within = (column >= low) & (column < high)
    near = int(_NEAR.total_seconds() * 1000)
    clauses: dict[str, ColumnElement[bool]] = {
        "eq": within,
        "ne": not_(within),
        "lt": column < low,
        "eb": column < low,
        "le": column < high,
        "gt": column >= high,
        "sa": column >= high,
        "ge": column >= low,
        "ap": (column >= low - near) & (column < high + near),
    }
    return clauses[value.prefix]


def _text(modifier: str, text: str) -> ColumnElement[bool]:
    column = audit_event.c.agent
    if modifier == "exact":
        return column == text
    lower = func.lower(column)
    if modifier == "contains":
        return lower.contains(text.lower(), autoescape=True)
    return lower.startswith(text.lower(), autoescape=True)


def _agent(value: TokenValue) -> ColumnElement[bool]:
    if value.system not in {None, AGENT_IDS} or value.code is None:
        return false()
    return audit_event.c.agent == value.code


def _plain(column: ColumnElement[str]) -> Callable[[TokenValue], ColumnElement[bool]]:
    return lambda value: false() if value.code is None else column == value.code


def _type(value: TokenValue) -> ColumnElement[bool]:
    login = audit_event.c.interaction.in_(AUTHENTICATION)
    return or_(
        _fits(value, event_type("login")) & login, _fits(value, event_type("read")) & not_(login)
    )


def _subtype(value: TokenValue) -> ColumnElement[bool]:
    """An operation is found by its own name, and as `operation`."""
    column = audit_event.c.interaction
    named = column == value.code if value.system in {None, OUR_SUBTYPES} else false()
    clauses = [
        _fits(value, coding) & (column == interaction)
        for interaction in (*RESTFUL_CODES, *LOGIN_CODES)
        for coding in subtypes(interaction)
    ]
    known = (*RESTFUL_CODES, *AUTHENTICATION)
    operations = _fits(value, subtypes("operation")[0]) & column.not_in(known)
    return or_(named, operations, *clauses)


def _fits(value: TokenValue, coding: Json) -> ColumnElement[bool]:
    return literal(
        value.system in {None, coding["system"]} and value.code in {None, coding["code"]}
    )


_TOKENS: dict[str, Callable[[TokenValue], ColumnElement[bool]]] = {
    "_id": _plain(audit_event.c.id),
    "action": _plain(audit_event.c.action),
    "agent": _agent,
    "outcome": _plain(audit_event.c.outcome),
    "subtype": _subtype,
    "type": _type,
}


def _unsupported(name: str, value: Value) -> FhirFailure:
    text = f"{name} cannot be searched by such a value"
    if isinstance(value, ReferenceValue) and name == "agent":
        text = f"agents are searched by their id: agent:identifier={AGENT_IDS}|…"
    return FhirFailure(400, "not-supported", text, expression=[f"http.{name}"])
