"""What one resource leaves to another: dates, spans and nuclides that link rows bring together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from adapter.mapping.mapped import MappedResource
from adapter.store import open_store
from analytics.course import DateSpan, PatientFacts
from tests.lib.mapping import concept, mapped, observation, quantity

SNOMED = "http://snomed.info/sct"
ATC = "http://www.whocc.no/atc"
SUBJECT = {"subject": {"reference": "Patient/p"}}
STRANGER = {"subject": {"reference": "Patient/q"}}


def _read(store_url: str, *resources: dict[str, Any]) -> PatientFacts:
    """The facts of Patient/p after the resources, which come one by one, are in the store."""
    found: Sequence[MappedResource] = [mapped(resource, "UTC") for resource in resources]
    with open_store(store_url, create=True) as store:
        for each in found:
            store.load([each] if each.says_something else [], "run", [])
        key = found[0].stamp.patient_key
        (facts,) = [patient for patient in store.patients() if patient.patient_key == key]
        return facts


def _tg(**content: Any) -> dict[str, Any]:
    resource = observation("3013-0", valueQuantity=quantity(3, "ng/mL"), **content)
    del resource["effectiveDateTime"]
    return resource


def _specimen(**content: Any) -> dict[str, Any]:
    taken = {"collection": {"collectedDateTime": "2021-05-03"}}
    return {"resourceType": "Specimen", "id": "s", **SUBJECT, **taken, **content}


def _report(day: str) -> dict[str, Any]:
    return {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        **SUBJECT,
        "code": concept("51969-4"),
        "effectiveDateTime": day,
        "result": [{"reference": "Observation/o1"}],
    }


FROM_SPECIMEN = {"specimen": {"reference": "Specimen/s"}}
ISSUED = {"issued": "2021-06-09T10:00:00"}


@pytest.mark.parametrize(
    ("resources", "day", "flags"),
    [
        ([_tg(**FROM_SPECIMEN), _specimen()], date(2021, 5, 3), ("date_from_specimen",)),
        # The day of the specimen is nearer than that on which the result was issued.
        ([_tg(**FROM_SPECIMEN, **ISSUED), _specimen()], date(2021, 5, 3), ("date_from_specimen",)),
        ([_tg(), _report("2021-05-20")], date(2021, 5, 20), ("date_from_report",)),
        (
            [_tg(**FROM_SPECIMEN), _report("2021-05-20"), _specimen()],
            date(2021, 5, 3),
            ("date_from_specimen",),
        ),
        ([_tg(**ISSUED)], date(2021, 6, 9), ("date_from_issued",)),
        ([_tg(**FROM_SPECIMEN)], None, ()),
        # Of a Specimen that was entered in error, or is another patient's, nothing is taken.
        (
            [_tg(**FROM_SPECIMEN), _specimen(), _specimen(status="entered-in-error")],
            None,
            (),
        ),
        ([_tg(**FROM_SPECIMEN), _specimen(**STRANGER)], None, ()),
    ],
)
def test_the_date_of_a_result_without_one(
    store_url: str, resources: list[dict[str, Any]], day: date | None, flags: tuple[str, ...]
) -> None:
    (lab,) = _read(store_url, *resources).labs
    assert lab.date == (DateSpan.of(day) if day else None)
    assert lab.flags == flags


def test_a_date_of_its_own_stays(store_url: str) -> None:
    dated = {**_tg(**FROM_SPECIMEN), "effectiveDateTime": "2021-05-04"}
    (lab,) = _read(store_url, dated, _specimen()).labs
    assert (lab.date, lab.flags) == (DateSpan.of(date(2021, 5, 4)), ())


def _statement(start: str, end: str | None) -> dict[str, Any]:
    return {
        "resourceType": "MedicationStatement",
        "id": "m",
        "status": "completed",
        **SUBJECT,
        "medicationCodeableConcept": concept("L01EE01", ATC),
        "effectivePeriod": {"start": start, **({"end": end} if end else {})},
        "partOf": [{"reference": "Procedure/therapy"}],
    }


THERAPY = {
    "resourceType": "Procedure",
    "id": "therapy",
    "status": "completed",
    **SUBJECT,
    "performedPeriod": {"start": "2024-04-15", "end": "2024-08-30"},
}


@pytest.mark.parametrize(
    ("start", "end", "span", "flags"),
    [
        # M3: a statement of one day within a therapy of months.
        ("2024-04-15", "2024-04-15", ("2024-04-15", "2024-08-30"), ("span_from_part_of",)),
        ("2024-04-15", None, ("2024-04-15", "2024-08-30"), ("span_from_part_of",)),
        # A span of its own, and a day outside, stay.
        ("2024-04-15", "2024-05-20", ("2024-04-15", "2024-05-20"), ()),
        ("2024-10-01", "2024-10-01", ("2024-10-01", "2024-10-01"), ()),
    ],
)
def test_m3_the_span_of_the_parent_therapy(
    store_url: str, start: str, end: str | None, span: tuple[str, str], flags: tuple[str, ...]
) -> None:
    (drug,) = _read(store_url, _statement(start, end), THERAPY).drugs
    assert drug.start
    assert drug.end
    assert (str(drug.start.earliest), str(drug.end.earliest)) == span
    assert drug.flags == flags


def test_r7_the_procedure_dates_the_activity(store_url: str) -> None:
    activity = observation(
        "activity",
        "urn:raiway:concept",
        valueQuantity=quantity(150, "mCi"),
        partOf=[{"reference": "Procedure/rai"}],
    )
    del activity["effectiveDateTime"]
    procedure = {
        "resourceType": "Procedure",
        "id": "rai",
        "status": "completed",
        **SUBJECT,
        "code": concept("228698009", SNOMED),
        "performedDateTime": "2021-05-03",
    }
    observed, performed = _read(store_url, activity, procedure).rai
    assert observed.date == performed.date == DateSpan.of(date(2021, 5, 3))
    assert observed.flags == ("date_from_part_of",)


def test_r4_the_medication_used_names_the_nuclide(store_url: str) -> None:
    procedure = {
        "resourceType": "Procedure",
        "id": "rai",
        "status": "completed",
        **SUBJECT,
        "code": concept("440252007", SNOMED),
        "performedDateTime": "2021-05-03",
        "usedReference": [{"reference": "Medication/capsule"}],
    }
    capsule = {"resourceType": "Medication", "id": "capsule", "code": concept("V10XA01", ATC)}
    (given,) = _read(store_url, procedure, capsule).rai
    assert (given.isotope, given.purpose) == ("I-131", "therapeutic")


def _linked(*ingredients: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A statement of 2 mg once a day that refers to a Medication of these ingredients."""
    stated = {
        "resourceType": "MedicationStatement",
        "id": "m",
        "status": "completed",
        **SUBJECT,
        "medicationReference": {"reference": "Medication/d"},
        "effectivePeriod": {"start": "2021-03-01", "end": "2021-04-11"},
        "dosage": [{"text": "2 mg QD"}],
    }
    contents = [{"itemCodeableConcept": concept(code, ATC)} for code in ingredients]
    return stated, {"resourceType": "Medication", "id": "d", "ingredient": contents}


