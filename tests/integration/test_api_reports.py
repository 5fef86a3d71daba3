"""MeasureReport over HTTP: create, read, update, delete, history, conditions, $validate."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from adapter.api.context import ApiContext
from adapter.api.reports.repository import ReportRepository
from adapter.elements import DATA_ABSENT_REASON
from tests.lib.report_clients import (
    BASE,
    FHIR_JSON,
    found,
    issues,
    link,
    report,
    reports_client,
)

SITE = [{"system": "urn:example:report", "value": "site-1/2026-q3"}]


@pytest.fixture
def client(store_url: str) -> Iterator[TestClient]:
    with reports_client(store_url) as client:
        yield client


def test_create_answers_with_where_the_report_is(client: TestClient) -> None:
    created = client.post("MeasureReport", json=report())
    assert created.status_code == 201
    key = created.json()["id"]
    assert created.headers["Location"] == f"{BASE}/MeasureReport/{key}/_history/1"
    assert created.headers["ETag"] == 'W/"1"'
    for url in (created.headers["Location"], f"MeasureReport/{key}"):
        read = client.get(url)
        assert (read.status_code, read.json()) == (200, created.json())
        assert read.headers["ETag"] == 'W/"1"'
        assert "Last-Modified" in read.headers


def test_what_comes_back_is_what_was_sent(client: TestClient) -> None:
    """Offsets and numbers stay as they were written; only id and meta are the server's."""
    sent = report(date="2026-11-23T13:00:00+01:00")
    back = client.post("MeasureReport", json=sent).json()
    meta = back.pop("meta")
    back.pop("id")
    assert back == {name: value for name, value in sent.items() if name != "meta"}
    assert meta["profile"] == sent["meta"]["profile"]


@pytest.mark.parametrize(
    ("preference", "kind"),
    [
        ("representation", "MeasureReport"),
        ("OperationOutcome", "OperationOutcome"),
        ("minimal", ""),
    ],
)
def test_prefer_chooses_what_comes_back(client: TestClient, preference: str, kind: str) -> None:
    headers = {"Prefer": f"return={preference}"}
    created = client.post("MeasureReport", json=report(), headers=headers)
    assert created.status_code == 201
    assert created.headers["Location"].startswith(f"{BASE}/MeasureReport/")
    assert (created.json()["resourceType"] if created.content else "") == kind


def test_a_report_may_come_as_xml(client: TestClient) -> None:
    key = client.post("MeasureReport", json=report()).json()["id"]
    headers = {"Accept": "application/fhir+xml"}
    xml = client.get(f"MeasureReport/{key}", headers=headers).content
    assert xml.startswith(b"<")
    sent = client.post(
        "MeasureReport", content=xml, headers={"Content-Type": "application/fhir+xml"}
    )
    assert sent.status_code == 201, sent.text
    first = client.get(f"MeasureReport/{key}").json()
    assert without_meta(sent.json()) == without_meta(first)


def without_meta(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name not in ("id", "meta")}


def test_the_exact_bytes_that_came_are_kept(client: TestClient) -> None:
    content = json.dumps(report(), indent=3).replace("0.875", "0.8750").encode() + b"\n"
    plain = client.post("MeasureReport", content=content, headers={"Content-Type": FHIR_JSON})
    packed = client.post(
        "MeasureReport",
        content=gzip.compress(content),
        headers={"Content-Type": FHIR_JSON, "Content-Encoding": "gzip"},
    )
    context: ApiContext = client.app.state.context  # type: ignore[attr-defined]  # FastAPI's
    for answer in (plain, packed):
        assert answer.status_code == 201
        kept = ReportRepository(context.engine).received(answer.json()["id"], 1)
        assert kept is not None
        assert (kept.content, kept.media_type) == (content, FHIR_JSON)


