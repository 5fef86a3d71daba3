"""Batches and transactions at the base: DEQM senders post several reports as one Bundle."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from adapter.api.context import ApiContext
from adapter.api.reports.repository import ReportRepository
from tests.lib.report_clients import BASE, found, issues, link, report, reports_client

Json = dict[str, Any]
SITE = [{"system": "urn:example:report", "value": "site-1/2026-q3"}]
CONDITION = "identifier=urn:example:report|site-1/2026-q3"
SOURCE = "http://hl7.org/fhir/StructureDefinition/workflow-supportingInfo"


@pytest.fixture
def client(store_url: str) -> Iterator[TestClient]:
    with reports_client(store_url) as client:
        yield client


def entry(method: str, url: str, resource: Json | None = None, **request: str) -> Json:
    whole: Json = {"request": {"method": method, "url": url, **request}}
    return whole if resource is None else {"resource": resource, **whole}


def bundle(kind: str, *entries: Json) -> Json:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def statuses(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["response"]["status"] for each in answer.json()["entry"]]


@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize("path", ["", "/"])
def test_several_reports_come_at_once(client: TestClient, kind: str, path: str) -> None:
    sent = bundle(
        kind,
        entry("POST", "MeasureReport", report()),
        entry("PUT", "MeasureReport/a", report(id="a")),
        entry("PUT", f"MeasureReport?{CONDITION}", report(identifier=SITE)),
    )
    answer = client.post(f"{BASE}{path}", json=sent)
    assert statuses(answer) == ["201", "201", "201"]
    assert answer.json()["type"] == f"{kind}-response"
    for each in answer.json()["entry"]:
        key = each["resource"]["id"]
        assert each["response"]["location"] == f"{BASE}/MeasureReport/{key}/_history/1"
        assert each["response"]["etag"] == 'W/"1"'
        assert client.get(each["response"]["location"]).json() == each["resource"]
    assert len(found(client.get("MeasureReport"))) == 3


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_every_interaction_has_its_answer(client: TestClient, kind: str) -> None:
    for key in ("a", "b", "c", "d"):
        client.put(f"MeasureReport/{key}", json=report(id=key))
    amended = report(id="b", date="2026-12-01T12:00:00+00:00")
    sent = bundle(
        kind,
        entry("GET", "MeasureReport/a"),
        entry("GET", "MeasureReport/a", ifNoneMatch='W/"1"'),
        entry("GET", "MeasureReport/a/_history/1"),
        entry("GET", "MeasureReport?_id=a,b&_sort=_id&_count=1"),
        entry("GET", f"{BASE}/MeasureReport?_summary=count"),
        entry("PUT", "MeasureReport/b", amended, ifMatch='W/"1"'),
        entry("DELETE", "MeasureReport/c"),
        entry("DELETE", "MeasureReport/d"),
        entry("DELETE", "MeasureReport/never"),
        entry("DELETE", "MeasureReport?identifier=none"),
        entry("POST", "MeasureReport/$validate", report()),
        entry("POST", "MeasureReport", report(identifier=SITE), ifNoneExist=f"{CONDITION}"),
    )
    answer = client.post(BASE, json=sent)
    assert statuses(answer) == [
        "200", "304", "200", "200", "200", "200", "204", "204", "204", "204", "200", "201",
    ]  # fmt: skip
    entries = answer.json()["entry"]
    assert entries[0]["resource"]["id"] == "a"
    assert "resource" not in entries[1]
    assert entries[5]["response"]["etag"] == 'W/"2"'
    assert entries[10]["resource"]["resourceType"] == "OperationOutcome"
    pages, total = entries[3]["resource"], entries[4]["resource"]["total"]
    # A transaction reads after it has changed; a batch does one entry after the other.
    assert total == (3 if kind == "transaction" else 4)
    second = client.get(link(pages, "next"))
    assert found(second) == ["b"]


def test_an_entry_of_a_batch_fails_alone(client: TestClient) -> None:
    sent = bundle(
        "batch",
        entry("POST", "MeasureReport", report(period={"start": "2026"})),
        entry("GET", "MeasureReport/none"),
        entry("PUT", "MeasureReport/a", report(id="b")),
        entry("POST", "Patient", {"resourceType": "Patient"}),
        entry("POST", "MeasureReport", {"resourceType": "Patient"}),
        entry("POST", "MeasureReport/$aggregate", {"resourceType": "Parameters"}),
        entry("GET", "MeasureReport/_history"),
        entry("POST", "MeasureReport"),
        entry("PUT", "MeasureReport/under_score", report(id="under_score")),
        entry("PUT", "MeasureReport/ok", report(id="ok")),
    )
    answer = client.post(BASE, json=sent)
    assert statuses(answer) == [
        "422", "404", "400", "404", "400", "501", "501", "400", "422", "201",
    ]  # fmt: skip
    outcomes = [each["response"].get("outcome") for each in answer.json()["entry"]]
    assert all(each["resourceType"] == "OperationOutcome" for each in outcomes[:-1])
    assert outcomes[0]["issue"][0]["expression"] == ["MeasureReport.period"]
    assert found(client.get("MeasureReport")) == ["ok"]


BAD: dict[str, tuple[Json, int]] = {
    "a rule": (entry("POST", "MeasureReport", report(period={"start": "2026"})), 422),
    "a version": (entry("PUT", "MeasureReport/b", report(id="b"), ifMatch='W/"7"'), 412),
    "a read": (entry("GET", "MeasureReport/none"), 404),
    "a type": (entry("POST", "Patient", {"resourceType": "Patient"}), 404),
    "a method of the base": (entry("GET", "metadata"), 404),
    "the same report": (entry("PUT", "MeasureReport/a", report(id="a", status="error")), 400),
    "an id": (entry("PUT", "MeasureReport/b", report(id="c")), 400),
    "a condition": (entry("DELETE", "MeasureReport?colour=red"), 400),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_transaction_fails_whole(client: TestClient, reason: str) -> None:
    wrong, status = BAD[reason]
    kept = entry("PUT", "MeasureReport/a", report(id="a"))
    refused = client.post(BASE, json=bundle("transaction", kept, wrong))
    assert refused.status_code == status, refused.text
    assert issues(refused)[0][1].startswith("Bundle.entry[1]")
    assert found(client.get("MeasureReport")) == []
    assert client.get("MeasureReport/_history").json()["total"] == 0


def test_all_that_is_wrong_in_a_transaction_is_told(client: TestClient) -> None:
    wrong = report(period={"start": "2026"})
    sent = [entry("POST", "MeasureReport", each) for each in (wrong, report(), wrong)]
    refused = client.post(BASE, json=bundle("transaction", *sent))
    assert refused.status_code == 422
    assert issues(refused) == [
        ("business-rule", "Bundle.entry[0].resource.period"),
        ("business-rule", "Bundle.entry[2].resource.period"),
    ]


def test_what_refers_to_another_entry_refers_to_its_report(client: TestClient) -> None:
    refers = report(reporter={"display": "The pool"})
    refers["extension"] = [
        *refers["extension"],
        {"url": SOURCE, "valueReference": {"reference": "urn:uuid:one"}},
        {"url": SOURCE, "valueReference": {"reference": "urn:uuid:two"}},
        {"url": SOURCE, "valueUri": "urn:uuid:one"},
        {"url": SOURCE, "valueString": "urn:uuid:one"},
        {"url": SOURCE, "valueReference": {"reference": "urn:uuid:unknown"}},
        {"url": SOURCE, "valueReference": {"reference": f"MeasureReport?{CONDITION}"}},
    ]
    there = client.post("MeasureReport", json=report(identifier=SITE)).json()["id"]
    sent = bundle(
        "transaction",
        entry("POST", "MeasureReport", refers),
        {"fullUrl": "urn:uuid:one", **entry("POST", "MeasureReport", report())},
        {"fullUrl": "urn:uuid:two", **entry("PUT", "MeasureReport/a", report(id="a"))},
    )
    answer = client.post(BASE, json=sent)
    assert statuses(answer) == ["201", "201", "201"]
    stored, one, two = (each["resource"] for each in answer.json()["entry"])
    values = [
        each.get("valueReference", {}).get("reference") or each.get("valueUri")
        or each["valueString"]
        for each in stored["extension"][-6:]
    ]  # fmt: skip
    first = f"MeasureReport/{one['id']}"
    assert values == [
        first,
        f"MeasureReport/{two['id']}",
        first,
        "urn:uuid:one",
        "urn:uuid:unknown",
        f"MeasureReport/{there}",
    ]
    assert client.get(first).status_code == 200


def test_a_conditional_reference_names_one_report(client: TestClient) -> None:
    refers = report()
    reference = {"reference": f"MeasureReport?{CONDITION}"}
    refers["extension"] = [*refers["extension"], {"url": SOURCE, "valueReference": reference}]
    sent = bundle("transaction", entry("POST", "MeasureReport", refers))
    assert client.post(BASE, json=sent).status_code == 412
    assert found(client.get("MeasureReport")) == []


def test_conditional_creates_in_a_transaction_make_one(client: TestClient) -> None:
    once = entry("POST", "MeasureReport", report(identifier=SITE), ifNoneExist=CONDITION)
    first = client.post(BASE, json=bundle("transaction", once, once))
    assert sorted(statuses(first)) == ["200", "201"]
    second = client.post(BASE, json=bundle("transaction", once))
    assert statuses(second) == ["200"]
    keys = {each["resource"]["id"] for each in [*first.json()["entry"], *second.json()["entry"]]}
    assert set(found(client.get("MeasureReport"))) == keys
    assert len(keys) == 1


def test_transactions_at_once_make_one_report(store_url: str) -> None:
    once = entry("POST", "MeasureReport", report(identifier=SITE), ifNoneExist=CONDITION)
    sent = bundle("transaction", once, entry("POST", "MeasureReport", report()))
    with (
        reports_client(store_url) as one,
        reports_client(store_url) as two,
        ThreadPoolExecutor(4) as pool,
    ):
        answers = list(pool.map(lambda n: (one, two)[n % 2].post(BASE, json=sent), range(8)))
        created = [statuses(answer)[0] for answer in answers]
        assert sorted(created) == ["200"] * 7 + ["201"]
        assert len(found(one.get("MeasureReport"))) == 9


def test_a_minimal_answer_has_no_resources(client: TestClient) -> None:
    sent = bundle("transaction", entry("POST", "MeasureReport", report()))
    answer = client.post(BASE, json=sent, headers={"Prefer": "return=minimal"})
    assert statuses(answer) == ["201"]
    assert "resource" not in answer.json()["entry"][0]


def test_the_bytes_of_the_bundle_are_kept_with_each_report(client: TestClient) -> None:
    sent = bundle(
        "transaction",
        entry("PUT", "MeasureReport/a", report(id="a")),
        entry("PUT", "MeasureReport/b", report(id="b")),
    )
    answer = client.post(BASE, json=sent)
    context: ApiContext = client.app.state.context  # type: ignore[attr-defined]  # FastAPI's
    repository = ReportRepository(context.engine)
    assert statuses(answer) == ["201", "201"]
    for key in "ab":
        kept = repository.received(key, 1)
        assert kept is not None
        assert kept.content == answer.request.content


@pytest.mark.parametrize(
    ("sent", "expression"),
    [
        ({"resourceType": "MeasureReport"}, "resourceType"),
        (bundle("collection"), "Bundle.type"),
        (bundle("document", entry("POST", "MeasureReport", report())), "Bundle.type"),
        ({"resourceType": "Bundle"}, "Bundle.type"),
        (bundle("batch", {"resource": report()}), "Bundle.entry[0].request.method"),
        (bundle("batch", entry("PATCH", "MeasureReport/a", {})), "Bundle.entry[0].request.method"),
        (bundle("batch", {"request": {"method": "GET", "url": 1}}), "Bundle.entry[0].request.url"),
        ({**bundle("batch"), "entry": {}}, "Bundle.entry"),
        ({**bundle("batch"), "entry": ["x"]}, "Bundle.entry[0]"),
    ],
)
def test_what_is_no_batch_is_refused(client: TestClient, sent: Json, expression: str) -> None:
    refused = client.post(BASE, json=sent)
    assert refused.status_code == 400
    assert issues(refused)[0][1] == expression


def test_an_empty_one_does_nothing(client: TestClient) -> None:
    for kind in ("batch", "transaction"):
        answer = client.post(BASE, json={"resourceType": "Bundle", "type": kind})
        assert answer.status_code == 200
        assert "entry" not in answer.json()
