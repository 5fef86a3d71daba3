"""The pure parts of a search: windows, capabilities, issues, references, what `self` shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import ConfigurationError, InvalidValue
from adapter.pull.crawl import issues, references, windows
from adapter.pull.crawl.capability import Capability, parse
from adapter.pull.crawl.pages import Link, Page, entries, page
from adapter.pull.crawl.queries import Search
from adapter.pull.crawl.search import search_ignored
from adapter.pull.crawl.windows import Window
from adapter.pull.transport.http import Reply
from tests.lib.fault.content import bundle, capability, observation
from tests.lib.fault.replies import operation_outcome

NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(st.lists(instants, min_size=3, max_size=3, unique=True))
def test_a_window_begins_where_its_neighbour_ends(edges: list[datetime]):
    """`ge` and `lt` at one instant, which so lies in one of the two."""
    first, middle, last = sorted(edges)
    (_, low), (_, high) = Window(first, middle).parameters
    (_, following), _ = Window(middle, last).parameters
    assert low.startswith("ge")
    assert high.removeprefix("lt") == following.removeprefix("ge")


@given(instants, st.integers(0, 10_000), instants)
def test_a_window_overlaps_the_last_one_by_five_minutes_at_least(
    watermark: datetime, seconds: int, now: datetime
):
    overlap = timedelta(seconds=seconds)
    window = windows.since(watermark, overlap, now)
    assert window.end == now
    assert window.start == min(watermark - max(overlap, timedelta(minutes=5)), now)


@given(instants)
def test_an_instant_is_read_as_it_was_written(moment: datetime):
    to_the_millisecond = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert windows.moment(windows.instant(to_the_millisecond)) == to_the_millisecond


@pytest.mark.parametrize("text", ["2024-01-01", "2024-01-01T12:00:00", "yesterday", ""])
def test_what_is_no_instant(text: str):
    with pytest.raises(InvalidValue):
        windows.moment(text)


@pytest.mark.parametrize(
    ("headers", "bundle", "found"),
    [
        ({"date": "Mon, 01 Jan 2024 12:00:00 GMT"}, "2020-01-01T00:00:00Z", NOW),
        ({"date": "no date"}, "2024-01-01T13:00:00+01:00", NOW),
        ({}, "2024", None),
        ({}, None, None),
    ],
)
def test_the_servers_time(headers: dict, bundle: str | None, found: datetime | None):
    assert windows.server_time(headers, bundle) == found


@pytest.mark.parametrize("version", ["4.0.1", "4.0.0", "4.0", " 4.0.1", "4.0.1-cibuild"])
def test_versions_that_are_r4(version: str):
    assert parse(capability(version=version)).warnings == ()


@pytest.mark.parametrize("version", ["3.0.2", "4.3.0", "5.0.0", "1.0.2", "4.01", "R5"])
def test_versions_that_are_not(version: str):
    with pytest.raises(ConfigurationError, match="not R4"):
        parse(capability(version=version))


def test_no_version_is_a_warning():
    assert parse(capability(version=None)).warnings == (
        "the server does not state its FHIR version",
    )


def test_what_a_statement_says():
    found = parse(capability(("Patient", "Observation"), params=("patient", "_sort"), history=True))
    assert found.searches("Observation", "patient")
    assert found.searches("Observation", "_sort")
    assert not found.searches("Observation", "code")
    assert not found.searches("Condition", "patient")
    assert found.history("Observation")
    assert not found.everything()


def test_what_is_not_stated_is_tried():
    silent = parse({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})
    assert silent.warnings == ("the server does not state what it holds",)
    bare = parse(capability(("Patient",), params=()))
    for found in (Capability(), silent, bare):
        assert found.offers("Patient")
        assert found.searches("Patient", "_id")
        assert not found.searches("Patient", "_sort")
        assert not found.history("Patient")


def test_a_type_that_can_be_read_only():
    statement = capability(("Medication",), params=("_id",))
    statement["rest"][0]["resource"][0]["interaction"] = [{"code": "read"}]
    found = parse(statement)
    assert found.offers("Medication")
    assert not found.searches("Medication", "_id")


def test_a_malformed_statement_says_nothing():
    statement = {"rest": [{"resource": [7, {"type": "Patient", "searchParam": {"name": "x"}}]}]}
    assert parse(statement).searches("Patient", "anything")


@pytest.mark.parametrize(
    ("diagnostics", "shown"),
    [
        ("Unknown search parameter code for Observation", None),
        ('Patient "Anna Beispiel" (MRN 4711) was not found', "Patient … was not found"),
        ("Anna Beispiel, born 1970-05-01, has no data", "… born … has no data"),
        ("No such id: Patient/9f3c-11 at https://x/y?name=Anna", "No such id: … at …"),
        ("mail anna@example.org", "mail …"),
    ],
)
def test_what_may_be_shown_of_an_issue(diagnostics: str, shown: str | None):
    assert issues.texts(operation_outcome("processing", diagnostics)) == [
        f"error processing: {shown or diagnostics}"
    ]


@given(st.text(max_size=300))
def test_no_number_address_or_quoted_part_is_shown(diagnostics: str):
    (shown,) = issues.texts(operation_outcome("processing", diagnostics))
    assert not any(sign.isdigit() or sign in '@/"' for sign in shown)
    assert len(shown) < 250


def test_what_is_no_outcome_says_nothing():
    assert issues.said(b"<html>") == ""
    assert issues.said(b'{"resourceType": "Bundle"}') == ""
    assert issues.said(b'{"resourceType": "OperationOutcome", "issue": {"code": 7}}') == ""


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("Patient/1", "Patient/1"),
        ("https://a.example/fhir/Patient/1", "Patient/1"),
        ("Patient/1/_history/2", "Patient/1"),
        (" Patient/1 ", "Patient/1"),
        ("https://b.example/fhir/Patient/1", None),
        ("https://a.example/fhir/../Patient/1", None),
        ("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", None),
        ("Patient?identifier=1", None),
        ("Patient/1/../2", None),
        ("Pa", None),
        (7, None),
    ],
)
def test_what_a_reference_leads_to(reference: object, target: str | None):
    assert references.target(reference, "https://a.example/fhir") == target


def test_whose_a_resource_is():
    base = "https://a.example/fhir"
    assert references.patient({"subject": {"reference": "Patient/1"}}, base) == "1"
    assert references.patient({"patient": {"reference": f"{base}/Patient/2"}}, base) == "2"
    assert references.patient({"subject": {"reference": "Group/1"}}, base) is None
    assert references.patient({"subject": {"display": "Patient/1"}}, base) is None


SEARCH = Search("Observation", (("_lastUpdated", "ge2024-01-01T00:00:00Z"), ("_count", "250")))


@pytest.mark.parametrize(
    ("shown", "ignored"),
    [
        ("http://x/Observation?_lastUpdated=ge2024-01-01&_count=5", False),
        ("http://x/Observation?_count=250", True),
        ("http://x/Observation", True),
        ("http://x?_getpages=4b7", False),
        (None, False),
    ],
)
def test_whether_the_window_was_applied(shown: str | None, ignored: bool):
    links = [Link("self", shown)] if shown else None
    assert search_ignored(Page("Bundle", link=links), SEARCH) is ignored
    assert not search_ignored(Page("Bundle", link=links), Search("Observation"))


@pytest.mark.parametrize(
    ("changed", "ignored"),
    [
        ("2024-01-01T00:00:00Z", False),
        ("2024-01-01T00:59:59.999+01:00", True),
        ("2023", False),
        (None, False),
    ],
)
def test_rows_tell_where_self_does_not(changed: str | None, ignored: bool):
    rows = [observation(1), observation(2, meta={"lastUpdated": changed} if changed else {})]
    reply = Reply("http://x/Observation", 200, {}, json.dumps(bundle(rows)).encode())
    assert search_ignored(page(reply), SEARCH) is ignored


def test_an_empty_page_has_no_entries():
    for empty in (Page("Bundle"), Page("Bundle", entry=[])):
        assert entries(empty, "Observation").matches == []
