"""`$evaluate-measure` and `$evaluate` over HTTP: reports, vocabularies, storing, and refusals."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from starlette.testclient import TestClient

from adapter.api.evaluating import results
from adapter.api.security.audit_events import audit_event
from adapter.api.security.principal import Principal
from adapter.definitions import load
from adapter.elements import code_of, extension_value
from adapter.evaluate import Request, evaluate
from adapter.fhir_r4 import validated
from adapter.fhir_xml import as_xml, from_xml
from adapter.models import FACT_TABLES, PatientRow, ResourceRow
from adapter.report.check import check
from adapter.report.evaluation import measures
from adapter.store import open_store
from tests.lib.console import raiway
from tests.lib.evaluations import (
    ASYNC,
    BASE,
    EVALUATE,
    PERIOD,
    REGISTRY,
    TYPE_LEVEL,
    WHOLE,
    asking_as,
    client,
    demo_store,
    issue,
    parameters,
    path_of,
    polled,
    settings,
)
from tests.lib.stores import resource, tg

__all__ = ["demo_store"]

Json = dict[str, Any]
URLS = [f"{BASE}/Measure/rai-uptake", f"{BASE}/Measure/structural-response"]
CRITERIA = "http://hl7.org/fhir/StructureDefinition/cqf-criteriaReference"
IN_STUDY = 16


@pytest.fixture(scope="module")
def asking(demo_store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with client(demo_store, settings(tmp_path_factory.mktemp("server"))) as found:
        yield found


@pytest.fixture(scope="module")
def names(demo_store: str) -> set[str]:
    """All by which a patient could be found: ids of patients and of their resources, and keys."""
    with open_store(demo_store, create=False) as store:
        found = {row.resource_id for row in store.rows(ResourceRow)}
        found |= {row.patient_key for row in store.rows(ResourceRow)}
        found |= {row.patient_id for row in store.rows(PatientRow)}
        for model in FACT_TABLES:
            found |= {row.resource_id for row in store.rows(model)}
    return {name for name in found if name}


def expected(shared: Path) -> dict[str, int]:
    """The reference cohort's counts by figure."""
    text = (shared / "reference" / "expectations.json").read_text(encoding="utf-8")
    found = {}
    for each in json.loads(text)["expectations"]:
        value = each["synthetic_cohort_value"]
        if each["name"].split(":")[0].endswith("_n") or each["name"] == "n_patients":
            found[each["name"]] = value
    return found


def counted(report: Json) -> dict[str, set[int]]:
    """The report's counts by the figure that the Measure says they are; strata by category too."""
    measure = measures(BASE)[report["measure"].rpartition("/")[2].partition("|")[0]]
    found: dict[str, set[int]] = {}
    for group, stated in zip(measure.groups, report["group"], strict=True):
        for population, each in zip(group.populations, stated["population"], strict=True):
            found.setdefault(population.figure, set()).add(each["count"])
        by_link = {
            stratifier["id"]: stratifier["stratum"] for stratifier in stated.get("stratifier", ())
        }
        for stratifier in group.stratifiers:
            for stratum in by_link.get(stratifier.link_id, ()):
                value = stratum["component"][0]["value"]
                code = code_of(value) or value["text"]
                figure = stratifier.criteria.replace("{category}", code)
                found.setdefault(figure, set()).add(stratum["population"][0]["count"])
    return found


def test_the_reference_cohort_s_counts(asking: TestClient, shared: Path):
    answer = asking.get(WHOLE, params=PERIOD)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/fhir+json")
    found, wanted = counted(answer.json()), expected(shared)
    met = found.keys() & wanted.keys()
    assert {name: found[name] for name in met} == {name: {wanted[name]} for name in met}
    assert len(met) >= 25


def test_http_and_the_command_line_say_the_same(
    asking: TestClient, demo_store: str, tmp_path: Path
):
    over_http = asking.get(WHOLE, params=PERIOD).json()
    period = ["--period-start", "2019-01-01", "--period-end", "2022-12-31"]
    stated = ["--store", demo_store, *period, "--date", over_http["date"]]
    assert raiway("evaluate", *stated, cwd=tmp_path).json == over_http


