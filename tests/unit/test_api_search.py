"""A request's search parameters become a query; what is unknown is left out or refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.search import Query, fields_of, ignored_outcome, parsed, prefers, self_url
from adapter.api.fhir.search_values import TokenValue
from adapter.api.fhir.surface import MEASURE_REPORT
from tests.lib.api import BASE, application

APP = application(limits={"page": 20})


def request(query: str, prefer: str = "", path: str = "/fhir/MeasureReport") -> Request:
    headers = [(b"prefer", prefer.encode())] if prefer else []
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": path, "query_string": query.encode("latin-1"),
        "headers": headers, "app": APP, "server": ("127.0.0.1", 8000), "scheme": "http",
    }  # fmt: skip
    return Request(scope)


def query_of(query: str, prefer: str = "") -> Query:
    return parsed(request(query, prefer), MEASURE_REPORT.by_name)


def test_parameters_become_criteria_that_all_must_hold() -> None:
    query = query_of("status=complete,error&status:not=pending&date=ge2020&_count=5")
    assert [(item.parameter.name, item.modifier) for item in query.criteria] == [
        ("status", ""), ("status", "not"), ("date", ""),
    ]  # fmt: skip
    assert query.criteria[0].values == (TokenValue(None, "complete"), TokenValue(None, "error"))
    assert query.count == 5


@pytest.mark.parametrize(
    ("text", "count", "only_total"),
    [
        ("", 20, False), ("_count=7", 7, False), ("_count=0", 0, True),
        ("_count=99999999999999999999", 1000, False), ("_summary=count", 20, True),
    ],
)  # fmt: skip
def test_count_bounds_the_page(text: str, count: int, only_total: bool) -> None:
    query = query_of(text)
    assert (query.count, query.only_total) == (count, only_total)


def test_sort_names_parameters() -> None:
    query = query_of("_sort=-date,status")
    assert [(sort.parameter.name, sort.descending) for sort in query.sort] == [
        ("date", True), ("status", False),
    ]  # fmt: skip


def test_what_is_unknown_is_left_out_and_told() -> None:
    query = query_of("nope=1&status=complete&_include=x")
    assert query.ignored == ("nope", "_include")
    assert self_url(request(""), query) == f"{BASE}/MeasureReport?status=complete"
    told = ignored_outcome(query)
    assert told is not None
    assert [issue["expression"] for issue in told["issue"]] == [["http.nope"], ["http._include"]]
    assert {issue["severity"] for issue in told["issue"]} == {"warning"}


def test_sorting_by_what_cannot_order_is_ignored() -> None:
    query = query_of("_sort=identifier,date")
    assert [sort.parameter.name for sort in query.sort] == ["date"]
    assert query.ignored == ("_sort",)
    assert query.query_string() == "_sort=date"


@pytest.mark.parametrize("text", ["nope=1", "_sort=nope", "_sort=identifier"])
def test_strict_handling_refuses_what_is_unknown(text: str) -> None:
    with pytest.raises(FhirFailure) as refused:
        query_of(text, "handling=strict")
    assert refused.value.status == 400
    assert refused.value.expression == (f"http.{text.partition('=')[0]}",)


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("date=yesterday", "http.date"),
        ("date:exact=2020", "http.date"),
        ("status:missing=perhaps", "http.status:missing"),
        ("subject:Organization=a", "http.subject"),
        ("patient:Patient=Group/a", "http.patient:Patient"),
        ("_count=-1", "http._count"),
        ("_count=many", "http._count"),
        ("identifier=%7C", "http.identifier"),
    ],
)
def test_a_fault_names_its_parameter_and_not_its_value(text: str, expression: str) -> None:
    with pytest.raises(FhirFailure) as refused:
        query_of(text)
    assert refused.value.status == 400
    assert refused.value.expression == (expression,)
    assert "yesterday" not in refused.value.text


def test_a_parameter_without_a_value_is_as_if_it_were_not_there() -> None:
    assert query_of("status=&date=").criteria == ()


def test_no_search_has_more_parameters_than_anyone_needs() -> None:
    with pytest.raises(FhirFailure, match="at most"):
        query_of("&".join(["status=complete"] * 201))


def test_a_form_is_searched_as_its_url_would_be() -> None:
    asked = request("", path="/fhir/MeasureReport/_search")
    query = parsed(asked, MEASURE_REPORT.by_name, [("status", "complete")])
    assert self_url(asked, query) == f"{BASE}/MeasureReport?status=complete"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("handling=strict", "strict"), ("return=minimal, handling=lenient", "lenient"),
        ('handling="strict"', "strict"), ("respond-async", ""), ("", ""),
    ],
)  # fmt: skip
def test_preferences_are_read(header: str, value: str) -> None:
    assert prefers(request("", header), "handling") == value


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
NAMES = st.sampled_from([*MEASURE_REPORT.by_name, "_sort", "_count", "_page", "nope"])
MODIFIERS = st.sampled_from(["", ":not", ":missing", ":exact", ":identifier", ":Patient", ":x"])


@given(st.lists(st.tuples(st.builds(str.__add__, NAMES, MODIFIERS), TEXT), max_size=5))
def test_any_search_is_understood_or_refused_with_400(fields: list[tuple[str, str]]) -> None:
    try:
        query = parsed(request(""), MEASURE_REPORT.by_name, fields)
    except FhirFailure as failure:
        refused = failure
    else:
        again = parsed(request(""), MEASURE_REPORT.by_name, fields_of(query.query_string()))
        assert (again.criteria, again.sort) == (query.criteria, query.sort)
        assert (again.count, again.page) == (query.count, query.page)
        assert again.ignored == ()
        return
    assert refused.status == 400
    assert refused.expression
