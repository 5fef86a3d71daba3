"""`_summary` and `_elements`: what of a resource is left, and that it says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lib.api import answering, issue_of

REPORT: dict[str, Any] = {
    "resourceType": "MeasureReport",
    "id": "a",
    "meta": {"versionId": "3", "tag": [{"system": "urn:t", "code": "t"}]},
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">a</div>'},
    "status": "complete",
    "type": "summary",
    "measure": "https://m.example/Measure/m",
    "_date": {"extension": [{"url": "urn:e", "valueCode": "x"}]},
    "period": {"start": "2020-01-01", "end": "2020-12-31"},
    "group": [{"id": "g"}],
    "evaluatedResource": [{"reference": "#a"}],
}
MANDATORY = {"resourceType", "id", "meta", "status", "type", "measure", "period"}
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "x"}]}
BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "searchset",
    "total": 1,
    "entry": [{"resource": REPORT, "fullUrl": "urn:a"}, {"resource": OUTCOME}],
}


def parts(query: str, resource: Any = REPORT) -> dict[str, Any]:
    return dict(answering(resource).get(f"/fhir/it?{query}").json())


@pytest.mark.parametrize(
    ("query", "beside"),
    [
        # R4 marks these in http://hl7.org/fhir/R4/measurereport.html, and group not.
        ("_summary=true", {"_date"}),
        ("_summary=text", {"text"}),
        ("_summary=data", {"_date", "group", "evaluatedResource"}),
        ("_elements=date", {"_date"}),
        ("_elements=group,text", {"group", "text"}),
        ("_elements=MeasureReport.group", {"group"}),
        ("_elements=nope", set()),
    ],
)
def test_a_part_has_what_is_mandatory_and_says_that_it_is_one(query: str, beside: set[str]) -> None:
    found = parts(query)
    assert set(found) == MANDATORY | beside
    assert [tag["code"] for tag in found["meta"]["tag"]] == ["t", "SUBSETTED"]
    assert found["meta"]["versionId"] == "3"


@pytest.mark.parametrize("query", ["", "_summary=false", "_summary=count"])
def test_the_whole_is_not_marked(query: str) -> None:
    assert parts(query) == REPORT


def test_each_entry_of_a_searchset_is_cut() -> None:
    found = parts("_elements=group", BUNDLE)
    assert set(found["entry"][0]["resource"]) == MANDATORY | {"group"}
    assert found["entry"][0]["fullUrl"] == "urn:a"
    assert found["entry"][1]["resource"] == OUTCOME
    assert found["total"] == 1


def test_a_count_has_no_entries() -> None:
    assert parts("_summary=count", BUNDLE) == {
        "resourceType": "Bundle", "type": "searchset", "total": 1,
    }  # fmt: skip


def test_other_bundles_and_answers_about_the_request_stay_whole() -> None:
    response = {**BUNDLE, "type": "transaction-response"}
    assert parts("_summary=true", response) == response
    assert parts("_summary=true", OUTCOME) == OUTCOME


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("_summary=some", ["http._summary"]),
        ("_summary=true&_elements=date", ["http._elements", "http._summary"]),
    ],
)
def test_what_cannot_be_asked_for_is_400(query: str, where: list[str]) -> None:
    answer = answering(REPORT).get(f"/fhir/it?{query}")
    assert answer.status_code == 400
    assert issue_of(answer)["expression"] == where