@pytest.mark.parametrize("measure", sorted(measures(BASE)))
def test_every_measure_at_both_levels(asking: TestClient, measure: str):
    instance = asking.get(f"/fhir/Measure/{measure}/$evaluate-measure", params=PERIOD)
    url = {"measure": f"{BASE}/Measure/{measure}"}
    of_type = asking.get(TYPE_LEVEL, params={**PERIOD, **url})
    assert instance.status_code == of_type.status_code == 200
    assert instance.content == of_type.content
    assert check(instance.json(), measures(BASE)[measure]) == []
    validated(instance.json())


def test_a_summary_names_no_patient(asking: TestClient, names: set[str]):
    assert {"SYN-RAIR-03"} < names
    for measure in measures(BASE):
        url = {"measureUrl": f"{BASE}/Measure/{measure}", "reportType": "summary"}
        for answer in (
            asking.get(f"/fhir/Measure/{measure}/$evaluate-measure", params=PERIOD),
            asking.get(EVALUATE, params={**PERIOD, **url}),
        ):
            assert answer.status_code == 200
            assert [name for name in names if name in answer.text] == []


def test_get_post_form_json_and_xml_ask_the_same(asking: TestClient):
    values = {**PERIOD, "measure": "rai-uptake"}
    by_get = asking.get(TYPE_LEVEL, params=values).json()
    body = parameters(**values)
    sent = {
        "query": {"params": values},
        "form": {"data": values},
        "json": {"json": body, "headers": {"Content-Type": "application/fhir+json"}},
        "xml": {"content": as_xml(body), "headers": {"Content-Type": "application/fhir+xml"}},
        "both": {"params": PERIOD, "json": parameters(measure="rai-uptake")},
    }
    for how, arguments in sent.items():
        answer = asking.post(TYPE_LEVEL, **arguments)
        assert answer.status_code == 201, how
        stored = answer.json()
        assert _content(stored) == _content(by_get), how


def _content(report: Json) -> Json:
    return {name: value for name, value in report.items() if name not in {"id", "meta"}}


def test_typed_parameters(asking: TestClient):
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "measure", "valueCanonical": URLS[0]},
            {"name": "periodStart", "valueDate": "2019-01-01"},
            {"name": "periodEnd", "valueDate": "2022-12-31"},
            {"name": "reportType", "valueCode": "population"},
            {"name": "practitioner", "valueReference": {"reference": "Practitioner/7"}},
        ],
    }
    answer = asking.post(TYPE_LEVEL, json=body)
    assert answer.status_code == 201
    assert answer.json()["reporter"]["reference"] == "Practitioner/7"


def test_xml_comes_back_equal(asking: TestClient):
    for kind in ("population", "subject-list"):
        values = {**PERIOD, "measure": "rai-uptake", "reportType": kind}
        as_json = asking.get(TYPE_LEVEL, params=values).json()
        answer = asking.get(TYPE_LEVEL, params=values, headers={"Accept": "application/fhir+xml"})
        assert answer.headers["content-type"].startswith("application/fhir+xml")
        assert from_xml(answer.content) == as_json


def test_the_period_takes_in_the_whole_of_what_it_says(asking: TestClient):
    year = asking.get(WHOLE, params={"periodStart": "2021", "periodEnd": "2021"}).json()
    days = asking.get(WHOLE, params={"periodStart": "2021-01-01", "periodEnd": "2021-12-31"})
    assert year["period"] == {"start": "2021-01-01", "end": "2021-12-31"}
    assert days.json() == year
    n = year["group"][0]["population"][0]["count"]
    assert 0 < n < IN_STUDY
    nobody = asking.get(WHOLE, params={"periodStart": "1999", "periodEnd": "1999"}).json()
    assert nobody["group"][0]["population"][0]["count"] == 0


def test_the_time_zone_header(asking: TestClient):
    instants = {"periodStart": "2019-01-01T04:00:00Z", "periodEnd": "2022-12-31T04:00:00Z"}
    header = {"Timezone": "America/Jamaica"}
    report = asking.get(WHOLE, params=instants, headers=header).json()
    assert report["period"] == {"start": "2018-12-31", "end": "2022-12-30"}
    assert report["date"].endswith("-05:00")
    assert asking.get(WHOLE, params=instants).json()["period"]["start"] == "2019-01-01"
    refused = asking.get(WHOLE, params=instants, headers={"Timezone": "Mars/Olympus"})
    assert refused.status_code == 400
    assert issue(refused)["expression"] == ["http.Timezone"]