def test_a_client_may_choose_the_id(client: TestClient) -> None:
    created = client.put("MeasureReport/site-1.q3", json=report(id="site-1.q3"))
    assert created.status_code == 201
    assert created.headers["Location"] == f"{BASE}/MeasureReport/site-1.q3/_history/1"
    amended = report(id="site-1.q3", date="2026-12-01T12:00:00+00:00")
    updated = client.put("MeasureReport/site-1.q3", json=amended)
    assert (updated.status_code, updated.headers["ETag"]) == (200, 'W/"2"')
    assert "Location" not in updated.headers


@pytest.mark.parametrize("key", ["under_score", "x" * 65, "ä"])
def test_an_id_is_one_of_fhir(client: TestClient, key: str) -> None:
    refused = client.put(f"MeasureReport/{key}", json=report(id=key))
    assert (refused.status_code, issues(refused)) == (400, [("value", "MeasureReport.id")])
    assert found(client.get("MeasureReport")) == []


def test_the_id_in_the_body_is_the_one_in_the_url(client: TestClient) -> None:
    for sent in (report(), report(id="other")):
        refused = client.put("MeasureReport/a", json=sent)
        assert refused.status_code == 400
        assert issues(refused) == [("invalid", "MeasureReport.id")]


def test_the_same_report_again_changes_nothing(client: TestClient) -> None:
    sent = report(id="a")
    client.put("MeasureReport/a", json=sent)
    again = client.put("MeasureReport/a", json=sent)
    assert (again.status_code, again.headers["ETag"]) == (200, 'W/"1"')
    assert client.get("MeasureReport/a/_history").json()["total"] == 1


def test_an_older_revision_conflicts(client: TestClient) -> None:
    client.put("MeasureReport/a", json=report(id="a"))
    older = client.put("MeasureReport/a", json=report(id="a", date="2026-11-22T12:00:00+00:00"))
    assert older.status_code == 409
    assert issues(older) == [("conflict", "MeasureReport.date")]


@pytest.mark.parametrize("tag", ['W/"1"', '"1"', "*"])
def test_if_match_of_the_current_version_passes(client: TestClient, tag: str) -> None:
    client.put("MeasureReport/a", json=report(id="a"))
    amended = report(id="a", date="2026-12-01T12:00:00+00:00")
    updated = client.put("MeasureReport/a", json=amended, headers={"If-Match": tag})
    assert updated.status_code == 200


@pytest.mark.parametrize("tag", ['W/"2"', 'W/"0"', "1", 'W/"x"', 'W/"1", W/"2"'])
def test_if_match_of_another_version_fails(client: TestClient, tag: str) -> None:
    client.put("MeasureReport/a", json=report(id="a"))
    amended = report(id="a", date="2026-12-01T12:00:00+00:00")
    for refused in (
        client.put("MeasureReport/a", json=amended, headers={"If-Match": tag}),
        client.put("MeasureReport/b", json=report(id="b"), headers={"If-Match": tag}),
        client.delete("MeasureReport/a", headers={"If-Match": tag}),
        client.delete("MeasureReport/b", headers={"If-Match": tag}),
    ):
        assert refused.status_code == 412, refused.request.url
        assert issues(refused)[0][0] == "conflict"
    assert found(client.get("MeasureReport")) == ["a"]


def test_if_none_match_creates_only(client: TestClient) -> None:
    headers = {"If-None-Match": "*"}
    first = client.put("MeasureReport/a", json=report(id="a"), headers=headers)
    again = client.put("MeasureReport/a", json=report(id="a"), headers=headers)
    assert (first.status_code, again.status_code) == (201, 412)


def test_a_read_is_conditional(client: TestClient) -> None:
    client.put("MeasureReport/a", json=report(id="a"))
    assert client.get("MeasureReport/a", headers={"If-None-Match": 'W/"1"'}).status_code == 304
    assert client.get("MeasureReport/a", headers={"If-None-Match": 'W/"2"'}).status_code == 200


