"""Whole crawls of a small hospital: who is of interest, what is asked, and what a rerun asks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import Unreachable
from adapter.pull.plan import Wish
from tests.lib.fault.content import Json, capability, patient
from tests.lib.fault.hospital import PARAMS, Hospital
from tests.lib.fault.replies import outcome, reply
from tests.lib.fault.server import FaultServer, fault_server
from tests.lib.pulls import Crawled, crawled

NOON, EVENING = "Mon, 01 Jan 2024 12:00:00 GMT", "Mon, 01 Jan 2024 18:00:00 GMT"
LATER = {"versionId": "2", "lastUpdated": "2024-01-01T15:00:00Z"}
EARLY = {"versionId": "1", "lastUpdated": "2024-01-01T03:00:00Z"}
THYROID, LUNG = ("http://snomed.info/sct", "363478007"), ("http://snomed.info/sct", "93880001")


def of(kind: str, number: str, whose: int, **more: Any) -> Json:
    """A resource of patient pat-`whose`."""
    subject = {"reference": f"Patient/pat-{whose}"}
    name = "patient" if kind in ("Claim", "ExplanationOfBenefit") else "subject"
    return {"resourceType": kind, "id": number, "meta": EARLY, name: subject} | more


def coded(system: str, code: str) -> Json:
    """A CodeableConcept."""
    return {"coding": [{"system": system, "code": code}]}


def condition(whose: int, what: tuple[str, str] = THYROID) -> Json:
    """A diagnosis."""
    return of("Condition", f"cond-{whose}", whose, code=coded(*what))


def tg(number: str, whose: int, **more: Any) -> Json:
    """A thyroglobulin."""
    return of("Observation", number, whose, code=coded("http://loinc.org", "3013-0")) | more


@pytest.fixture
def hospital() -> Hospital:
    """Patients 1 and 2 have thyroid cancer, patient 3 does not."""
    made = Hospital(date=NOON)
    made.add(*(patient(i) for i in (1, 2, 3)))
    made.add(condition(1), condition(2), condition(3, LUNG))
    made.add(*(tg(f"tg-{i}", i) for i in (1, 2, 3)))
    made.add(of("Observation", "words", 1, code={"text": "Thyreoglobulin im Serum"}))
    made.add(*(of("Encounter", f"enc-{i}", i, status="finished") for i in (1, 2, 3)))
    made.add(of("AllergyIntolerance", "nuts", 1))
    return made


def asked(server: FaultServer, since: int = 0) -> list[str]:
    """Path and query of what was asked, the server's base left out."""
    return [seen.url.removeprefix("/fhir/") for seen in server.seen[since:]]


def kinds(paths: Iterable[str]) -> set[str]:
    """The types asked for."""
    return {path.partition("?")[0].partition("/")[0] for path in paths}


def test_only_patients_of_interest_are_asked_for(hospital: Hospital, tmp_path: Path):
    """Patient 3, whose cancer is another one, appears in no request and in no file."""
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, ())
    assert found.ids("Patient") == ["pat-1", "pat-2"]
    assert found.ids("Condition") == ["cond-1", "cond-2"]
    assert found.ids("Observation") == ["tg-1", "tg-2", "words"]
    assert found.ids("Encounter") == ["enc-1", "enc-2"]
    assert not any("pat-3" in path for path in asked(server))
    assert not found.failed


def test_a_type_that_no_mapping_needs_is_never_asked_for(hospital: Hospital, tmp_path: Path):
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, ("Patient", "Condition", "AllergyIntolerance"))
    assert kinds(asked(server)) == {"metadata", "Patient", "Condition"}
    assert "AllergyIntolerance is not asked for: no mapping needs it" in found.notes