def test_overrides_change_the_study_and_are_printed(asking: TestClient):
    given = {"parameters": "tg_profile=rcv"}
    report = asking.get(WHOLE, params={**PERIOD, **given}).json()
    (study,) = [each for each in report["contained"] if each["id"] == "study"]
    assert {"name": "tg_profile", "valueString": "rcv"} in study["parameter"]
    body = parameters(**PERIOD, parameters=parameters(tg_profile="rcv"))
    assert _content(asking.post(WHOLE, json=body).json()) == _content(report)


def test_strata_that_the_request_asks_for(asking: TestClient):
    plain = asking.get(WHOLE, params=PERIOD).json()
    report = asking.get(WHOLE, params={**PERIOD, "stratifier": "sex"}).json()
    assert report["id"] != plain["id"]
    assert report["identifier"] != plain["identifier"]
    group = next(each for each in report["group"] if each["id"] == "rai-uptake")
    by_sex = next(each for each in group["stratifier"] if each["id"] == "rai-uptake-by-sex")
    counts = [stratum["population"][0]["count"] for stratum in by_sex["stratum"]]
    assert len(counts) == 2
    assert sum(counts) == IN_STUDY


def test_a_location_is_a_site(asking: TestClient):
    found = [
        asking.get(WHOLE, params={**PERIOD, **named})
        for named in (
            {"location": "Location/synthetic-hospital"},
            {"location": "synthetic-hospital"},
            {"subject": "Group/synthetic-hospital"},
            {"subjectGroup": "Group/synthetic-hospital"},
        )
    ]
    assert [answer.status_code for answer in found] == [200] * 4
    counts = {answer.json()["group"][0]["population"][0]["count"] for answer in found}
    assert counts == {IN_STUDY}
    lost = asking.get(WHOLE, params={**PERIOD, "location": "elsewhere"})
    assert (lost.status_code, issue(lost)["code"]) == (404, "not-found")


# Storing


def test_a_post_stores_and_a_get_does_not(asking: TestClient):
    values = {**PERIOD, "measure": "rai-uptake"}
    before = asking.get("/fhir/MeasureReport", params={"_summary": "count"}).json()["total"]
    asking.get(TYPE_LEVEL, params=values)
    asking.post(EVALUATE, params={**PERIOD, "measureUrl": URLS})
    same = asking.get("/fhir/MeasureReport", params={"_summary": "count"}).json()["total"]
    assert same == before
    answer = asking.post(TYPE_LEVEL, params=values)
    assert answer.status_code == 201
    location = answer.headers["location"]
    assert location.endswith(f"/MeasureReport/{answer.json()['id']}/_history/1")
    assert asking.get(path_of(location)).json() == answer.json()
    after = asking.get("/fhir/MeasureReport", params={"_summary": "count"}).json()["total"]
    assert after == before + 1


def test_how_the_client_prefers_to_be_answered(asking: TestClient):
    values = {**PERIOD, "measure": "rai-uptake"}
    minimal = asking.post(TYPE_LEVEL, params=values, headers={"Prefer": "return=minimal"})
    assert (minimal.status_code, minimal.content) == (201, b"")
    assert asking.get(path_of(minimal.headers["location"])).status_code == 200
    whole = asking.post(TYPE_LEVEL, params=values, headers={"Prefer": "return=representation"})
    assert whole.json()["resourceType"] == "MeasureReport"
    told = asking.post(TYPE_LEVEL, params=values, headers={"Prefer": "return=OperationOutcome"})
    assert told.status_code == 201
    assert issue(told)["severity"] == "information"


