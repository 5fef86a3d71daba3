"""`MeasureReport/$aggregate` as a client meets it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from adapter.api.app import create_app
from adapter.report.check import check
from tests.lib.disclosed_reports import SITE, control, disclosed_of
from tests.lib.pooling import site_reports
from tests.lib.r_pooling import expected, five_sites
from tests.lib.reports import measures
from tests.lib.serving import reference_store, settings

TTP = "time-to-progression"
CANONICAL = "https://raiway.example/fhir/Measure/time-to-progression"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return reference_store(tmp_path_factory.mktemp("registry"))


def client_of(store_url: str, folder: Path, **server: Any) -> TestClient:
    database = f"sqlite:///{folder / 'server.db'}"
    app = create_app(settings(database=database, **server), store_url)
    return TestClient(app, base_url="http://127.0.0.1:8000")


@pytest.fixture
def client(store_url: str, tmp_path: Path) -> Iterator[TestClient]:
    with client_of(store_url, tmp_path) as found:
        yield found


def parameters(**given: Any) -> Json:
    """A Parameters resource; a list is a parameter that stands several times."""
    found = []
    for name, values in given.items():
        for value in values if isinstance(values, list) else [values]:
            held = {"resource": value} if isinstance(value, dict) else {"valueString": value}
            found.append({"name": name.replace("_report", "-report"), **held})
    return {"resourceType": "Parameters", "parameter": found}


def aggregated(client: TestClient, body: Json, status: int = 200, at: str = "") -> Json:
    """Without signatures, which `test_inbox` is about."""
    unsigned = {"name": "unsigned", "valueBoolean": True}
    body = {**body, "parameter": [*body["parameter"], unsigned]}
    path = f"/fhir/MeasureReport/{at}/$aggregate" if at else "/fhir/MeasureReport/$aggregate"
    answer = client.post(path, json=body, headers={"Content-Type": "application/fhir+json"})
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def stored(client: TestClient, reports: list[Json]) -> list[str]:
    ids = []
    for report in reports:
        answer = client.post("/fhir/MeasureReport", json=report)
        assert answer.status_code == 201, answer.text
        ids.append(answer.json()["id"])
    return ids


def km(report: Json, day: int) -> float:
    (group,) = (each for each in report["group"] if each["id"] == f"ttp-{day}d")
    return float(group["measureScore"]["value"])


def test_reports_in_the_request_are_pooled_exactly(client: TestClient):
    body = parameters(measure=CANONICAL, measure_report=site_reports(TTP, five_sites()))
    report = aggregated(client, body)
    assert report["resourceType"] == "MeasureReport"
    assert km(report, 183) == pytest.approx(expected()["km"]["surv"][1], abs=1e-6)
    assert check(report, measures()[TTP]) == []
    assert any(each["url"].endswith("pooled-reports") for each in report["extension"])
    assert client.get("/fhir/MeasureReport?_summary=count").json()["total"] == 0


def test_stored_reports_are_found_by_measure_period_and_reporter(client: TestClient):
    reports = site_reports(TTP, five_sites())
    for report in reports[3:]:
        report["period"] = {"start": "2023-01-01", "end": "2023-12-31"}
    stored(client, reports)
    for given, n in (
        ({}, 5),
        ({"period": ["2019-01-01", "2022-12-31"]}, 3),
        ({"period": "2023"}, 2),
        ({"reporter": "Organization/site-1"}, 1),
    ):
        report = aggregated(client, parameters(measure=CANONICAL, **given))
        (told,) = (e for e in report["extension"] if e["url"].endswith("pooled-reports"))
        assert sum(part["url"] == "report" for part in told["extension"]) == n
    missing = aggregated(client, parameters(measure=CANONICAL, period="2001"), 404)
    assert missing["resourceType"] == "OperationOutcome"


def test_reports_are_named_by_id_or_by_reference_at_type_and_instance(client: TestClient):
    ids = stored(client, site_reports(TTP, five_sites()))
    by_id = aggregated(client, parameters(measure=CANONICAL, _id=ids[:3]))
    by_list = aggregated(client, parameters(measure=CANONICAL, _id=",".join(ids[:3])))
    references = [f"MeasureReport/{key}" for key in ids[1:3]]
    here = aggregated(client, parameters(measure_report=references), at=ids[0])
    assert by_id["group"] == by_list["group"] == here["group"]
    gone = aggregated(client, parameters(measure=CANONICAL, _id="nobody"), 404)
    assert gone["issue"][0]["code"] == "not-found"


def test_who_reports_all_can_be_said(client: TestClient):
    reports = site_reports(TTP, five_sites())
    body = parameters(measure=CANONICAL, measure_report=reports)
    body["parameter"].append(
        {"name": "result-reporter", "valueReference": {"reference": "Organization/registry"}}
    )
    assert aggregated(client, body)["reporter"]["reference"] == "Organization/registry"


def test_what_cannot_be_added_is_422_with_its_rule(client: TestClient):
    reports = site_reports(TTP, five_sites())
    other = json.loads(json.dumps(reports[1]).replace("Organization/site-1", "Organization/site-0"))
    for given, rule in (
        ([reports[0], other], "reporter"),
        ([reports[0], disclosed_of(SITE, "registry", TTP)], "grid"),
        ([disclosed_of(SITE, "secure-sum", TTP)], "share"),
    ):
        found = aggregated(client, parameters(measure=CANONICAL, measure_report=given), 422)
        (issue,) = found["issue"]
        assert issue["code"] == "business-rule"
        assert f"[{rule}]" in issue["diagnostics"]


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({}, 400, "required"),
        ({"measure": "https://raiway.example/fhir/Measure/nothing"}, 404, "not-found"),
        ({"measure": f"{CANONICAL}|9"}, 404, "not-found"),
        ({"measure": CANONICAL, "period": "never"}, 400, "invalid"),
        ({"measure": CANONICAL, "period": ["2022", "2019"]}, 400, "invalid"),
        ({"measure": CANONICAL, "period": ["2019", "2020", "2021"]}, 400, "invalid"),
        ({"measure": CANONICAL, "shoe-size": "43"}, 400, "invalid"),
        ({"measure": CANONICAL, "result-reporter": "Patient/1"}, 400, "invalid"),
    ],
)
def test_wrong_parameters_are_named(client: TestClient, given: Json, status: int, code: str):
    body = parameters(**given)
    if "result-reporter" in given:
        reports = site_reports(TTP, five_sites()[:1])
        body = parameters(**given, measure_report=reports)
    found = aggregated(client, body, status)
    assert found["issue"][0]["code"] == code


def test_masked_reports_give_bounds(client: TestClient):
    masked = []
    for place in range(2):
        report = disclosed_of(SITE, "registry", TTP)
        report["reporter"] = {"reference": f"Organization/masked-{place}"}
        masked.append(report)
    report = aggregated(client, parameters(measure=CANONICAL, measure_report=masked))
    assert control(report)["poolable"] == "bounds-only"
    assert "measureScore" not in json.dumps(report)


def test_a_public_client_gets_what_the_gate_lets_out(store_url: str, tmp_path: Path):
    reports = site_reports(TTP, five_sites())
    with client_of(store_url, tmp_path, policy="public") as client:
        body = parameters(measure=CANONICAL, measure_report=reports)
        report = aggregated(client, body)
        assert control(report)["mode"] == "rounded"
        assert "Organization/site-0" not in json.dumps(report)
        few = aggregated(client, parameters(measure=CANONICAL, measure_report=reports[:2]))
        assert control(few)["mode"] == "withheld"


def test_the_capability_statement_names_the_operation(client: TestClient):
    found = client.get("/fhir/metadata").json()
    (reports,) = (each for each in found["rest"][0]["resource"] if each["type"] == "MeasureReport")
    assert "aggregate" in {each["name"] for each in reports["operation"]}