def test_what_rows_refer_to_is_fetched_by_id(hospital: Hospital, tmp_path: Path):
    """Medications, Specimens, results that the search by patient leaves out."""
    medication = {"resourceType": "Medication", "id": "med-1", "meta": EARLY}
    member = of("Observation", "member", 1)
    del member["subject"]
    hospital.add(
        medication,
        {"resourceType": "Specimen", "id": "spec-1", "meta": EARLY},
        {"resourceType": "Specimen", "id": "spec-unasked", "meta": EARLY},
        member,
        of("Observation", "panel", 1, hasMember=[{"reference": "Observation/member"}]),
        tg("tg-9", 2, specimen={"reference": "Specimen/spec-1/_history/3"}),
        *(
            of("MedicationRequest", f"req-{i}", 1, medicationReference={"reference": reference})
            for i, reference in enumerate(
                ("Medication/med-1", "Medication/gone", "#inside", "urn:uuid:1", "http://x/y/z")
            )
        ),
    )
    with fault_server(hospital) as server:
        own = {"reference": f"{server.base}/Medication/med-1"}
        hospital.add(of("MedicationRequest", "absolute", 2, medicationReference=own))
        found = crawled(server, tmp_path, ())
    assert set(found.ids("Medication")) == {"med-1"}
    assert found.ids("Specimen") == ["spec-1"]
    assert "member" in found.ids("Observation")
    assert "Medication: 1 references lead nowhere" in found.notes
    assert "MedicationRequest: references to other servers" in found.notes
    assert not found.failed


def test_a_second_run_asks_for_changes_of_whom_it_knows(hospital: Hospital, tmp_path: Path):
    """Known patients by their window, late members whole, each type from its own watermark."""
    with fault_server(hospital) as server:
        crawled(server, tmp_path, ())
        first = len(server.seen)
        hospital.date = EVENING
        hospital.add(tg("tg-1", 1, meta=LATER), condition(3, THYROID))
        found = crawled(server, tmp_path, ())
    assert found.ids("Observation") == ["tg-1", "tg-3"]
    assert found.rows["Observation"][0]["meta"] == LATER
    assert found.ids("Encounter") == ["enc-3"]
    searches = [path for path in asked(server, first) if path.startswith("Encounter?")]
    searches = [path for path in searches if "_elements=id" not in path]
    window = "_lastUpdated=ge2024-01-01T11:55:00Z&_lastUpdated=lt2024-01-01T18:00:00Z"
    assert [window in path for path in searches] == ["pat-3" not in path for path in searches]


def test_a_stated_instant_holds_for_everybody(hospital: Hospital, tmp_path: Path):
    """--since is meant as it stands. It makes nobody known: the next run pulls them whole."""
    hospital.date = EVENING
    hospital.add(tg("tg-1", 1, meta=LATER))
    with fault_server(hospital) as server:
        stated = crawled(server, tmp_path, (), Wish(since="2024-01-01T14:00:00Z"))
        found = crawled(server, tmp_path, ())
    assert stated.ids("Observation") == ["tg-1"]
    assert found.ids("Observation") == ["tg-1", "tg-2", "words"]


def test_a_failed_run_forgets_whom_it_met(hospital: Hospital, tmp_path: Path):
    """A type that fails keeps its watermark, and its patients are new to the next run."""
    hospital.refuses["Encounter"] = lambda: reply("failed", 500)
    with fault_server(hospital) as server:
        failed = crawled(server, tmp_path, ())
        del hospital.refuses["Encounter"]
        found = crawled(server, tmp_path, ())
    assert list(failed.failed) == ["Encounter"]
    assert failed.ids("Observation") == ["tg-1", "tg-2", "words"]
    assert failed.outcome.types["Observation"].watermark == "2024-01-01T12:00:00Z"
    assert failed.outcome.types["Encounter"].watermark is None
    assert found.ids("Encounter") == ["enc-1", "enc-2"]


def test_deletions_by_history(hospital: Hospital, tmp_path: Path):
    """D2: what was deleted since the watermark, and has not come back."""
    hospital.metadata = capability(sorted(hospital.types()), params=PARAMS, history=True)
    with fault_server(hospital) as server:
        crawled(server, tmp_path)
        hospital.date = EVENING
        hospital.history = [
            event("PUT", "Observation/back"),
            event("DELETE", "Observation/tg-2"),
            event("DELETE", "Observation/back"),
        ]
        found = crawled(server, tmp_path)
    assert found.outcome.types["Observation"].deleted == 1
    assert '"DELETE","url":"Observation/tg-2"' in (found.path / "deleted.00001.ndjson").read_text(
        encoding="utf-8"
    )
    assert "Observation/_history?_since=2024-01-01T11:55:00Z&_count=250" in asked(server)


