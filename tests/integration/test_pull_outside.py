"""Exports by patients, from which servers leave out what is nobody's: Medications (pull.md S11)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapter.errors import Unreachable
from tests.lib.fault.bulk_scenarios import (
    LEAVE,
    METADATA,
    accepted,
    always,
    group,
    listed,
    listing,
    waiting,
)
from tests.lib.fault.bulk_site import served
from tests.lib.fault.content import Json, capability
from tests.lib.fault.replies import NDJSON, dropped, operation_outcome, outcome, reply
from tests.lib.fault.server import Script

EXPORT = "GET /fhir/Group/thyroid/$export"
ASKED = {
    "export_level": "group",
    "group": "thyroid",
    "types": ["MedicationRequest", "Medication"],
}
HAPI_8 = (
    "HAPI-0503: Resource types [Medication] are invalid for this type of export, as they do not "
    "contain search parameters that refer to patients."
)


def request(number: int, reference: str) -> Json:
    return {
        "resourceType": "MedicationRequest",
        "id": f"req-{number}",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/pat-0"},
        "medicationReference": {"reference": reference},
    }


def medication(name: str) -> Json:
    return {"resourceType": "Medication", "id": name}


def script(requests: list[Json], **answers: Any) -> Script:
    """An export of these requests; the server can be searched for nothing."""
    body = b"".join(json.dumps(each).encode() + b"\n" for each in requests)
    file = "MedicationRequest.ndjson"
    usual = {
        **METADATA,
        "GET /fhir/Group/thyroid": always(group(0)),
        EXPORT: accepted(),
        "GET /fhir/status/1": listing(listed(file)),
        f"GET /fhir/files/{file}": always(body, 200, {"Content-Type": NDJSON}),
        LEAVE: always(None, 202),
    }
    return Script(usual | answers)


def test_what_rows_refer_to_is_fetched_by_id_once(tmp_path):
    requests = [request(0, "Medication/a"), request(1, "Medication/a"), request(2, "Medication/b")]
    given = {f"GET /fhir/Medication/{name}": always(medication(name)) for name in ("a", "b")}
    with served(tmp_path, script(requests, **given)) as site:
        result = site.pull(**ASKED)
        assert result.exit_code == 0
        assert site.rows(result, "Medication") == ["a", "b"]
        assert site.asked()["GET /fhir/Medication/a"] == 1
        # The server may forget its export only when all is here.
        assert site.when("GET /fhir/Medication/b") < site.when(LEAVE)


def test_only_what_is_missing_and_on_this_server(tmp_path):
    def requests(server: Any) -> bytes:
        own = f"{server.base}/Medication/a"
        stated = ["Medication/here", own, f"{server.other}/Medication/x", "#contained"]
        lines = [request(at, each) for at, each in enumerate(stated)]
        return b"".join(json.dumps(each).encode() + b"\n" for each in lines)

    here = json.dumps(medication("here")).encode() + b"\n"
    files = ("MedicationRequest.ndjson", "Medication.ndjson")
    answers = {
        "GET /fhir/status/1": listing(listed(*files)),
        "GET /fhir/files/MedicationRequest.ndjson": lambda r, s: reply(requests(s)),
        "GET /fhir/files/Medication.ndjson": always(here),
        "GET /fhir/Medication/a": always(medication("a")),
    }
    with served(tmp_path, script([], **answers)) as site:
        result = site.pull(**ASKED)
        assert site.rows(result, "Medication") == ["a", "here"]


def test_a_search_gives_many_at_once(tmp_path):
    page = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": medication(name), "search": {"mode": "match"}} for name in "ab"],
    }
    answers = {
        "GET /fhir/metadata": always(capability(("Patient", "Medication"))),
        "GET /fhir/Medication": always(page),
    }
    requests = [request(0, "Medication/a"), request(1, "Medication/b")]
    with served(tmp_path, script(requests, **answers)) as site:
        assert site.rows(site.pull(**ASKED), "Medication") == ["a", "b"]
        assert site.first("/fhir/Medication").query["_id"] == ["a,b"]


def test_what_cannot_be_had_fails_its_type(tmp_path):
    gone = {"GET /fhir/Medication/a": outcome_404()}
    with served(tmp_path, script([request(0, "Medication/a")], **gone)) as site:
        result = site.pull(**ASKED)
        assert result.exit_code == 0
        assert "Medication: 1 references lead nowhere" in site.notes(result)
    broken = {"GET /fhir/Medication/a": always(operation_outcome("exception", "no"), 500)}
    with served(tmp_path / "broken", script([request(0, "Medication/a")], **broken)) as site:
        result = site.pull(**ASKED)
        assert result.exit_code == 5
        assert result.outcome.types["Medication"].failed
        assert site.rows(result, "MedicationRequest") == ["req-0"]
        assert site.watermark("MedicationRequest")
        assert site.watermark("Medication") is None


def outcome_404() -> Any:
    return lambda r, s: outcome("not-found", "no such thing", 404)


def test_a_rerun_knows_what_earlier_files_referred_to(tmp_path):
    # The first process ends after the first file, while the second is not to be had.
    files = ("MedicationRequest.ndjson", "MedicationRequest.2.ndjson")
    second = json.dumps(request(2, "Medication/b")).encode() + b"\n"
    dead = [lambda r, s: dropped()] * 8
    answers = {
        "GET /fhir/status/1": listing(listed(*files)),
        "GET /fhir/files/MedicationRequest.2.ndjson": [*dead, always(second)],
        **{f"GET /fhir/Medication/{name}": always(medication(name)) for name in "ab"},
    }
    with served(tmp_path, script([request(0, "Medication/a")], **answers)) as site:
        rounds = 0
        while not (result := site.pull(**ASKED)).outcome.finished:
            assert (rounds := rounds + 1) < 5
        assert rounds >= 1
        assert site.rows(result, "MedicationRequest") == ["req-0", "req-2"]
        assert site.rows(result, "Medication") == ["a", "b"]
        assert site.asked()["GET /fhir/files/MedicationRequest.ndjson"] == 1


def test_a_server_that_refuses_the_type_is_asked_without_it(tmp_path):
    refusing = [lambda r, s: outcome("processing", HAPI_8, 400), accepted()]
    answers = {EXPORT: refusing, "GET /fhir/Medication/a": always(medication("a"))}
    with served(tmp_path, script([request(0, "Medication/a")], **answers)) as site:
        result = site.pull(**ASKED)
        assert site.rows(result, "Medication") == ["a"]
        assert "exports no Medication by patients" in site.notes(result)
        asked = [each.query["_type"] for each in site.server.seen if each.path.endswith("$export")]
        assert asked == [["MedicationRequest,Medication"], ["MedicationRequest"]]


@pytest.mark.parametrize(
    "said",
    [
        "Resource types [MedicationRequest] are invalid",
        "cannot: _type=MedicationRequest,Medication",
    ],
)
def test_a_type_of_patients_is_not_left_out(tmp_path, said: str):
    refusing = {EXPORT: lambda r, s: outcome("processing", said, 400)}
    with served(tmp_path, script([], **refusing)) as site, pytest.raises(Unreachable):
        site.pull(**ASKED)


def test_an_export_of_the_system_holds_them_itself(tmp_path):
    answers = {
        "GET /fhir/$export": accepted(),
        "GET /fhir/status/1": [waiting(), listing(listed())],
    }
    with served(tmp_path, script([], **answers)) as site:
        site.pull(types=["MedicationRequest", "Medication"])
        assert "GET /fhir/Medication" not in site.asked()
