"""What every shape has in common: dates, statuses, references, contained and unknown content."""

from __future__ import annotations

from typing import Any

import pytest

from adapter.errors import InvalidResource
from adapter.mapping import bundles
from adapter.mapping.stamp import content_hash, patient_key
from tests.lib.mapping import concept, mapped, observation, quantity, rows

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
ATC = "http://www.whocc.no/atc"


def _tg(**content: Any) -> dict[str, Any]:
    return observation("3013-0", valueQuantity=quantity(3, "ng/mL"), **content)


def _undated(**content: Any) -> dict[str, Any]:
    resource = _tg(**content)
    del resource["effectiveDateTime"]
    return resource


def _days(resource: dict[str, Any], zone: str) -> str:
    """`earliest..latest precision flags` of the resource's first row."""
    row = mapped(resource, zone).rows[0]
    c, flags = row.columns, " ".join(row.flags)
    if "date_earliest" not in c:
        return f"undated {flags}".strip()
    return f"{c['date_earliest']}..{c['date_latest']} {c['date_precision']} {flags}".strip()


@pytest.mark.parametrize(
    ("sent", "zone", "days"),
    [
        # A partial date is all the days it may mean, never its first.
        ("2021", "UTC", "2021-01-01..2021-12-31 year"),
        ("2024-02", "UTC", "2024-02-01..2024-02-29 month"),
        ("2021-05-03", "Asia/Tokyo", "2021-05-03..2021-05-03 day"),
        # An instant is the day that it was at the site.
        ("2020-05-11T03:27:00.000Z", "America/Chicago", "2020-05-10..2020-05-10 instant offset"),
        ("2020-05-11T03:27:00.000Z", "Europe/Berlin", "2020-05-11..2020-05-11 instant offset"),
        ("2020-05-11T23:30:00-05:00", "UTC", "2020-05-12..2020-05-12 instant offset"),
        # Without an offset it is local time.
        ("2020-05-11T23:30:00", "Asia/Tokyo", "2020-05-11..2020-05-11 instant"),
    ],
)
def test_dates(sent: str, zone: str, days: str) -> None:
    assert _days(_tg(effectiveDateTime=sent), zone) == days


@pytest.mark.parametrize(
    ("content", "days"),
    [
        (
            {"effectivePeriod": {"start": "2021-05-03", "end": "2021-05-04"}},
            "2021-05-03..2021-05-03 day",
        ),
        ({"effectiveInstant": "2021-05-03T08:00:00Z"}, "2021-05-03..2021-05-03 instant offset"),
        (
            {"issued": "2021-05-03T08:00:00Z"},
            "2021-05-03..2021-05-03 instant date_from_issued offset",
        ),
        ({}, "undated"),
    ],
)
def test_where_the_date_comes_from(content: dict[str, Any], days: str) -> None:
    assert _days(_undated(**content), "UTC") == days


def _links(resource: dict[str, Any]) -> list[str]:
    found = [row for row in rows(resource) if row["table"] == "link"]
    return [f"{row['role']} -> {row['target_type']}/{row['target_id']}" for row in found]


@pytest.mark.parametrize(
    "reference",
    [
        "Specimen/s1",
        "https://fhir.example/r4/Specimen/s1",
        "Specimen/s1/_history/3",
    ],
)
def test_a_result_without_a_date_asks_its_specimen(reference: str) -> None:
    specimen = {"specimen": {"reference": reference}}
    assert _links(_undated(**specimen)) == ["specimen -> Specimen/s1"]
    assert _links(_tg(**specimen)) == []


def test_what_specimens_reports_and_procedures_say_of_time() -> None:
    subject = {"subject": {"reference": "Patient/p"}}
    specimen = {
        "resourceType": "Specimen",
        "id": "s1",
        **subject,
        "collection": {"collectedDateTime": "2021-05-03"},
    }
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r1",
        "status": "final",
        **subject,
        "code": concept("51969-4"),
        "effectiveDateTime": "2021-05-04",
        "result": [{"reference": "Observation/a"}, {"reference": "Observation/b"}],
    }
    therapy = {
        "resourceType": "Procedure",
        "id": "t1",
        "status": "completed",
        **subject,
        "performedPeriod": {"start": "2024-04-15", "end": "2024-08-30"},
    }
    statement = {
        "resourceType": "MedicationStatement",
        "id": "m1",
        "status": "completed",
        **subject,
        "medicationCodeableConcept": concept("L01EE01", ATC),
        "effectivePeriod": {"start": "2024-04-15", "end": "2024-04-15"},
        "partOf": [{"reference": "Procedure/t1"}],
    }
    spans = [
        (row["resource"], str(row["start_earliest"]), str(row.get("end_latest", "-")))
        for resource in (specimen, report, therapy)
        for row in [{**row, "resource": resource["id"]} for row in rows(resource)]
        if row["table"] == "occurrence"
    ]
    assert spans == [
        ("s1", "2021-05-03", "-"),
        ("r1", "2021-05-04", "-"),
        ("t1", "2024-04-15", "2024-08-30"),
    ]
    assert _links(report) == ["report -> Observation/a", "report -> Observation/b"]
    assert _links(statement) == ["part_of -> Procedure/t1"]


BY_RANK = [
    {"status": "registered"},
    {"status": "preliminary"},
    {"status": "final", "issued": "2021-05-03T08:00:00Z", "meta": {"versionId": "9"}},
    {"status": "final", "issued": "2021-05-04T08:00:00Z", "meta": {"versionId": "1"}},
    {"status": "amended"},
    {"status": "corrected"},
    {"status": "entered-in-error "},
]