def test_nothing_is_stored_where_the_server_or_the_scopes_say_so(
    asking: TestClient, demo_store: str, tmp_path: Path
):
    values = {**PERIOD, "measure": "rai-uptake"}
    with client(demo_store, settings(tmp_path, persist=False)) as other:
        answer = other.post(TYPE_LEVEL, params=values)
        assert answer.status_code == 200
        assert "location" not in answer.headers
    reading = Principal("reader", "client", ("system/*.rs",), "none", patient_level=False)
    with asking_as(asking, reading):
        assert asking.post(TYPE_LEVEL, params=values).status_code == 200


# DEQM UV


def test_evaluate_gives_a_bundle_of_several_measures(asking: TestClient):
    by_get = asking.get(EVALUATE, params={**PERIOD, "measureUrl": URLS})
    by_post = asking.post(EVALUATE, json=parameters(**PERIOD, measureUrl=URLS))
    assert by_get.status_code == by_post.status_code == 200
    assert by_get.content == by_post.content
    validated(by_get.json())
    (returned,) = by_get.json()["parameter"]
    assert returned["name"] == "return"
    resources = [entry["resource"] for entry in returned["resource"]["entry"]]
    reports = [each for each in resources if each["resourceType"] == "MeasureReport"]
    assert [each["measure"].partition("|")[0] for each in reports] == URLS
    origins = [each for each in resources if each["resourceType"] == "Provenance"]
    targets = [each["target"][0]["reference"] for each in origins]
    assert targets == [f"MeasureReport/{each['id']}" for each in reports]


def test_a_provenance_names_measure_data_and_software(asking: TestClient, demo_store: str):
    found = asking.get(EVALUATE, params={**PERIOD, "measureUrl": URLS[0]}).json()
    entries = found["parameter"][0]["resource"]["entry"]
    (origin,) = [e["resource"] for e in entries if e["resource"]["resourceType"] == "Provenance"]
    measure, data = (entity["what"]["identifier"]["value"] for entity in origin["entity"])
    assert measure == measures(BASE)["rai-uptake"].canonical
    with open_store(demo_store, create=False) as store:
        assert data == store.fingerprint()
    assert origin["agent"][0]["who"]["display"].startswith("raiway ")


def test_individual_bundles_one_for_each_subject(asking: TestClient):
    values = {**PERIOD, "measureUrl": URLS, "reportType": "individual"}
    found = asking.get(EVALUATE, params=values).json()
    assert len(found["parameter"]) == IN_STUDY
    subjects = []
    for returned in found["parameter"]:
        reports = [entry["resource"] for entry in returned["resource"]["entry"]][:2]
        assert {report["type"] for report in reports} == {"individual"}
        (subject,) = {report["subject"]["reference"] for report in reports}
        subjects.append(subject)
    assert len(set(subjects)) == IN_STUDY
    group = {
        "resourceType": "Group",
        "type": "person",
        "actual": True,
        "member": [{"entity": {"reference": subject}} for subject in subjects[:2]],
    }
    body = parameters(**PERIOD, measureUrl=URLS[0], reportType="individual", subjectGroup=group)
    of_group = asking.post(EVALUATE, json=body).json()
    named = [e["resource"]["entry"][0]["resource"]["subject"] for e in of_group["parameter"]]
    assert {each["reference"] for each in named} == set(subjects[:2])


# Single patients


def test_individual_reports_add_up_to_the_summary(asking: TestClient):
    url = f"{BASE}/Measure/redifferentiation-outcomes"
    values = {**PERIOD, "measureUrl": url, "reportType": "individual"}
    found = asking.get(EVALUATE, params=values).json()
    reports = [each["resource"]["entry"][0]["resource"] for each in found["parameter"]]
    summary = asking.get(WHOLE, params=PERIOD).json()
    for place, group in enumerate(summary["group"]):
        for number, population in enumerate(group["population"]):
            own = [each["group"][place]["population"][number]["count"] for each in reports]
            assert sum(own) == population["count"], population["extension"]