def event(method: str, url: str) -> Json:
    """An entry of a history."""
    entry: Json = {"request": {"method": method, "url": url}}
    return entry | {"response": {"status": "200", "lastModified": "2024-01-01T14:00:00Z"}}


@pytest.mark.parametrize("windowed", [True, False])
def test_deletions_by_ids(hospital: Hospital, tmp_path: Path, windowed: bool):
    """D3: without a history, the ids that are no more among a patient's, whether or not only
    changes are asked for; a row that a reference alone leads to is not among them."""
    member = of("Observation", "member", 1) | {"subject": {"display": "somebody"}}
    panel = of("Observation", "panel", 1, hasMember=[{"reference": "Observation/member"}])
    hospital.add(member, panel)
    if not windowed:
        without = [name for name in PARAMS if name != "_lastUpdated"]
        hospital.metadata = capability(sorted(hospital.types()), params=without)
    with fault_server(hospital) as server:
        crawled(server, tmp_path, ())
        first = len(server.seen)
        del hospital.resources["Observation/tg-2"]
        hospital.date = EVENING
        found = crawled(server, tmp_path, ())
        again = crawled(server, tmp_path, ())
    assert tombstones(found) == ["Observation/tg-2"]
    assert tombstones(again) == []
    assert windowed is any("_elements=id" in path for path in asked(server, first))
    assert windowed is not ("panel" in found.ids("Observation"))


def test_what_is_no_more_found_for_another_reason_is_not_deleted(
    hospital: Hospital, tmp_path: Path
):
    """Another filter finds other ids; and where nearly all are gone, access was lost."""
    hospital.add(*(tg(f"tg-1{i}", 1) for i in range(30)))
    hospital.metadata = capability(sorted(hospital.types()), params=PARAMS)
    filters = ("Observation?code=http://loinc.org|3013-0",)
    with fault_server(hospital) as server:
        crawled(server, tmp_path, ())
        filtered = crawled(server, tmp_path, (), type_filter=filters)
        for name in [name for name in hospital.resources if name.startswith("Observation/")]:
            del hospital.resources[name]
        lost = crawled(server, tmp_path, (), type_filter=filters)
    assert tombstones(filtered) == tombstones(lost) == []
    assert "Observation: 32 of 32 are there no more, too many to be deletions" in lost.notes


def tombstones(found: Crawled) -> list[str]:
    """`Type/id` of what is known to be deleted."""
    file = found.path / "deleted.00001.ndjson"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [json.loads(line)["entry"][0]["request"]["url"] for line in lines]


def test_deletions_not_tracked(hospital: Hospital, tmp_path: Path):
    """D4, where the site does not want ids to be listed."""
    profile = tmp_path / "own.toml"
    profile.write_text("list_ids = false\n", encoding="utf-8")
    with fault_server(hospital) as server:
        for _ in range(2):
            found = crawled(server, tmp_path / "landing", server=str(profile))
    assert "deletions not tracked: Observation" in found.notes


def test_a_rerun_goes_on_with_the_patients_left(hospital: Hospital, tmp_path: Path):
    """At the deadline the run stays open; the next one asks for nothing that is committed."""
    calls: list[int] = []

    def busy_once() -> Any:
        calls.append(1)
        if len(calls) == 1:
            return outcome("throttled", "busy", 429, {"Retry-After": "5"})
        return None

    hospital.refuses["Encounter"] = busy_once
    limits = {"concurrency": 1, "deadline": "3s"}
    hospital.add(*(condition(i) for i in range(10, 60)), *(patient(i) for i in range(10, 60)))
    with fault_server(hospital) as server:
        opened = crawled(server, tmp_path, (), limits=limits)
        first = len(server.seen)
        found = crawled(server, tmp_path, (), limits=limits)
    assert not opened.outcome.finished
    assert len(opened.ids("Patient")) == 25
    assert found.path == opened.path
    assert len(found.ids("Patient")) == len(set(found.ids("Patient"))) == 52
    before = {path for path in asked(server)[:first] if path.startswith("Encounter?")}
    again = {path for path in asked(server, first) if path.startswith("Encounter?")}
    assert before
    assert not before & again
    assert not [path for path in asked(server, first) if path.startswith("Condition?code")]