def test_a_deleted_report_is_gone_and_its_history_stays(client: TestClient) -> None:
    client.put("MeasureReport/a", json=report(id="a"))
    deleted = client.delete("MeasureReport/a")
    assert (deleted.status_code, deleted.content) == (204, b"")
    gone = client.get("MeasureReport/a")
    assert (gone.status_code, issues(gone)) == (410, [("deleted", "")])
    assert client.get("MeasureReport/a/_history/2").status_code == 410
    assert client.get("MeasureReport/a/_history/1").json()["id"] == "a"
    assert found(client.get("MeasureReport")) == []
    assert client.delete("MeasureReport/a").status_code == 204
    assert client.delete("MeasureReport/never").status_code == 204
    entries = client.get("MeasureReport/a/_history").json()["entry"]
    assert [
        (each["request"]["method"], each["request"]["url"], "resource" in each) for each in entries
    ] == [("DELETE", "MeasureReport/a", False), ("PUT", "MeasureReport/a", True)]
    assert [each["response"]["etag"] for each in entries] == ['W/"2"', 'W/"1"']
    again = client.put("MeasureReport/a", json=report(id="a"))
    assert (again.status_code, again.headers["ETag"]) == (201, 'W/"3"')


@pytest.mark.parametrize(
    "url",
    [
        "MeasureReport/none",
        "MeasureReport/none/_history",
        "MeasureReport/a/_history/2",
        "MeasureReport/a/_history/0",
        "MeasureReport/a/_history/٢",
        "MeasureReport/a/_history/x",
    ],
)
def test_what_is_not_there_is_not_found(client: TestClient, url: str) -> None:
    client.put("MeasureReport/a", json=report(id="a"))
    missing = client.get(url)
    assert (missing.status_code, issues(missing)[0][0]) == (404, "not-found")


def test_histories_have_pages(client: TestClient) -> None:
    for key in ("a", "b"):
        client.put(f"MeasureReport/{key}", json=report(id=key))
    client.delete("MeasureReport/a")
    bundle = client.get("MeasureReport/_history", params={"_count": 2}).json()
    client.delete("MeasureReport/b")
    second = client.get(link(bundle, "next")).json()
    assert [len(each["entry"]) for each in (bundle, second)] == [2, 1]
    assert (bundle["type"], bundle["total"], second["total"]) == ("history", 3, 3)
    assert link(second, "next") == ""


def test_a_history_may_begin_at_an_instant(client: TestClient) -> None:
    client.put("MeasureReport/a", json=report(id="a"))
    time.sleep(0.01)  # versions of one millisecond have the same instant
    amended = report(id="a", date="2026-12-01T12:00:00+00:00")
    second = client.put("MeasureReport/a", json=amended).json()["meta"]["lastUpdated"]
    for parameters, versions in (
        ({"_since": second}, ["2"]),
        ({"_since": "2100"}, []),
        ({"_at": second}, ["2"]),
        ({"_at": second[:4]}, ["2", "1"]),
        ({"_at": "2100"}, ["2"]),
        ({"_at": "2000"}, []),
    ):
        entries = client.get("MeasureReport/a/_history", params=parameters).json().get("entry", [])
        stated = [each["resource"]["meta"]["versionId"] for each in entries]
        assert stated == versions, parameters


@pytest.mark.parametrize("parameters", [{"_since": "x"}, {"_at": "2026-13"}, {"_count": "0"}])
def test_a_history_s_parameters_are_checked(client: TestClient, parameters: Any) -> None:
    client.put("MeasureReport/a", json=report(id="a"))
    refused = client.get("MeasureReport/a/_history", params=parameters)
    (name,) = parameters
    assert (refused.status_code, issues(refused)) == (400, [("invalid", f"http.{name}")])


def test_a_conditional_create_finds_what_is_there(client: TestClient) -> None:
    headers = {"If-None-Exist": "identifier=urn:example:report|site-1/2026-q3"}
    sent = report(identifier=SITE)
    first = client.post("MeasureReport", json=sent, headers=headers)
    second = client.post("MeasureReport", json=sent, headers=headers)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    client.post("MeasureReport", json=sent)
    third = client.post("MeasureReport", json=sent, headers=headers)
    assert (third.status_code, issues(third)) == (
        412,
        [("multiple-matches", "http.If-None-Exist")],
    )


