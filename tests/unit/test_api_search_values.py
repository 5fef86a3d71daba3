"""The values of searches: what a date leaves open, what a token, reference and URI say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.api.fhir.search_values import (
    EARLIEST,
    LATEST,
    PREFIXES,
    DateValue,
    ReferenceValue,
    StringValue,
    TokenValue,
    UriValue,
    date_range,
    plain,
    split,
    values_of,
)

BASE = "https://raiway.example/here"


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2020", "2020-01-01", "2021-01-01"),
        ("2020-02", "2020-02-01", "2020-03-01"),
        ("2020-12", "2020-12-01", "2021-01-01"),
        ("2020-02-29", "2020-02-29", "2020-03-01"),
        ("2020-01-01T10:30", "2020-01-01T10:30", "2020-01-01T10:31"),
        ("2020-01-01T10:30:59Z", "2020-01-01T10:30:59", "2020-01-01T10:31"),
        ("2020-01-01T00:30:00+02:00", "2019-12-31T22:30", "2019-12-31T22:30:01"),
        ("2020-01-01T10:30:00.5Z", "2020-01-01T10:30:00.500", "2020-01-01T10:30:00.600"),
        ("2020-01-01T10:30:00.123Z", "2020-01-01T10:30:00.123", "2020-01-01T10:30:00.124"),
    ],
)
def test_a_date_leaves_open_what_it_does_not_say(text: str, low: str, high: str) -> None:
    assert date_range(text) == (instant(low), instant(high))


def test_the_last_year_has_an_end() -> None:
    assert date_range("9999")[1] == LATEST
    assert date_range("9999-12-31")[1] == LATEST
    assert date_range("0001-01-01T00:00:00+05:00")[0] == EARLIEST


@pytest.mark.parametrize(
    "text",
    ["", "20", "2020-13", "2020-02-30", "2020-1-1", "2020-01-01T25:00", "today", "2020-01-01T10",
     "\u0662020", "2020-01-01T10:30:60Z", "0000"],
)  # fmt: skip
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        date_range(text)


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)),
    st.sampled_from(["%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]),
)
def test_an_instant_lies_in_the_range_of_every_precision_of_it(moment: datetime, form: str) -> None:
    low, high = date_range(moment.strftime(form))
    assert low <= moment.replace(tzinfo=UTC) < high


@given(st.dates(min_value=datetime(1900, 1, 1).date(), max_value=datetime(2100, 1, 1).date()))
def test_a_coarser_date_holds_the_finer_one(day: object) -> None:
    text = str(day)
    ranges = [date_range(text[:length]) for length in (4, 7, 10)]
    for (outer_low, outer_high), (low, high) in pairwise(ranges):
        assert outer_low <= low < high <= outer_high


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_prefix_is_read(prefix: str) -> None:
    (value,) = values_of("date", "", f"{prefix}2020", BASE)
    assert value == DateValue(prefix, instant("2020-01-01"), instant("2021-01-01"))


def test_without_a_prefix_a_date_is_equal() -> None:
    (value,) = values_of("date", "", "2020", BASE)
    assert isinstance(value, DateValue)
    assert value.prefix == "eq"
    assert value.high - value.low == timedelta(days=366)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("final", TokenValue(None, "final")),
        ("http://loinc.org|3013-0", TokenValue("http://loinc.org", "3013-0")),
        ("|final", TokenValue("", "final")),
        ("http://loinc.org|", TokenValue("http://loinc.org", None)),
        (r"a\|b", TokenValue(None, "a|b")),
    ],
)
def test_a_token_has_a_system_and_a_code(text: str, value: TokenValue) -> None:
    assert values_of("token", "", text, BASE) == (value,)


@pytest.mark.parametrize(
    ("modifier", "text", "value"),
    [
        ("", "Organization/a", ReferenceValue("Organization", "a")),
        ("", f"{BASE}/Organization/a", ReferenceValue("Organization", "a")),
        ("Organization", "a", ReferenceValue("Organization", "a")),
        ("Organization", "Organization/a", ReferenceValue("Organization", "a")),
        ("", "a", ReferenceValue("", "a")),
        ("", "Measure/m|1.0", ReferenceValue("Measure", "m", version="1.0")),
        ("", "https://other.example/Measure/m|2",
         ReferenceValue("", "", "https://other.example/Measure/m", "2")),
        ("", "urn:uuid:9b0d", ReferenceValue("", "", "urn:uuid:9b0d")),
        ("identifier", "urn:sites|a", TokenValue("urn:sites", "a")),
    ],
)  # fmt: skip
def test_a_reference_is_of_here_or_of_elsewhere(modifier: str, text: str, value: object) -> None:
    assert values_of("reference", modifier, text, BASE) == (value,)


@pytest.mark.parametrize(
    ("kind", "modifier", "text"),
    [
        ("token", "", "|"),
        ("token", "", "a|b|c"),
        ("date", "", "2020,"),
        ("reference", "Patient", "Organization/a"),
        ("reference", "", "not a reference"),
        ("uri", "", "|1"),
        ("uri", "", "urn:a|1|2"),
    ],
)
def test_what_cannot_be_a_value_is_refused(kind: str, modifier: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        values_of(kind, modifier, text, BASE)


def test_commas_part_values_and_escaped_ones_do_not() -> None:
    assert values_of("string", "", r"a\,b,c", BASE) == (StringValue("a,b"), StringValue("c"))
    uris = (UriValue("urn:a", "1"), UriValue("urn:b"))
    assert values_of("uri", "", "urn:a|1,urn:b", BASE) == uris


@given(st.lists(st.text(max_size=8), min_size=1, max_size=4), st.sampled_from([",", "|"]))
def test_what_is_escaped_and_joined_is_split_again(parts: list[str], separator: str) -> None:
    def escaped(text: str) -> str:
        for special in ("\\", ",", "|", "$"):
            text = text.replace(special, f"\\{special}")
        return text

    joined = separator.join(escaped(part) for part in parts)
    assert [plain(part) for part in split(joined, separator)] == parts