def test_without_last_updated_the_status_ranks_then_issued_then_the_version() -> None:
    ranks = [mapped(_tg(**content)).stamp.rank for content in BY_RANK]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(BY_RANK)


def test_a_masked_retraction_retracts() -> None:
    masked = observation(
        "3013-0",
        status="entered-in-error ",
        dataAbsentReason=concept("masked", "http://terminology.hl7.org/data-absent-reason"),
    )
    found = mapped(masked)
    assert (found.rows, found.stamp.retracted) == ((), True)


def test_copies_that_differ_in_narrative_only_are_one_content() -> None:
    one = _tg(meta={"versionId": "1"}, text={"status": "generated", "div": "<div>1</div>"})
    other = _tg(meta={"versionId": "2"})
    assert content_hash(one) == content_hash(other)


KEY = patient_key("a", "p")


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "Patient/p"},
        {"reference": "https://fhir.example/r4/Patient/p"},
        {"reference": "Patient/p/_history/2"},
        {"reference": "Patient/p", "display": "Müller, Zoë"},
    ],
)
def test_references_that_name_the_patient(reference: dict[str, Any]) -> None:
    assert mapped(_tg(subject=reference)).stamp.patient_key == KEY


@pytest.mark.parametrize(
    "reference",
    [
        {"display": "Müller, Zoë"},
        {"identifier": {"system": "urn:mrn", "value": "7"}},
        {"reference": "#p"},
        {"reference": "Pa"},
        {"reference": "Group/g"},
        {},
    ],
)
def test_a_fact_of_no_known_patient_is_refused(reference: dict[str, Any]) -> None:
    with pytest.raises(InvalidResource, match="a fact of no patient"):
        mapped(_tg(subject=reference))


def _bundle(reference: dict[str, Any], **patient_entry: Any) -> list[dict[str, Any]]:
    patient = {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:mrn", "value": "7"}],
        **patient_entry.pop("resource", {}),
    }
    bundle = {
        "resourceType": "Bundle",
        "entry": [{"resource": patient, **patient_entry}, {"resource": _tg(subject=reference)}],
    }
    return [resource for _, resource in bundles.resources(bundle)]


UUID = "5b0a3c1e-0000-4000-8000-000000000001"
URN = {"fullUrl": f"urn:uuid:{UUID}"}


@pytest.mark.parametrize(
    ("reference", "entry", "patient"),
    [
        ({"reference": f"urn:uuid:{UUID}"}, {**URN, "resource": {"id": "p"}}, "p"),
        # A transaction names what has no id yet.
        ({"reference": f"urn:uuid:{UUID}"}, URN, UUID),
        ({"reference": "Patient/p"}, {"request": {"method": "PUT", "url": "Patient/p"}}, "p"),
        # A fullUrl that is not the id.
        (
            {"reference": "https://a.example/Patient/other"},
            {"fullUrl": "https://a.example/Patient/other", "resource": {"id": "p"}},
            "p",
        ),
        ({"identifier": {"system": "urn:mrn", "value": "7"}}, {"resource": {"id": "p"}}, "p"),
        ({"reference": "Patient?identifier=urn:mrn|7"}, {"resource": {"id": "p"}}, "p"),
    ],
)
def test_references_within_a_bundle(
    reference: dict[str, Any], entry: dict[str, Any], patient: str
) -> None:
    person, result = _bundle(reference, **entry)
    assert person["id"] == patient
    assert mapped(result).stamp.patient_key == patient_key("a", patient)


def test_a_stranger_within_a_bundle_stays_one() -> None:
    _, result = _bundle({"identifier": {"system": "urn:mrn", "value": "8"}}, resource={"id": "p"})
    with pytest.raises(InvalidResource, match="a fact of no patient"):
        mapped(result)


IODINE = {
    "resourceType": "Procedure",
    "id": "rai",
    "status": "completed",
    "subject": {"reference": "Patient/p"},
    "code": concept("228698009", SNOMED),
    "performedDateTime": "2021-05-03",
}


@pytest.mark.parametrize(
    "more",
    [
        {"category": concept("399315003", SNOMED)},
        {"category": [concept("399315003", SNOMED)]},  # R5, and not R4
        {"focus": [{"reference": "Pa"}], "recorded": "2021", "reported": {"x": [1, None]}},
        {"usedCode": [{"text": "Kapsel für Schilddrüse 🧪"}]},
        {"code": {**concept("228698009", SNOMED), "text": "Terapia com ¹³¹I"}},
        {"bodySite": [{"text": "tireoide"}], "note": [{"text": "Präparat gut vertragen."}]},
    ],
)  # fmt: skip
def test_what_is_not_asked_for_changes_nothing(more: dict[str, Any]) -> None:
    assert rows({**IODINE, **more}) == rows(IODINE)


def test_a_display_without_a_code_and_a_code_without_a_display() -> None:
    named = {"coding": [{"display": "Natriumiodid (131I) Kapsel"}]}
    coded = {"coding": [{"system": ATC, "code": "V10XA01"}]}
    dose = {"dosage": {"dose": quantity(5550, "MBq")}, "effectiveDateTime": "2021-05-03"}
    for drug in (named, coded):
        resource = {
            "resourceType": "MedicationAdministration",
            "id": "m",
            "status": "completed",
            "subject": {"reference": "Patient/p"},
            "medicationCodeableConcept": drug,
            **dose,
        }
        (row,) = rows(resource)
        assert (row["table"], row["isotope"]) == ("rai_administration", "I-131")