TRAMETINIB, DABRAFENIB = "L01EE01", "L01EC02"


@pytest.mark.parametrize(
    ("ingredients", "doses"),
    [
        ([TRAMETINIB], {"trametinib": 2}),
        ([TRAMETINIB, DABRAFENIB], {"dabrafenib": None, "trametinib": None}),
    ],
)
def test_a_dose_is_that_of_the_one_drug_of_the_medication(
    ingredients: list[str], doses: dict[str, int | None], store_url: str
) -> None:
    facts = _read(store_url, *_linked(*ingredients))
    assert {drug.ingredient: drug.dose_mg for drug in facts.drugs} == doses


def test_doses_and_absorbed_doses_come_back_exact(store_url: str) -> None:
    stated, medication = _linked(TRAMETINIB)
    stated["dosage"] = [{"text": "0.5 mg every other day"}]
    of_lesion = observation(
        "absorbed_dose", "urn:raiway:concept", valueQuantity=quantity(2150, "cGy")
    )
    facts = _read(store_url, stated, medication, of_lesion)
    (drug,), (dosimetry,) = facts.drugs, facts.dosimetry
    assert (str(drug.dose_mg), str(drug.doses_per_day)) == ("0.5", "0.5")
    assert (str(dosimetry.absorbed_dose_gy), dosimetry.absorbed_dose_gy_per_gbq) == ("21.50", None)
