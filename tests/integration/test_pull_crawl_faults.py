"""Crawls in which one step fails: what it costs, and what goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import Unreachable
from adapter.pull.crawl import search
from adapter.pull.plan import Wish, mapped_types
from tests.integration.test_pull_crawl import (
    EARLY,
    EVENING,
    NOON,
    asked,
    condition,
    event,
    of,
    tg,
    tombstones,
)
from tests.lib.fault.content import bundle, capability, patient
from tests.lib.fault.hospital import PARAMS, Hospital
from tests.lib.fault.replies import login_page, outcome, reply
from tests.lib.fault.search_scenarios import Paged, observations
from tests.lib.fault.server import fault_server
from tests.lib.pulls import crawled, quarantined


@pytest.fixture
def hospital() -> Hospital:
    """Two patients of interest, each with a thyroglobulin."""
    made = Hospital(date=NOON)
    for i in (1, 2):
        made.add(patient(i), condition(i), tg(f"tg-{i}", i), of("Encounter", f"enc-{i}", i))
    return made


def once(made: Callable[[], Any]) -> Callable[[], Any]:
    """The reply for the first request only."""
    left = [made]
    return lambda: left.pop()() if left else None


def with_operation(hospital: Hospital, **more: Any) -> dict:
    """Its metadata, with Patient/$everything."""
    metadata = capability(sorted(hospital.types()), params=PARAMS, **more)
    for each in metadata["rest"][0]["resource"]:
        each["operation"] = [{"name": "everything"}]
    return metadata


@pytest.mark.parametrize(
    ("metadata", "warning"),
    [
        (lambda: outcome("login", "no", 401), "metadata is refused: HTTP 401"),
        (lambda: reply("nothing here", 404), "no metadata: HTTP 404"),
        (lambda: reply("no json"), "metadata is no JSON"),
        (lambda: reply({"resourceType": "Bundle"}), "metadata is no CapabilityStatement"),
    ],
)
def test_metadata_that_says_nothing(
    hospital: Hospital, tmp_path: Path, metadata: Callable, warning: str
):
    """Everything is tried, with a warning."""
    hospital.refuses["metadata"] = metadata
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, ("Patient", "Condition", "Observation"))
    assert warning in found.notes
    assert found.ids() == ["tg-1", "tg-2"]


def test_an_address_that_is_no_fhir_base(hospital: Hospital, tmp_path: Path):
    """404 to everything is no server without patients."""
    for name in ("metadata", *mapped_types()):
        hospital.refuses[name] = lambda: reply("nothing here", 404)
    with fault_server(hospital) as server, pytest.raises(Unreachable, match="no FHIR server"):
        crawled(server, tmp_path, ())
    assert not list(tmp_path.glob("A/*/manifest.json"))


def test_metadata_behind_a_login_page(hospital: Hospital, tmp_path: Path):
    hospital.refuses["metadata"] = login_page
    with fault_server(hospital) as server, pytest.raises(Unreachable, match="HTML"):
        crawled(server, tmp_path)


def test_a_type_without_search_by_id_is_read(hospital: Hospital, tmp_path: Path):
    """One by one; what is no resource is kept aside, what is not there is counted."""
    hospital.metadata = capability(
        ("Patient", "Condition", "MedicationRequest", "Medication"), params=("patient", "code")
    )
    names = ("a", "b", "gone")
    hospital.add(
        {"resourceType": "Medication", "id": "a", "meta": EARLY},
        *(
            of("MedicationRequest", f"r-{name}", 1, medicationReference={"reference": reference})
            for name in names
            if (reference := f"Medication/{name}")
        ),
    )
    hospital.refuses["Medication/b"] = lambda: reply({"resourceType": "Medication"})
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, ())
    assert found.ids("Medication") == ["a"]
    assert found.ids("Patient") == ["pat-1", "pat-2"]
    assert quarantined(found.path) == {"no id": 1}
    assert "Medication: 2 references lead nowhere" in found.notes
    assert not found.failed


def test_a_server_that_ignores_by_whom_it_is_asked(hospital: Hospital, tmp_path: Path):
    """Neither other patients nor what is theirs is kept, whatever comes."""

    class Careless(Hospital):
        async def answer(self, request, server):
            names = {"_id", "patient"} & set(request.query)
            return await super().answer(
                request.clone(rel_url=request.rel_url.without_query_params(*names)), server
            )

    careless = Careless(hospital.resources, date=NOON)
    careless.add(patient(3), tg("tg-3", 3), of("Encounter", "enc-3", 3))
    with fault_server(careless) as server:
        found = crawled(server, tmp_path, ())
    assert found.ids("Patient") == ["pat-1", "pat-2"]
    assert found.ids() == ["tg-1", "tg-2"]
    assert found.ids("Encounter") == ["enc-1", "enc-2"]
    assert "Patient: rows came that were not asked for" in found.notes


def test_everything_of_somebody_else(hospital: Hospital, tmp_path: Path):
    """What a server adds of other patients is left out."""
    hospital.metadata = with_operation(hospital)
    rows = [patient(1), tg("tg-1", 1), tg("tg-8", 8)]
    hospital.refuses["Patient/pat-1/$everything"] = lambda: reply(bundle(rows))
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, (), Wish(everything=True))
    assert found.ids() == ["tg-1", "tg-2"]


def test_a_row_that_two_searches_find_comes_once(hospital: Hospital, tmp_path: Path):
    """Of alternatives in type_filter; and the server, which counts it for both, sent no less."""
    filters = ("Observation?code=http://loinc.org|3013-0", "Observation?_id=tg-1")
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, (), type_filter=filters)
    assert found.ids() == ["tg-1", "tg-2"]
    assert not [note for note in found.notes if "the server counts" in note]


def test_what_is_referred_to_and_may_not_be_read(hospital: Hospital, tmp_path: Path):
    """Its type fails; that of the reference does not."""
    medication = {"reference": "Medication/m"}
    hospital.add(of("MedicationRequest", "r", 1, medicationReference=medication))
    hospital.add({"resourceType": "Medication", "id": "m", "meta": EARLY})
    hospital.refuses["Medication"] = lambda: outcome("forbidden", "no scope", 403)
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, ())
    assert list(found.failed) == ["Medication"]
    assert "403" in found.failed["Medication"]
    assert found.ids("MedicationRequest") == ["r"]


def test_references_in_a_circle_end(hospital: Hospital, tmp_path: Path):
    hospital.add(tg("a", 1, hasMember=[{"reference": "Observation/b"}]))
    hospital.add(tg("b", 1, hasMember=[{"reference": "Observation/a"}]))
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, ())
    assert found.ids() == ["a", "b", "tg-1", "tg-2"]


def test_an_expired_page_of_the_search_for_people(hospital: Hospital, tmp_path: Path):
    hospital.most = 1
    hospital.refuses["page"] = once(lambda: reply("gone", 410))
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, ())
    assert found.ids("Patient") == ["pat-1", "pat-2"]
    assert any(note.startswith("Condition: the search begins anew") for note in found.notes)


def test_an_expired_page_of_everything(hospital: Hospital, tmp_path: Path):
    """All types of the patients begin anew, each row once."""
    hospital.metadata = with_operation(hospital)
    hospital.most = 2
    hospital.refuses["page"] = once(lambda: reply("gone", 410))
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, (), Wish(everything=True), limits={"concurrency": 1})
    assert found.ids() == ["tg-1", "tg-2"]
    assert found.ids("Encounter") == ["enc-1", "enc-2"]
    assert any(note.startswith("Patient: the search begins anew") for note in found.notes)


@pytest.mark.parametrize("made", [lambda: reply("gone", 410), lambda: outcome("x", "no", 403)])
def test_everything_that_fails_fails_all_types(hospital: Hospital, tmp_path: Path, made: Callable):
    hospital.metadata = with_operation(hospital)
    for i in (1, 2):
        hospital.refuses[f"Patient/pat-{i}/$everything"] = made
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, (), Wish(everything=True))
    assert set(found.failed) == set(found.outcome.types)
    assert not found.rows


def test_a_history_that_fails(hospital: Hospital, tmp_path: Path):
    """Deletions are unknown: the watermark stays."""
    hospital.metadata = capability(sorted(hospital.types()), params=PARAMS, history=True)
    with fault_server(hospital) as server:
        crawled(server, tmp_path)
        hospital.date = EVENING
        hospital.refuses["Observation/_history"] = lambda: outcome("forbidden", "no", 403)
        found = crawled(server, tmp_path)
    assert "403" in found.failed["Observation"]
    assert found.outcome.types["Observation"].watermark is None


def test_a_history_of_creates(hospital: Hospital, tmp_path: Path):
    """A create names its type alone; entries of other shapes say nothing."""
    hospital.metadata = capability(sorted(hospital.types()), params=PARAMS, history=True)
    created = event("POST", "Observation") | {"resource": tg("back", 1)}
    with fault_server(hospital) as server:
        crawled(server, tmp_path)
        hospital.date = EVENING
        hospital.history = [
            created,
            event("DELETE", "Observation/back"),
            event("DELETE", "http://x/fhir/Observation/gone/_history/2"),
            event("DELETE", "Patient/other"),
            event("POST", "Observation") | {"resource": {"resourceType": "Observation"}},
            {"resource": tg("silent", 1)},
        ]
        found = crawled(server, tmp_path)
    assert tombstones(found) == ["Observation/gone"]


def test_ids_that_cannot_be_listed(hospital: Hospital, tmp_path: Path):
    """The type fails, and nothing counts as deleted."""

    class Unlisted(Hospital):
        async def answer(self, request, server):
            if "_elements" in request.query:
                return outcome("not-supported", "_elements", 403)
            return await super().answer(request, server)

    unlisted = Unlisted(hospital.resources, date=NOON)
    with fault_server(unlisted) as server:
        crawled(server, tmp_path)
        del unlisted.resources["Observation/tg-1"]
        unlisted.date = EVENING
        found = crawled(server, tmp_path)
    assert "403" in found.failed["Observation"]
    assert tombstones(found) == []


@pytest.mark.parametrize("fault", ["short", "broken"])
def test_ids_of_which_not_all_are_known(hospital: Hospital, tmp_path: Path, fault: str):
    """A list that is short, or holds what cannot be read, makes nothing deleted."""

    class Short(Hospital):
        async def answer(self, request, server):
            if "_elements" not in request.query:
                return await super().answer(request, server)
            rows = [{"resourceType": "Observation"}] if fault == "broken" else []
            total = 7 if fault == "short" else 1
            return reply(bundle(rows, self_url=str(request.url), total=total))

    short = Short(hospital.resources, date=NOON)
    with fault_server(short) as server:
        crawled(server, tmp_path)
        short.date = EVENING
        found = crawled(server, tmp_path)
    assert tombstones(found) == []
    assert not found.failed


def test_rows_that_name_no_patient_tell_nobody(hospital: Hospital, tmp_path: Path):
    nobodys = condition(9) | {"subject": {"display": "somebody"}, "id": "nobodys"}
    hospital.add(nobodys)
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, ())
    assert "Condition: 1 rows name no patient" in found.notes
    assert found.ids("Condition") == ["cond-1", "cond-2"]


def test_a_group_of_other_things(hospital: Hospital, tmp_path: Path):
    """Devices, logical references, and a member without anything."""
    members = [
        {"entity": {"reference": "Device/1"}},
        {"entity": {"identifier": {"value": "x"}}},
        "odd",
        {"entity": {"reference": "Patient/pat-2"}},
    ]
    hospital.add({"resourceType": "Group", "id": "g", "member": members})
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path, (), group="g")
    assert found.ids("Patient") == ["pat-2"]


def test_a_server_that_refuses_every_search(hospital: Hospital, tmp_path: Path):
    """Unauthorised, not partial: exit 4."""
    for name in ("Condition", "Observation", "Procedure"):
        hospital.refuses[name] = lambda: outcome("forbidden", "no scope", 403)
    with fault_server(hospital) as server, pytest.raises(Unreachable, match="403"):
        crawled(server, tmp_path, ())
    assert not [path for path in asked(server) if path.startswith("Encounter")]


def test_pages_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A cap ends what has no end (S3)."""
    monkeypatch.setattr(search, "MAX_PAGES", 3)
    with fault_server(Paged(observations(10, 1))) as server:
        found = crawled(server, tmp_path)
    assert found.failed["Observation"].startswith("more than 3 pages")
    assert found.ids() == []
