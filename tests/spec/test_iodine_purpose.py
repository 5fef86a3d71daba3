"""Iodine: diagnostic or therapeutic, given or planned, one administration or several."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from analytics.course import DateSpan, FactRef, RaiAdministration
from analytics.exposure import rai_doses
from analytics.study import Study
from tests.lib.iodine import ATC, CPT, MCODE, PATIENT, SNOMED, administration, given, procedure
from tests.lib.mapping import concept

INTENT = {
    "url": MCODE + "procedure-intent",
    "valueCodeableConcept": concept("261004008", SNOMED),
}


@pytest.mark.parametrize(
    ("resource", "purpose"),
    [
        (procedure(concept("228698009", SNOMED)), "therapeutic"),
        (procedure(concept("228698009", SNOMED), extension=[INTENT]), "diagnostic"),
        (procedure(concept("78018", CPT)), "diagnostic"),
        # Also the code of a treatment of hyperthyroidism: the activity or the reason decides.
        (procedure(concept("431200001", SNOMED)), "unknown"),
        (
            procedure(
                concept("431200001", SNOMED), reasonCode=[concept("255029007", SNOMED)]
            ),
            "therapeutic",
        ),
    ],
)  # fmt: skip
def test_diagnostic_or_therapeutic(resource: dict[str, Any], purpose: str) -> None:
    (row,) = given(resource)
    assert row.split(" | ")[1] == purpose


@pytest.mark.parametrize(
    "resource",
    [
        {
            "resourceType": "ServiceRequest",
            "id": "s",
            "status": "active",
            "intent": "order",
            "subject": PATIENT,
            "code": concept("228698009", SNOMED),
        },
        procedure(concept("228698009", SNOMED), status="preparation"),
        procedure(concept("228698009", SNOMED), status="not-done"),
        administration(status="not-done", medicationCodeableConcept=concept("V10XA01", ATC)),
        procedure(concept("228698009", SNOMED), usedCode=[concept("68630002", SNOMED)]),
    ],
)
def test_planned_or_of_another_nuclide(resource: dict[str, Any]) -> None:
    assert given(resource) == []


@pytest.mark.parametrize("status", ["in-progress", "unknown"])
def test_begun_or_unknown_is_flagged(status: str) -> None:
    (row,) = given(procedure(concept("228698009", SNOMED), status=status))
    assert row.endswith("| status_unsure")


def _record(text: str, number: int) -> RaiAdministration:
    """`evidence | purpose | mCi | day in May 2021 | flags` as a fact."""
    evidence, purpose, mci, day, flags = (cell.strip() for cell in text.split("|"))
    return RaiAdministration(
        ref=FactRef("Resource", str(number)),
        evidence=evidence,
        purpose=purpose,
        isotope="I-131",
        activity_mbq=None if mci == "-" else Decimal(mci) * 37,
        date=DateSpan.of(date(2021, 5, int(day))),
        flags=() if flags == "-" else tuple(flags.split()),
    )


@pytest.mark.parametrize(
    ("records", "doses"),
    [
        # One administration, stated four times: the best source's activity.
        (
            [
                "charge       | therapeutic | 157   | 3 | -",
                "text         | unknown     | 157   | 5 | from_text",
                "procedure    | therapeutic | 157   | 3 | -",
                "administered | therapeutic | 157.3 | 4 | -",
            ],
            ["3 | therapeutic | 157.3 | 4 records | -"],
        ),
        # Sources that differ by more than 5 % are flagged.
        (
            [
                "charge    | therapeutic | 100 | 3 | -",
                "procedure | therapeutic | 150 | 3 | -",
            ],
            ["3 | therapeutic | 150 | 2 records | activity_disagreement"],
        ),
        # A capsule billed as one unit does not outweigh a note.
        (
            [
                "charge | therapeutic | 1   | 3 | activity_implausible",
                "text   | therapeutic | 150 | 3 | from_text",
            ],
            ["3 | therapeutic | 150 | 2 records | activity_disagreement"],
        ),
        # The tracer and the therapy of one week are two.
        (
            [
                "administered | diagnostic  | 4   | 1 | -",
                "administered | therapeutic | 150 | 3 | -",
            ],
            ["1 | diagnostic | 4 | 1 records | -", "3 | therapeutic | 150 | 1 records | -"],
        ),
        # Without a purpose the activity says: up to 10 mCi, from 30 mCi, or nothing.
        (["observation | unknown | 4   | 1 | -"], ["1 | diagnostic | 4 | 1 records | -"]),
        (["observation | unknown | 150 | 1 | -"], ["1 | therapeutic | 150 | 1 records | -"]),
        (["observation | unknown | 20  | 1 | -"], ["1 | unknown | 20 | 1 records | -"]),
        (
            ["procedure | unknown | - | 1 | -"],
            ["1 | unknown | - | 1 records | activity_missing"],
        ),
        # A later report tells of the same therapy again; another activity is another.
        (
            [
                "administered | therapeutic | 150 | 3  | -",
                "text         | unknown     | 150 | 20 | from_text date_of_document",
                "text         | unknown     | 80  | 25 | from_text date_of_document",
            ],
            [
                "3 | therapeutic | 150 | 2 records | -",
                "25 | therapeutic | 80 | 1 records | date_of_document",
            ],
        ),
    ],
)  # fmt: skip
def test_records_of_one_administration(records: list[str], doses: list[str], study: Study) -> None:
    found = []
    for dose in rai_doses([_record(text, n) for n, text in enumerate(records)], study):
        mci = (
            "-" if dose.activity_mbq is None else format((dose.activity_mbq / 37).normalize(), "f")
        )
        flags = " ".join(dose.flags) or "-"
        found.append(
            f"{dose.day.day} | {dose.purpose} | {mci} | {len(dose.refs)} records | {flags}"
        )
    assert found == doses
