"""Parsers hold for any input: a value, or our own error; never another exception."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.definitions import load
from adapter.errors import InvalidValue
from adapter.mapping.context import interval
from adapter.mapping.dates import sortable, span

NEW_YORK = ZoneInfo("America/New_York")


@given(text=st.one_of(st.text(max_size=30), st.from_regex(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\dZ)?)?)?")))
def test_any_text_is_a_span_or_refused(text: str) -> None:
    try:
        found = span(text, UTC)
    except InvalidValue:
        return
    assert found.earliest <= found.latest
    assert (found.earliest == found.latest) == (found.precision in ("day", "instant"))


@given(day=st.dates(min_value=date(1800, 1, 1)))
def test_a_day_is_itself_and_lies_in_its_month_and_year(day: date) -> None:
    text = day.isoformat()
    assert (span(text, UTC).earliest, span(text, UTC).latest) == (day, day)
    for partial in (text[:7], text[:4]):
        found = span(partial, UTC)
        assert found.earliest <= day <= found.latest


@given(
    at=st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1)),
    hours=st.integers(-12, 14),
)
def test_an_instant_is_the_day_it_was_at_the_site(at: datetime, hours: int) -> None:
    sent = at.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert span(sent.isoformat(), NEW_YORK).earliest == sent.astimezone(NEW_YORK).date()


@given(
    moments=st.lists(
        st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1)),
        min_size=2,
        max_size=2,
    ),
    hours=st.integers(-12, 14),
)
def test_sortable_text_has_the_order_of_time(moments: list[datetime], hours: int) -> None:
    first = moments[0].replace(tzinfo=UTC)
    second = moments[1].replace(tzinfo=timezone(timedelta(hours=hours)))
    texts = sortable(first.isoformat()), sortable(second.isoformat())
    assert (texts[0] < texts[1]) == (first < second)


@pytest.mark.parametrize(
    "table", ["Tg", "TgAb", "TSH", "activity", "length", "percent", "fraction"]
)
@given(value=st.decimals(0, 10_000, places=3), unit=st.text(max_size=8))
def test_units_convert_exactly_or_are_refused(table: str, value: Decimal, unit: str) -> None:
    units = load().units[table]
    for known, factor in units.factors.items():
        assert units.convert(value, known) == value * factor
    try:
        units.convert(value, unit)
    except InvalidValue:
        assert unit.strip() not in {**units.factors, **units.aliases}


@given(value=st.decimals(0, 1000, places=2), comparator=st.sampled_from(["", "<", "<=", ">", ">="]))
def test_a_value_lies_in_its_interval(value: Decimal, comparator: str) -> None:
    low, high = interval(value, comparator)
    assert low is not None
    assert low <= value
    assert high is None or value <= high
    assert (low == high == value) or comparator
