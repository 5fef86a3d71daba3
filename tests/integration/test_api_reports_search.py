"""Search of MeasureReport over HTTP: every parameter, pages, sorting, and what is left out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from adapter.api.fhir.surface import MEASURE_REPORT
from adapter.server_settings import ServerLimits
from tests.integration.conftest import postgresql_server
from tests.lib.databases import ENGINES, new_postgresql_url
from tests.lib.report_clients import BASE, found, issues, link, report, reports_client
from tests.lib.reports import reference_report
from tests.lib.serving import settings

CATEGORY = {
    "url": "http://hl7.org/fhir/StructureDefinition/measurereport-category",
    "valueCodeableConcept": {"coding": [{"system": "urn:example:category", "code": "registry"}]},
}


def reports() -> dict[str, dict[str, Any]]:
    """By id. 'a' has everything, 'b' little, 'c' is of another measure."""
    whole = report(
        id="a",
        identifier=[{"system": "urn:example:report", "value": "1"}, {"value": "2"}],
        reporter={"reference": "Organization/one", "identifier": {"system": "urn:o", "value": "o"}},
        subject={"reference": "Group/all", "identifier": {"value": "s"}},
        date="2026-11-23T12:00:00+00:00",
        period={"start": "2019-12-01", "end": "2022-11-30"},
    )
    whole["extension"] = [*whole["extension"], CATEGORY]
    little = report(
        id="b",
        status="pending",
        reporter={"reference": "https://elsewhere.example/fhir/Organization/two"},
        date="2026-10-01",
        period={"start": "2020-01-01", "end": "2020-12-31"},
    )
    del little["identifier"]
    other = reference_report("rai-uptake") | {
        "id": "c",
        "reporter": {"reference": f"{BASE}/Organization/one"},
        "date": "2026-12-24T12:00:00+00:00",
        "period": {"start": "2022-01-01", "end": "2022-12-31"},
    }
    del other["identifier"]
    return {"a": whole, "b": little, "c": other}


@pytest.fixture(scope="module", params=ENGINES)
def client(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    url = f"sqlite:///{tmp_path_factory.mktemp('search') / 'store.db'}"
    if request.param == "postgresql":
        url = new_postgresql_url(request.getfixturevalue(postgresql_server.__name__))
    with reports_client(url) as client:
        for key, sent in reports().items():
            answer = client.put(f"MeasureReport/{key}", json=sent)
            assert answer.status_code == 201, answer.text
            time.sleep(0.002)  # so that each is last updated at an instant of its own
        yield client


SEARCHES = {
    "": "abc",
    "_id=a": "a",
    "_id=a,c,x": "ac",
    "status=complete": "ac",
    "status=pending,complete&_id=b": "b",
    "status:not=complete": "b",
    "date=2026-11-23": "a",
    "date=2026-11": "a",
    "date=2026": "abc",
    "date=gt2026-11": "c",
    "date=ge2026-11-23T12:00:00Z": "ac",
    "date=lt2026-11": "b",
    "date=ge2026-10-01&date=le2026-12-01": "ab",
    "date=ne2026-10-01": "ac",
    "date=sa2026-10-01": "ac",
    "date=eb2026-11-23": "b",
    "date:missing=true": "",
    "period=2020": "b",
    "period=gt2022": "",
    "period=ge2022-12-30": "c",
    "period=lt2020": "a",
    "period=ap1950": "",
    "identifier=1": "a",
    "identifier=urn:example:report|1": "a",
    "identifier=urn:example:report|": "a",
    "identifier=urn:example:report|2": "",
    "identifier=|2": "a",
    "identifier=|1": "",
    "identifier:missing=true": "bc",
    "identifier:missing=false": "a",
    "identifier:not=1": "bc",
    "measure=https://raiway.example/fhir/Measure/rai-uptake": "c",
    "measure=https://raiway.example/fhir/Measure/rai-uptake|0.1.0": "c",
    "measure=https://raiway.example/fhir/Measure/rai-uptake|9": "",
    "measure=Measure/rai-uptake": "c",
    "measure=rai-uptake,time-to-progression": "abc",
    f"measure={BASE}/Measure/rai-uptake": "c",
    "measure.title=uptake": "",
    "measure.title:contains=UPTAKE": "c",
    "reporter=Organization/one": "ac",
    "reporter=one": "ac",
    "reporter:Organization=one": "ac",
    "reporter:Practitioner=one": "",
    f"reporter={BASE}/Organization/one": "ac",
    "reporter=Organization/two": "",
    "reporter=https://elsewhere.example/fhir/Organization/two": "b",
    "reporter:identifier=urn:o|o": "a",
    "reporter:identifier=s": "",
    "subject=Group/all": "a",
    "subject:identifier=s": "a",
    "subject:identifier=o": "",
    "subject:missing=true": "bc",
    "patient=all": "",
    "patient=Patient/all": "",
    "evaluated-resource=Observation/1": "",
    "evaluated-resource:missing=true": "abc",
    "measurereport-category=registry": "a",
    "measurereport-category=urn:example:category|registry": "a",
    "measurereport-category=other": "",
    "_lastUpdated=gt2026": "",
    "_lastUpdated=ge2020": "abc",
    "_lastUpdated=lt2020": "",
}  # fmt: skip


@pytest.mark.parametrize("query", SEARCHES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_each_parameter_finds_what_it_means(client: TestClient, method: str, query: str) -> None:
    if method == "GET":
        answer = client.get(f"MeasureReport?{query}")
    else:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = client.post("MeasureReport/_search", content=query, headers=form)
    assert "".join(sorted(found(answer))) == SEARCHES[query]
    assert answer.json()["total"] == len(SEARCHES[query])


def test_every_parameter_that_is_declared_is_tested() -> None:
    asked = {name.split(":")[0] for query in SEARCHES for name in parse_qs(query)}
    assert asked >= set(MEASURE_REPORT.by_name)


@pytest.mark.parametrize(
    ("order", "keys"),
    [
        ("date", "bac"),
        ("-date", "cab"),
        ("period", "abc"),
        ("_id", "abc"),
        ("-_id", "cba"),
        ("status,-date", "cab"),
        ("-status,date", "bac"),
        ("measure,_id", "cab"),
        ("_lastUpdated", "abc"),
        ("-_lastUpdated", "cba"),
    ],
)
def test_what_is_found_is_sorted(client: TestClient, order: str, keys: str) -> None:
    assert "".join(found(client.get("MeasureReport", params={"_sort": order}))) == keys


def test_an_unknown_parameter_is_left_out_of_the_self_link(client: TestClient) -> None:
    answer = client.get("MeasureReport?status=complete&colour=red&_sort=colour")
    assert sorted(found(answer)) == ["a", "c"]
    assert "colour" not in link(answer.json(), "self")
    assert "status=complete" in link(answer.json(), "self")
    (told,) = [each for each in answer.json()["entry"] if each["search"]["mode"] == "outcome"]
    assert told["resource"]["issue"][0]["severity"] == "warning"
    strict = client.get("MeasureReport?colour=red", headers={"Prefer": "handling=strict"})
    assert (strict.status_code, issues(strict)) == (400, [("not-supported", "http.colour")])


@pytest.mark.parametrize(
    "query", ["date=yesterday", "date=2026-02-30", "identifier=a|b|c", "status:exact=x",
              "identifier:text=x", "_count=many", "subject=a/b/c"],
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused(client: TestClient, query: str) -> None:
    refused = client.get(f"MeasureReport?{query}")
    assert refused.status_code == 400
    assert issues(refused)[0][1].startswith("http.")


def test_a_character_of_0_finds_nothing(client: TestClient) -> None:
    for query in ("identifier=%00", "reporter=Organization/%00", "%00=1", "measure=a%00"):
        assert client.get(f"MeasureReport?{query}").status_code == 400
    for url in ("MeasureReport/%00", "MeasureReport/%00/_history", "MeasureReport/a%00/_history/1"):
        assert client.get(url).status_code == 404


def test_long_values_are_found_whole(store_url: str) -> None:
    """PostgreSQL's indexes hold no value of 2.7 kB."""
    long = "".join(sha256(bytes([number])).hexdigest() for number in range(200))
    sent = report(identifier=[{"system": f"urn:{long}", "value": long}])
    sent["reporter"] = {"reference": f"urn:x:{long}", "identifier": {"value": long}}
    with reports_client(store_url) as client:
        key = client.post("MeasureReport", json=sent).json()["id"]
        for name, value in (
            ("identifier", f"urn:{long}|{long}"),
            ("reporter", f"urn:x:{long}"),
            ("reporter:identifier", long),
        ):
            assert found(client.post("MeasureReport/_search", data={name: value})) == [key]
            assert found(client.post("MeasureReport/_search", data={name: value[:-1]})) == []


