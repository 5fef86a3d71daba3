"""Measures, terminology and views are read and searched from `mappings/`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from adapter.api.fhir.surface import DEFINITIONAL
from adapter.measures.load import CANONICAL_BASE
from tests.lib.api import BASE, XML, application, client, issue_of
from tests.lib.judges import complaints
from tests.lib.needs import ROOT

TYPES = [offered.type for offered in DEFINITIONAL]
OWN_BASE = "https://outcomes.hospital.example/fhir"


@pytest.fixture(scope="module")
def server() -> TestClient:
    return client()


def files(kind: str) -> list[Path]:
    return sorted((ROOT / "mappings" / kind).glob("*.json"))


def bundle(server: TestClient, path: str) -> dict[str, Any]:
    answer = server.get(f"/fhir/{path}")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["resourceType"], found["type"]) == ("Bundle", "searchset")
    return dict(found)


def ids(found: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in found.get("entry", ())]


def link(found: dict[str, Any], relation: str) -> str | None:
    return next((item["url"] for item in found["link"] if item["relation"] == relation), None)


@pytest.mark.parametrize("kind", TYPES)
def test_every_file_is_served_as_it_stands(server: TestClient, kind: str) -> None:
    for file in files(kind):
        answer = server.get(f"/fhir/{kind}/{file.stem}")
        assert answer.json() == json.loads(file.read_text(encoding="utf-8"))
    assert bundle(server, f"{kind}?_summary=count")["total"] == len(files(kind)) > 0


def test_canonicals_are_those_of_the_setting() -> None:
    own = client(application(report_base=OWN_BASE))
    measure = own.get("/fhir/Measure/time-to-progression").json()
    assert measure["url"] == f"{OWN_BASE}/Measure/time-to-progression"
    assert CANONICAL_BASE not in json.dumps(measure)
    found = bundle(own, f"Measure?url={OWN_BASE}/Measure/time-to-progression|0.1.0")
    assert ids(found) == ["time-to-progression"]
    statement = own.get("/fhir/metadata").text
    assert f"{OWN_BASE}/OperationDefinition/aggregate" in statement
    assert CANONICAL_BASE not in statement


def test_a_resource_that_did_not_change_is_not_sent_again(server: TestClient) -> None:
    first = server.get("/fhir/ValueSet/tmb")
    again = server.get("/fhir/ValueSet/tmb", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = server.get("/fhir/ValueSet/gene")
    assert other.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ValueSet?_id=tmb", ["tmb"]),
        ("ValueSet?_id=tmb,msi", ["msi", "tmb"]),
        ("ValueSet?name=tmb", ["tmb"]),
        ("ValueSet?name:exact=TMB", ["tmb"]),
        ("ValueSet?name:exact=tmb", []),
        ("ValueSet?title:contains=mutational", ["tmb"]),
        (f"ValueSet?url={CANONICAL_BASE}/ValueSet/tmb", ["tmb"]),
        (f"ValueSet?url={CANONICAL_BASE}/ValueSet/tmb|0.1.0", ["tmb"]),
        (f"ValueSet?url={CANONICAL_BASE}/ValueSet/tmb|9", []),
        ("ValueSet?_id=tmb&version=0.1.0", ["tmb"]),
        ("ValueSet?_id=tmb&version:not=0.1.0", []),
        ("ValueSet?_id=tmb&status=draft", []),
        ("Measure?date=ge2020&_id=rai-uptake", ["rai-uptake"]),
        ("Measure?date=lt2020", []),
        ("ValueSet?_id=tmb&date:missing=true", ["tmb"]),
        ("ViewDefinition?name=death&_sort=-_id", ["Patient-death", "Observation-death"]),
        ("Library?title=redifferentiation", ["redifferentiation"]),
    ],
)
def test_definitions_are_found(server: TestClient, query: str, expected: list[str]) -> None:
    found = bundle(server, query)
    assert ids(found) == expected
    assert found["total"] == len(expected)


def test_an_entry_has_its_full_url(server: TestClient) -> None:
    (entry,) = bundle(server, "Measure?_id=rai-uptake")["entry"]
    assert entry["fullUrl"] == f"{BASE}/Measure/rai-uptake"
    assert entry["search"] == {"mode": "match"}


def test_pages_lead_through_everything_once(server: TestClient) -> None:
    pages = [bundle(server, "ValueSet?_count=30&_sort=-_id")]
    while url := link(pages[-1], "next"):
        pages.append(bundle(server, url.removeprefix(f"{BASE}/")))
        assert len(pages) < 20
    every = [name for page in pages for name in ids(page)]
    assert every == sorted((file.stem for file in files("ValueSet")), reverse=True)
    assert {page["total"] for page in pages} == {len(every)}
    assert link(pages[0], "previous") is None
    back = link(pages[1], "previous")
    assert back is not None
    assert ids(bundle(server, back.removeprefix(f"{BASE}/"))) == ids(pages[0])


def test_a_count_of_nothing_gives_the_total_alone(server: TestClient) -> None:
    found = bundle(server, "Measure?_count=0")
    assert "entry" not in found
    assert found["total"] == len(files("Measure"))
    assert link(found, "next") is None


def test_what_was_not_understood_is_told_and_left_out_of_the_link(server: TestClient) -> None:
    found = bundle(server, "Measure?_id=rai-uptake&colour=red")
    match, told = found["entry"]
    assert match["resource"]["id"] == "rai-uptake"
    assert told["search"] == {"mode": "outcome"}
    assert told["resource"]["issue"][0]["expression"] == ["http.colour"]
    assert link(found, "self") == f"{BASE}/Measure?_id=rai-uptake"
    refused = server.get("/fhir/Measure?colour=red", headers={"Prefer": "handling=strict"})
    assert (refused.status_code, issue_of(refused)["expression"]) == (400, ["http.colour"])


def test_a_form_searches_as_a_url_does(server: TestClient) -> None:
    answer = server.post("/fhir/Measure/_search?_count=5", data={"_id": "rai-uptake"})
    assert ids(answer.json()) == ["rai-uptake"]
    assert link(answer.json(), "self") == f"{BASE}/Measure?_count=5&_id=rai-uptake"
    assert server.post("/fhir/Measure/_search").json()["total"] == len(files("Measure"))
    refused = server.post("/fhir/Measure/_search", json={"_id": "a"})
    assert (refused.status_code, issue_of(refused)["code"]) == (415, "not-supported")


def test_a_summary_keeps_what_the_definition_says(server: TestClient) -> None:
    found = server.get("/fhir/Measure/rai-uptake?_summary=true").json()
    assert "group" not in found
    assert found["url"]
    assert [tag["code"] for tag in found["meta"]["tag"]] == ["SUBSETTED"]


def test_elements_keep_what_is_mandatory(server: TestClient) -> None:
    (entry,) = bundle(server, "Measure?_id=rai-uptake&_elements=url,title")["entry"]
    assert set(entry["resource"]) == {"resourceType", "id", "meta", "url", "title", "status"}


@pytest.mark.parametrize("query", ["_summary=true", "_elements=name", "_summary=data"])
def test_a_type_that_r4_lacks_can_be_had_in_part(server: TestClient, query: str) -> None:
    answer = server.get(f"/fhir/ViewDefinition/Patient-death?{query}")
    found = answer.json()
    assert found["name"] == "death"
    assert found["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert ("extension" in found) is (query == "_summary=data")


def test_a_type_that_r4_lacks_has_no_xml(server: TestClient) -> None:
    for path in ("ViewDefinition/Patient-death", "ViewDefinition"):
        answer = server.get(f"/fhir/{path}", headers={"Accept": XML})
        assert answer.status_code == 406
        assert b'<code value="not-supported"/>' in answer.content


@pytest.mark.parametrize("judge", ["fhirkit", "fhirpath_base"])
def test_the_judges_find_all_that_is_served_valid(server: TestClient, judge: str) -> None:
    kinds = [kind for kind in TYPES if kind != "ViewDefinition"]
    found = [bundle(server, f"{kind}?_count=1000") for kind in kinds]
    served = [entry["resource"] for page in found for entry in page["entry"]]
    pages = [bundle(server, f"{kind}?_count=2&colour=red") for kind in kinds]
    summary = bundle(server, "Measure?_summary=true")
    assert len(served) > 100
    every = [*served, *pages, summary, server.get("/fhir/nope").json()]
    assert complaints(judge, every) == [[] for _ in every]