def test_a_conditional_update_changes_the_one_that_matches(client: TestClient) -> None:
    url = "MeasureReport?identifier=urn:example:report|site-1/2026-q3"
    created = client.put(url, json=report(identifier=SITE))
    assert created.status_code == 201
    assert created.headers["ETag"] == 'W/"1"'
    key = created.json()["id"]
    amended = report(identifier=SITE, date="2026-12-01T12:00:00+00:00")
    updated = client.put(url, json=amended)
    assert (updated.status_code, updated.json()["id"]) == (200, key)
    assert updated.headers["ETag"] == 'W/"2"'
    other = client.put(url, json=amended | {"id": "other"})
    assert (other.status_code, issues(other)) == (400, [("invalid", "MeasureReport.id")])
    client.post("MeasureReport", json=report(identifier=SITE))
    assert client.put(url, json=amended).status_code == 412
    own = client.put("MeasureReport?identifier=none", json=amended | {"id": "own"})
    assert (own.status_code, own.json()["id"]) == (201, "own")


def test_a_conditional_delete_deletes_one(client: TestClient) -> None:
    url = "MeasureReport?identifier=urn:example:report|site-1/2026-q3"
    assert client.delete(url).status_code == 204
    for _ in range(2):
        client.post("MeasureReport", json=report(identifier=SITE))
    assert client.delete(url).status_code == 412
    assert len(found(client.get("MeasureReport"))) == 2
    client.delete(f"MeasureReport/{found(client.get('MeasureReport'))[0]}")
    assert client.delete(url).status_code == 204
    assert found(client.get("MeasureReport")) == []


@pytest.mark.parametrize(
    "query", ["", "?", "?unknown=1", "?status=complete&unknown=1", "?_count=1"]
)
def test_a_condition_that_would_match_all_is_refused(client: TestClient, query: str) -> None:
    client.post("MeasureReport", json=report())
    assert client.delete(f"MeasureReport{query}").status_code == 400
    assert client.put(f"MeasureReport{query}", json=report()).status_code == 400
    if query.lstrip("?"):
        headers = {"If-None-Exist": query}
        assert client.post("MeasureReport", json=report(), headers=headers).status_code == 400
    assert len(found(client.get("MeasureReport"))) == 1


def test_of_many_conditional_creates_at_once_one_creates(store_url: str) -> None:
    """Two servers at one database, as two workers are (HAPI #2933 and others)."""
    headers = {"If-None-Exist": "identifier=urn:example:report|site-1/2026-q3"}
    sent = report(identifier=SITE)
    with reports_client(store_url) as one, reports_client(store_url) as two:

        def send(number: int) -> tuple[int, str]:
            client = (one, two)[number % 2]
            answer = client.post("MeasureReport", json=sent, headers=headers)
            return answer.status_code, answer.json()["id"]

        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(send, range(18)))
        assert sorted(status for status, _ in answers) == [200] * 17 + [201]
        assert len({key for _, key in answers}) == 1
        assert len(found(two.get("MeasureReport"))) == 1


def test_of_many_conditional_updates_at_once_one_creates(store_url: str) -> None:
    url = "MeasureReport?identifier=urn:example:report|site-1/2026-q3"
    with reports_client(store_url) as one, reports_client(store_url) as two:

        def send(number: int) -> int:
            sent = report(identifier=SITE, status=("complete", "error")[number % 2])
            return (one, two)[number % 2].put(url, json=sent).status_code

        with ThreadPoolExecutor(6) as pool:
            statuses = list(pool.map(send, range(18)))
        assert statuses.count(201) == 1
        assert statuses.count(200) == 17
        assert len(found(one.get("MeasureReport"))) == 1