def test_a_subject_list_names_who_is_counted(asking: TestClient):
    report = asking.get(WHOLE, params={**PERIOD, "reportType": "subject-list"}).json()
    assert check(report, measures(BASE)["redifferentiation-outcomes"]) == []
    summary = asking.get(WHOLE, params=PERIOD).json()
    lists = {
        each["id"]: [entry["item"]["reference"] for entry in each["entry"]]
        for each in report["contained"]
        if each["resourceType"] == "List"
    }
    seen = 0
    for own, whole in zip(_populations(report), _populations(summary), strict=True):
        assert own["count"] == whole["count"]
        if code_of(own["code"]) == "measure-observation":
            continue
        members = lists.get(own.get("subjectResults", {}).get("reference", "")[1:], [])
        assert len(members) == len(set(members)) == own["count"]
        seen += bool(members)
    assert seen > 100


def _populations(report: Json) -> Iterator[Json]:
    for group in report["group"]:
        yield from group["population"]
        for stratifier in group.get("stratifier", ()):
            for stratum in stratifier["stratum"]:
                yield from stratum["population"]


def test_a_subject_is_in_the_lists_that_its_own_report_counts(asking: TestClient):
    whole = asking.get(WHOLE, params={**PERIOD, "reportType": "subject-list"}).json()
    lists = {
        each["id"]: {entry["item"]["reference"] for entry in each["entry"]}
        for each in whole["contained"]
        if each["resourceType"] == "List"
    }
    for patient in ("Patient/SYN-RAIR-01", "Patient/SYN-RAIR-09"):
        own = asking.get(WHOLE, params={**PERIOD, "subject": patient}).json()
        assert own["subject"] == {"reference": patient}
        for group, listed in zip(own["group"], whole["group"], strict=True):
            for mine, all_of in zip(group["population"], listed["population"], strict=True):
                members = lists.get(
                    all_of.get("subjectResults", {}).get("reference", "")[1:], set()
                )
                assert bool(mine["count"]) is (patient in members)


def test_evidence_stands_behind_the_populations_that_count(asking: TestClient, demo_store: str):
    own = asking.get(WHOLE, params={**PERIOD, "subject": "Patient/SYN-RAIR-03"}).json()
    validated(own)
    named = {each["reference"] for each in own["evaluatedResource"]}
    with open_store(demo_store, create=False) as store:
        request = Request(start=None, end=None)
        key = store.find_patient("SYN-RAIR-03")
        evaluation = evaluate(store, load().study("redifferentiation"), request)
        held = {f"{row.resource_type}/{row.resource_id}" for row in store.rows(ResourceRow)}
    (course,) = [each for each in evaluation.courses if each.patient_key == key]
    assert {str(ref) for finding in course.findings for ref in finding.refs} <= named
    assert named <= held
    counted_in = {
        extension_value(population, f"{R5}.group.population.linkId")
        for group in own["group"]
        for population in group["population"]
        if population["count"]
    }
    speaking = [
        found["valueString"]
        for each in own["evaluatedResource"]
        for found in each.get("extension", ())
        if found["url"] == CRITERIA
    ]
    assert set(speaking) <= counted_in
    assert {"cohort-initial-population", "rai-treated-numerator"} <= set(speaking)


R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-MeasureReport"


def test_who_is_out_of_the_study_is_counted_nowhere(asking: TestClient):
    own = asking.get(WHOLE, params={**PERIOD, "subject": "Patient/SYN-OTHER-01"}).json()
    assert {population["count"] for population in _populations(own)} == {0}


# Refusals