def test_only_the_total(client: TestClient) -> None:
    for query in ("_summary=count", "_count=0"):
        bundle = client.get(f"MeasureReport?status=complete&{query}").json()
        assert bundle["total"] == 2
        assert "entry" not in bundle


def test_parts_of_what_is_found(client: TestClient) -> None:
    bundle = client.get("MeasureReport?_id=a&_elements=date").json()
    (entry,) = bundle["entry"]
    assert {"date", "status", "type", "measure", "period"} <= set(entry["resource"])
    assert "group" not in entry["resource"]
    assert entry["resource"]["meta"]["tag"][0]["code"] == "SUBSETTED"
    form = client.post("MeasureReport/_search", data={"_id": "a", "_elements": "date"}).json()
    assert form["entry"][0]["resource"] == entry["resource"]


def test_pages_follow_their_links(client: TestClient) -> None:
    for first in (
        client.get("MeasureReport?_count=2&_sort=_id"),
        client.post("MeasureReport/_search", data={"_count": "2", "_sort": "_id"}),
    ):
        second = client.get(link(first.json(), "next"))
        assert (found(first), found(second)) == (["a", "b"], ["c"])
        assert first.json()["total"] == second.json()["total"] == 3
        assert link(second.json(), "next") == ""
        assert link(second.json(), "self") == link(first.json(), "self")