MASKED = {"extension": [{"url": DATA_ABSENT_REASON, "valueCode": "masked"}]}


def test_all_that_is_wrong_with_a_report_is_told_with_its_place(client: TestClient) -> None:
    sent = report(foo=1, status=["complete"], period={"start": "2026-13-01"})
    refused = client.post("MeasureReport", json=sent)
    assert refused.status_code == 422
    assert set(issues(refused)) == {
        ("structure", "MeasureReport.foo"),
        ("structure", "MeasureReport.status"),
        ("value", "MeasureReport.period.start"),
    }
    bare = {name: value for name, value in report().items() if name not in ("measure", "period")}
    refused = client.post("MeasureReport", json=bare | {"type": "sum"})
    assert set(issues(refused)) == {
        ("required", "MeasureReport.measure"),
        ("required", "MeasureReport.period"),
        ("code-invalid", "MeasureReport.type"),
    }


def test_a_report_that_breaks_its_measure_s_rules_is_not_stored(client: TestClient) -> None:
    sent = json.loads(json.dumps(report()))
    sent["group"][0]["population"][0]["count"] = -4
    del sent["group"][1]["population"][0]["count"]
    sent["evaluatedResource"] = [{"reference": "Patient/SYN-1"}]
    refused = client.post("MeasureReport", json=sent)
    assert refused.status_code == 422
    told = issues(refused)
    assert ("business-rule", "MeasureReport.group[0]") in told
    assert ("business-rule", "MeasureReport.group[1]") in told
    assert ("business-rule", "MeasureReport.evaluatedResource") in told
    assert "SYN-1" not in refused.text
    assert found(client.get("MeasureReport")) == []


@pytest.mark.parametrize(
    ("changes", "expression"),
    [
        ({"measure": "https://elsewhere.example/Measure/x|1"}, "MeasureReport.measure"),
        ({"contained": [{"resourceType": "Nonsense"}]}, "MeasureReport"),
        ({"reporter": {"display": "zero\x00"}}, "MeasureReport.reporter.display"),
        ({"date": "0000-00-00"}, "MeasureReport.date"),
        ({"type": "data-collection"}, "MeasureReport.type"),
        ({"status": "done"}, "MeasureReport.status"),
        ({"group": []}, "MeasureReport.group"),
        ({"date": None}, "MeasureReport.date"),
    ],
)
def test_what_cannot_be_stored_is_refused(
    client: TestClient, changes: dict[str, Any], expression: str
) -> None:
    for refused in (
        client.post("MeasureReport", json=report(**changes)),
        client.put("MeasureReport/a", json=report(id="a", **changes)),
    ):
        assert refused.status_code == 422
        assert expression in [where for _, where in issues(refused)], refused.text
    assert found(client.get("MeasureReport")) == []


def test_another_resource_is_refused(client: TestClient) -> None:
    refused = client.post("MeasureReport", json={"resourceType": "Patient"})
    assert (refused.status_code, issues(refused)) == (400, [("invalid", "resourceType")])


def test_validate_tells_what_create_would_and_stores_nothing(client: TestClient) -> None:
    wrong = report(period={"start": "2026"})
    told = client.post("MeasureReport/$validate", json=wrong)
    assert told.status_code == 200
    assert issues(told) == issues(client.post("MeasureReport", json=wrong))
    for sent in (report(), wrapped(report())):
        passed = client.post("MeasureReport/$validate", json=sent)
        assert passed.status_code == 200
        assert issues(passed) == [("informational", "")]
    for sent in ({"resourceType": "Patient"}, {"resourceType": "Parameters"}):
        assert client.post("MeasureReport/$validate", json=sent).status_code == 400
    assert found(client.get("MeasureReport")) == []


def wrapped(resource: dict[str, Any]) -> dict[str, Any]:
    """As Resource-validate takes it, too."""
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": "mode", "valueCode": "create"},
                      {"name": "resource", "resource": resource}],
    }  # fmt: skip