@pytest.mark.parametrize(
    ("path", "values", "status", "code", "parameter"),
    [
        (WHOLE, {"periodStart": "2019"}, 400, "required", "periodEnd"),
        (WHOLE, {**PERIOD, "periodEnd": "soon"}, 400, "invalid", "periodEnd"),
        (WHOLE, {**PERIOD, "periodEnd": "2018"}, 400, "invalid", "periodEnd"),
        (WHOLE, {**PERIOD, "periodStart": ["2018", "2019"]}, 400, "invalid", "periodStart"),
        (WHOLE, {**PERIOD, "lastReceivedOn": "2020"}, 400, "not-supported", "lastReceivedOn"),
        (WHOLE, {**PERIOD, "colour": "red"}, 400, "not-supported", "colour"),
        (WHOLE, {**PERIOD, "reportType": "best"}, 400, "invalid", "reportType"),
        (WHOLE, {**PERIOD, "reportType": "data-collection"}, 501, "not-supported", "reportType"),
        (WHOLE, {**PERIOD, "reportType": "subject"}, 400, "required", "subject"),
        (WHOLE, {**PERIOD, "subject": "Patient/nobody"}, 404, "not-found", "subject"),
        (WHOLE, {**PERIOD, "patient": "nobody"}, 404, "not-found", "patient"),
        (WHOLE, {**PERIOD, "subject": "Device/1"}, 400, "invalid", "subject"),
        (WHOLE, {**PERIOD, "subject": "Group/nowhere"}, 404, "not-found", "subject"),
        (WHOLE, {**PERIOD, "stratifier": "shoe"}, 400, "invalid", "stratifier"),
        (WHOLE, {**PERIOD, "parameters": "shoe=42"}, 400, "invalid", "parameters"),
        (
            WHOLE,
            {**PERIOD, "subject": "Patient/SYN-RAIR-03", "subjectGroup": "Group/1"},
            400,
            "invalid",
            "subjectGroup",
        ),
        (TYPE_LEVEL, PERIOD, 400, "required", "measure"),
        (TYPE_LEVEL, {**PERIOD, "measure": "no-such"}, 404, "not-found", "measure"),
        (TYPE_LEVEL, {**PERIOD, "measure": ["rai-uptake", "molecular-profile"]}, 400, "invalid",
         "measure"),
        (EVALUATE, PERIOD, 400, "required", "measure"),
        ("/fhir/Measure/no-such/$evaluate-measure", PERIOD, 404, "not-found", "id"),
    ],
)  # fmt: skip
def test_what_is_refused(
    asking: TestClient, path: str, values: Json, status: int, code: str, parameter: str
):
    for answer in (
        asking.get(path, params=values),
        asking.get(path, params=values, headers=ASYNC),
        asking.post(path, json=parameters(**values)),
    ):
        assert answer.status_code == status, answer.text
        found = issue(answer)
        assert found["code"] == code
        assert parameter in found["expression"][0]
        assert "nobody" not in answer.text


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"{", "application/fhir+json", 400),
        (b'{"resourceType":"Bundle","type":"batch"}', "application/fhir+json", 400),
        (b'{"resourceType":"Parameters","parameter":[{"name":"a"}]}', "application/fhir+json", 400),
        (b'{"resourceType":"Parameters","parameter":"a"}', "application/fhir+json", 400),
        (b'{"resourceType":"Parameters","parameter":[{}]}', "application/fhir+json", 400),
        (b"<Parameters", "application/fhir+xml", 400),
        (b"a,b", "text/csv", 415),
    ],
)
def test_bodies_that_cannot_be_read(
    asking: TestClient, content: bytes, media_type: str, status: int
):
    answer = asking.post(WHOLE, content=content, headers={"Content-Type": media_type})
    assert answer.status_code == status
    assert issue(answer)["severity"] == "error"


def test_a_format_that_is_not_offered(asking: TestClient):
    answer = asking.get(WHOLE, params=PERIOD, headers={"Accept": "text/turtle"})
    assert (answer.status_code, issue(answer)["code"]) == (406, "not-supported")


@pytest.mark.parametrize(
    ("patient_level", "scopes", "status"),
    [
        (False, ("system/*.cruds",), 403),
        (True, ("system/MeasureReport.rs",), 403),
        (True, ("system/MeasureReport.rs", "system/Patient.r"), 200),
    ],
)
def test_single_patients_take_a_right_and_a_scope_of_their_own(
    asking: TestClient, patient_level: bool, scopes: tuple[str, ...], status: int
):
    group = {
        "resourceType": "Group",
        "type": "person",
        "actual": True,
        "member": [{"entity": {"reference": "Patient/SYN-RAIR-03"}}],
    }
    who = Principal("c", "client", scopes, "none", patient_level=patient_level)
    with asking_as(asking, who):
        answers = [
            asking.get(WHOLE, params={**PERIOD, "reportType": "subject-list"}),
            asking.get(WHOLE, params={**PERIOD, "subject": "Patient/SYN-RAIR-03"}),
            asking.get(
                WHOLE,
                params={**PERIOD, "subject": "SYN-RAIR-03", "reportType": "population"},
            ),
            asking.post(
                EVALUATE, json=parameters(**PERIOD, measureUrl=URLS[0], subjectGroup=group)
            ),
        ]
        assert [answer.status_code for answer in answers] == [status] * 4
        if status == 403:
            nobody = {**PERIOD, "subject": "Patient/nobody"}
            assert asking.get(WHOLE, params=nobody).status_code == 403
            assert {issue(answer)["code"] for answer in answers} == {"forbidden"}
        assert asking.get(WHOLE, params=PERIOD).status_code == 200