def test_a_link_to_a_page_says_nothing_of_what_was_searched_for(client: TestClient) -> None:
    query = "status=complete&_count=1&_elements=date&_format=json"
    url = link(client.get(f"MeasureReport?{query}").json(), "next")
    assert set(parse_qs(urlsplit(url).query)) == {"_page", "_count", "_elements", "_format"}


def test_a_page_that_never_was_is_not_found(client: TestClient) -> None:
    for token in ("x", "1", "x" * 32 + ".1", "x" * 32 + ".0", "'; drop"):
        refused = client.get("MeasureReport", params={"_page": token})
        assert (refused.status_code, issues(refused)[0][0]) == (404, "not-found")


def test_a_page_may_expire(store_url: str) -> None:
    limits = ServerLimits(snapshot="0s")
    with reports_client(store_url, settings(port=8000, limits=limits)) as client:
        for key in "ab":
            client.put(f"MeasureReport/{key}", json=report(id=key))
        first = client.get("MeasureReport?_count=1").json()
        gone = client.get(link(first, "next"))
        assert (gone.status_code, issues(gone)[0][0]) == (410, "not-found")


def test_pages_stay_as_they_were(store_url: str) -> None:
    with reports_client(store_url) as client:
        for key in "abcd":
            client.put(f"MeasureReport/{key}", json=report(id=key))
        first = client.get("MeasureReport?_count=2&_sort=_id").json()
        client.delete("MeasureReport/c")
        client.put("MeasureReport/d", json=report(id="d", status="error"))
        client.put("MeasureReport/aa", json=report(id="aa"))
        second = client.get(link(first, "next"))
        assert found(second) == ["c", "d"]
        assert second.json()["entry"][1]["resource"]["status"] == "complete"
        assert found(client.get("MeasureReport?_sort=_id")) == ["a", "aa", "b", "d"]


def test_a_search_reads_only_the_reports_of_its_page(store_url: str) -> None:
    """What is not on the page is not loaded: its JSON may be what no parser reads."""
    from sqlalchemy import update

    from adapter.api.reports.tables import report_version

    with reports_client(store_url) as client:
        for key in "abc":
            client.put(
                f"MeasureReport/{key}", json=report(id=key, date=f"2026-11-2{ord(key) - 96}")
            )
        engine = client.app.state.context.engine  # type: ignore[attr-defined]  # FastAPI's
        with engine.begin() as connection:
            broken = update(report_version).where(report_version.c.id != "b")
            connection.execute(broken.values(resource="{"))
        assert found(client.get("MeasureReport?date=2026-11-22")) == ["b"]
        assert client.get("MeasureReport?_summary=count").json()["total"] == 3
