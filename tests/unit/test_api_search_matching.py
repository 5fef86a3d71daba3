"""Which resources meet a criterion, and the laws that the prefixes of dates obey."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.api.fhir.matching import found, holds, in_range, range_of
from adapter.api.fhir.search import Criterion, Query, SearchParameter, Sort
from adapter.api.fhir.search_values import Kind, Prefix, values_of

NOW = datetime(2026, 11, 25, tzinfo=UTC)
BASE = "https://raiway.example/here"
REPORT: dict[str, Any] = {
    "resourceType": "MeasureReport",
    "id": "a",
    "status": "complete",
    "date": "2020-06-15T10:00:00+00:00",
    "period": {"start": "2020-01-01", "end": "2020-03-31"},
    "measure": "https://m.example/Measure/m|1.0",
    "reporter": {"reference": "Organization/o", "identifier": {"system": "urn:o", "value": "7"}},
    "group": [
        {"code": {"coding": [{"system": "urn:g", "code": "x", "display": "Élan"}],
                  "text": "first"}},
        {"code": {"coding": [{"system": "urn:g", "code": "y"}]}},
    ],
}  # fmt: skip


def asked(kind: Kind, path: str, text: str, modifier: str = "") -> Criterion:
    parameter = SearchParameter("it", kind, paths=(path,))
    return Criterion(parameter, modifier, values_of(kind, modifier, text, BASE))


@pytest.mark.parametrize(
    ("kind", "path", "modifier", "text", "met"),
    [
        ("token", "status", "", "complete", True),
        ("token", "status", "", "error,complete", True),
        ("token", "status", "", "error", False),
        ("token", "status", "not", "error", True),
        ("token", "status", "not", "complete", False),
        ("token", "group.code", "", "urn:g|y", True),
        ("token", "group.code", "", "y", True),
        ("token", "group.code", "", "urn:g|", True),
        ("token", "group.code", "", "|y", False),
        ("string", "group.code", "", "elan", True),
        ("string", "group.code", "", "FIR", True),
        ("string", "group.code", "", "irst", False),
        ("string", "group.code", "contains", "irst", True),
        ("string", "group.code", "exact", "first", True),
        ("string", "group.code", "exact", "First", False),
        ("reference", "reporter", "", "Organization/o", True),
        ("reference", "reporter", "", "o", True),
        ("reference", "reporter", "Practitioner", "o", False),
        ("reference", "reporter", "identifier", "urn:o|7", True),
        ("reference", "reporter", "identifier", "urn:p|7", False),
        ("reference", "measure", "", "https://m.example/Measure/m", True),
        ("reference", "measure", "", "https://m.example/Measure/m|1.0", True),
        ("reference", "measure", "", "https://m.example/Measure/m|2.0", False),
        ("uri", "measure", "below", "https://m.example", True),
        ("uri", "measure", "above", "https://m.example/Measure/m/part", True),
        ("uri", "measure", "", "https://m.example", False),
    ],
)
def test_a_criterion_is_met(kind: Kind, path: str, modifier: str, text: str, met: bool) -> None:
    assert holds(asked(kind, path, text, modifier), REPORT, NOW) is met


@pytest.mark.parametrize(("path", "missing"), [("improvementNotation", True), ("status", False)])
def test_missing_asks_whether_an_element_is_there(path: str, missing: bool) -> None:
    parameter = SearchParameter("it", "token", paths=(path,))
    assert holds(Criterion(parameter, "missing", (), missing=missing), REPORT, NOW)
    assert not holds(Criterion(parameter, "missing", (), missing=not missing), REPORT, NOW)


# The table of FHIR R4 search 3.1.1.4.5, with the element's period of the first quarter of 2020.
@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("2020", True), ("2020-01", False), ("ne2020", False), ("ne2020-01", True),
        ("gt2020-02", True), ("gt2020-04", False), ("lt2020-02", True), ("lt2020-01-01", False),
        ("ge2020", True), ("ge2020-04", False), ("le2020", True), ("le2019", False),
        ("sa2019", True), ("sa2020-01", False), ("eb2020-04", True), ("eb2020-03", False),
        ("ap2020-04", True), ("ap2025-01", False),
    ],
)  # fmt: skip
def test_a_period_is_compared_by_its_range(text: str, met: bool) -> None:
    assert holds(asked("date", "period", text), REPORT, NOW) is met


def test_an_open_period_goes_on_for_ever() -> None:
    began = {"period": {"start": "2020-01-01"}}
    assert holds(asked("date", "period", "gt9990"), began, NOW)
    assert not holds(asked("date", "period", "eb9990"), began, NOW)


INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC))
TEXTS = st.builds(
    lambda moment, form: moment.strftime(form),
    INSTANTS,
    st.sampled_from(["%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]),
)


def met(prefix: Prefix, element: str, text: str) -> bool:
    (value,) = values_of("date", "", f"{prefix}{text}", BASE)
    return in_range(range_of(element), value, NOW)


@given(TEXTS, TEXTS)
def test_the_prefixes_of_dates_obey_their_laws(element: str, text: str) -> None:
    assert met("eq", element, text) is not met("ne", element, text)
    assert met("ge", element, text) is (met("gt", element, text) or met("eq", element, text))
    assert met("le", element, text) is (met("lt", element, text) or met("eq", element, text))
    assert not (met("sa", element, text) and not met("gt", element, text))
    assert not (met("eb", element, text) and not met("lt", element, text))
    assert not (met("sa", element, text) and met("eb", element, text))
    assert not (met("eq", element, text) and not met("ap", element, text))


@given(TEXTS)
def test_a_date_equals_itself(text: str) -> None:
    assert met("eq", text, text)
    assert met("ap", text, text)
    assert not met("gt", text, text)
    assert not met("lt", text, text)


def test_what_is_found_is_sorted_and_what_lacks_the_element_comes_last() -> None:
    resources: list[dict[str, Any]] = [
        {"id": "none"},
        {"id": "late", "date": "2021", "title": "b"},
        {"id": "early", "date": "2019-05", "title": "B"},
        {"id": "same", "date": "2021", "title": "a"},
    ]
    date = SearchParameter("date", "date", paths=("date",))
    title = SearchParameter("title", "string", paths=("title",))

    def order(*sort: Sort) -> list[str]:
        query = Query((), sort, 10, "", False, (), ())
        return [str(item["id"]) for item in found(resources, query, now=NOW)]

    assert order(Sort(date, False)) == ["early", "late", "same", "none"]
    assert order(Sort(date, True), Sort(title, False)) == ["same", "late", "early", "none"]