def test_a_summary_passes_the_client_s_policy(asking: TestClient, names: set[str]):
    inside = asking.get(WHOLE, params=PERIOD).json()
    with asking_as(asking, REGISTRY):
        answer = asking.get(WHOLE, params=PERIOD)
        outside = answer.json()
        assert asking.get(WHOLE, params={**PERIOD, "stratifier": "sex"}).status_code == 403
    assert answer.status_code == 200
    assert inside["group"][0]["population"][0]["count"] == IN_STUDY
    # Sixteen are too few to be published.
    assert not [each for each in _populations(outside) if "count" in each]
    assert [name for name in names if name in answer.text] == []


def test_a_store_that_is_gone_is_no_fault_of_the_client(demo_store: str, tmp_path: Path):
    copy = tmp_path / "raiway.db"
    shutil.copy(demo_store.removeprefix("sqlite:///"), copy)
    with client(f"sqlite:///{copy}", settings(tmp_path)) as asking:
        assert asking.get(WHOLE, params=PERIOD).status_code == 200
        copy.unlink()
        answer = asking.get(WHOLE, params=PERIOD)
        assert (answer.status_code, issue(answer)["code"]) == (503, "transient")
        assert int(answer.headers["retry-after"]) > 0
        assert str(tmp_path) not in answer.text


def test_new_data_makes_a_new_report(demo_store: str, tmp_path: Path):
    copy = tmp_path / "raiway.db"
    shutil.copy(demo_store.removeprefix("sqlite:///"), copy)
    with client(f"sqlite:///{copy}", settings(tmp_path)) as asking:
        before = asking.get(WHOLE, params=PERIOD).json()
        with open_store(f"sqlite:///{copy}", create=False) as store:
            newer = resource("new", tg("1.5"), site="synthetic-hospital")
            store.load([newer], "run")
        after = asking.get(WHOLE, params=PERIOD).json()
    assert before["id"] != after["id"]
    assert before["group"] == after["group"]


def test_the_audit_knows_who_got_whose_report(demo_store: str, tmp_path: Path):
    with client(demo_store, settings(tmp_path)) as asking:
        asking.get(WHOLE, params={**PERIOD, "subject": "Patient/SYN-RAIR-03"})
        started = asking.get(
            WHOLE, params={**PERIOD, "subject": "Patient/SYN-RAIR-04"}, headers=ASYNC
        )
        polled(asking, started.headers["content-location"])
        assert isinstance(asking.app, FastAPI)
        with asking.app.state.context.engine.begin() as connection:
            written = "".join(connection.scalars(select(audit_event.c.entities)))
    for patient in ("Patient/SYN-RAIR-03", "Patient/SYN-RAIR-04"):
        assert patient in written


def test_a_client_that_has_the_report_is_not_sent_it_again(asking: TestClient):
    first = asking.get(WHOLE, params=PERIOD)
    tag = {"If-None-Match": first.headers["etag"]}
    again = asking.get(WHOLE, params=PERIOD, headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    assert asking.get(WHOLE, params={**PERIOD, "periodEnd": "2021"}, headers=tag).status_code == 200


def test_too_many_individual_reports_in_one_answer(
    asking: TestClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(results, "MOST_INDIVIDUALS", IN_STUDY)
    values = {**PERIOD, "periodEnd": "2023", "reportType": "individual"}
    assert asking.get(EVALUATE, params={**values, "measureUrl": URLS[0]}).status_code == 200
    refused = asking.get(EVALUATE, params={**values, "measureUrl": URLS})
    assert (refused.status_code, issue(refused)["code"]) == (422, "too-costly")