def test_the_members_of_a_group(hospital: Hospital, tmp_path: Path):
    """No search tells who is of interest then; members who left are not."""
    hospital.add(
        {
            "resourceType": "Group",
            "id": "thyroid",
            "member": [
                {"entity": {"reference": "Patient/pat-3"}},
                {"entity": {"reference": "Patient/pat-1"}, "inactive": True},
            ],
        }
    )
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, (), group="thyroid")
    assert found.ids("Patient") == ["pat-3"]
    assert found.ids("Observation") == ["tg-3"]
    assert not [path for path in asked(server) if path.startswith("Condition?code=")][1:]


def test_a_group_that_is_not_there(hospital: Hospital, tmp_path: Path):
    with fault_server(hospital) as server, pytest.raises(Unreachable, match="group cannot be read"):
        crawled(server, tmp_path, (), group="nobody")
    assert kinds(asked(server)) == {"metadata", "Group"}


def test_everything(hospital: Hospital, tmp_path: Path):
    """Patient/$everything where it is asked for and offered, of the types that are needed."""
    metadata = capability(sorted(hospital.types()), params=PARAMS)
    for each in metadata["rest"][0]["resource"]:
        if each["type"] == "Patient":
            each["operation"] = [{"name": "everything"}]
    hospital.metadata = metadata
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, (), Wish(everything=True))
    assert found.ids("Patient") == ["pat-1", "pat-2"]
    assert found.ids("Observation") == ["tg-1", "tg-2", "words"]
    assert found.ids("Encounter") == ["enc-1", "enc-2"]
    assert "AllergyIntolerance" not in found.rows
    asked_for = [path.partition("?")[0] for path in asked(server)]
    assert asked_for[2:] == ["Patient/pat-1/$everything", "Patient/pat-2/$everything"]


def test_everything_without_the_patients_themselves(hospital: Hospital, tmp_path: Path):
    """Where the site does not want the type Patient, an id that is missing is no crash."""
    metadata = capability(sorted(hospital.types()), params=PARAMS)
    for each in metadata["rest"][0]["resource"]:
        each["operation"] = [{"name": "everything"}]
    hospital.metadata = metadata
    hospital.add({"resourceType": "Observation", "id": "", "subject": patient_1()})
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, ("Condition", "Observation"), Wish(everything=True))
    assert found.ids("Condition") == ["cond-1", "cond-2"]
    assert found.outcome.types["Observation"].refused == 1


def patient_1() -> Json:
    """A reference."""
    return {"reference": "Patient/pat-1"}


def test_everything_that_is_not_offered(hospital: Hospital, tmp_path: Path):
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, (), Wish(everything=True))
    assert "the server has no Patient/$everything: types are searched" in found.notes
    assert found.ids("Observation") == ["tg-1", "tg-2", "words"]


def test_when_not_everybody_is_known_no_watermark_moves(hospital: Hospital, tmp_path: Path):
    """Conditions cannot be searched: the next searches tell some, but no type is whole."""
    hospital.refuses["Condition"] = lambda: outcome("exception", "index is broken", 400)
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, ())
    assert found.ids("Observation") == ["tg-1", "tg-2", "tg-3", "words"]
    assert set(found.failed) == set(found.outcome.types)
    assert all(each.watermark is None for each in found.outcome.types.values())
    assert "index is broken" in found.failed["Condition"]


def test_strict_first_then_not(hospital: Hospital, tmp_path: Path):
    """A server that refuses `handling=strict` is asked without, for the rest of the run."""
    strict: list[str] = []

    class Lenient(Hospital):
        async def answer(self, request, server):
            if "strict" in request.headers.get("Prefer", "") and "Encounter" in request.path:
                strict.append(request.path)
                return outcome("not-supported", "Prefer is not supported", 400)
            return await super().answer(request, server)

    lenient = Lenient(hospital.resources)
    with fault_server(lenient) as server:
        found = crawled(server, tmp_path, (), limits={"concurrency": 1})
    assert found.ids("Encounter") == ["enc-1", "enc-2"]
    assert len(strict) == 1


def test_long_queries_go_by_post(hospital: Hospital, tmp_path: Path):
    """Lists of codes that make a URL too long stand in the body, unless POST is refused."""
    profile = tmp_path / "own.toml"
    profile.write_text("code_list = 6000\n", encoding="utf-8")
    for refused in (False, True):
        if refused:
            hospital.refuses["Condition/_search"] = lambda: reply(None, 405)
        with fault_server(hospital) as server:
            root = tmp_path / str(refused)
            settings = {"server": str(profile), "limits": {"concurrency": 1}}
            found = crawled(server, root, ("Patient", "Condition"), **settings)
        assert found.ids("Condition") == ["cond-1", "cond-2"]
        posts = [seen for seen in server.seen if seen.method == "POST"]
        assert len(posts) == (1 if refused else 2)
        assert all(len(seen.url) < 2000 for seen in server.seen) is not refused


def test_a_type_filter_confines(hospital: Hospital, tmp_path: Path):
    with fault_server(hospital) as server:
        found = crawled(
            server, tmp_path, (), type_filter=("Observation?code=http://loinc.org|3013-0",)
        )
    assert found.ids("Observation") == ["tg-1", "tg-2"]


def test_nobody_of_interest(tmp_path: Path):
    hospital = Hospital(date=NOON)
    hospital.add(patient(3), condition(3, LUNG))
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, ())
    assert not found.rows
    assert "no patient is of interest" in found.notes
    assert not found.failed


def test_a_server_without_metadata(hospital: Hospital, tmp_path: Path):
    """All types are tried; those that it turns out not to have are no failure."""
    for name in ("Claim", "MedicationStatement"):
        hospital.refuses[name] = lambda: outcome("not-supported", "unknown", 404)
    hospital.refuses["metadata"] = lambda: reply("no", 404)
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, ())
    assert found.ids("Observation") == ["tg-1", "tg-2", "words"]
    assert not found.failed
    assert {"Claim", "MedicationStatement"}.isdisjoint(found.outcome.types)
    assert sum(path.startswith("Claim?") for path in asked(server)) <= 2


def test_a_server_that_tells_no_time(hospital: Hospital, tmp_path: Path):
    """No local clock takes its place: without a watermark the next run pulls all again."""
    hospital.date = ""
    with fault_server(hospital) as server:
        for _ in range(2):
            found = crawled(server, tmp_path)
    assert found.outcome.types["Observation"].watermark is None
    assert not any("_lastUpdated" in path for path in asked(server))
    assert "the server tells no time: the next pull will be of all again" in found.notes


def test_no_patient_stands_in_the_log(hospital: Hospital, tmp_path: Path):
    """Names, numbers and ids of patients are in the private state and in the rows alone (G7)."""
    canaries = ["Kanarienvogel", "1974-05-23", "canary-mrn-88", "pat-1", "tg-1", "pat-77"]
    hospital.add(
        tg("tg-5", 1, id=None, note=[{"text": "Kanarienvogel"}]),
        of("Encounter", "enc-5", 1, partOf={"reference": "Encounter/canary-mrn-88"}),
        of("MedicationRequest", "req", 1, medicationReference={"reference": "Medication/pat-77"}),
    )
    said = 'Patient Kanarienvogel (born 1974-05-23, "canary-mrn-88", pat-1) is locked'
    hospital.refuses["Procedure"] = lambda: outcome("lock-error", said, 400)
    hospital.refuses["Claim"] = lambda: reply(said, 403)
    hospital.add(of("Procedure", "p", 1), of("Claim", "c", 1))
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, ())
    shown = "\n".join([*found.failed.values(), *found.notes])
    shown += (found.path / "log.ndjson").read_text(encoding="utf-8")
    assert set(found.failed) == {"Procedure", "Claim"}
    assert [each for each in canaries if each in shown] == []
