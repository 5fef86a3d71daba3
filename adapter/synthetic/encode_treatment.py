"""Index drugs and thyrotropin alfa (`domain.md` 1.6, 2.3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from adapter.synthetic.elements import (
    ATC,
    RXNORM,
    TRAMETINIB_TABLET,
    Element,
    Resource,
    at,
    coding,
    concept,
    days_after,
    patient,
    period,
    quantity,
    reference,
    resource,
)
from adapter.synthetic.tables import Drug, Truth

DABRAFENIB = coding(RXNORM, "1424911", "dabrafenib")
TRAMETINIB = coding(RXNORM, "1425099", "trametinib")
SELUMETINIB = coding(RXNORM, "2289380", "selumetinib")
_RXNORM = {"dabrafenib": DABRAFENIB, "trametinib": TRAMETINIB, "selumetinib": SELUMETINIB}
_ATC = {
    "dabrafenib": coding(ATC, "L01EC02", "dabrafenib"),
    "trametinib": coding(ATC, "L01EE01", "trametinib"),
    "selumetinib": coding(ATC, "L01EE04", "selumetinib"),
}
_TIMES_A_DAY = {"BID": 2, "QD": 1}

WEEKLY_PATIENT = 11
"""Whose drugs were given out week by week, so that six records make one exposure."""
BY_REFERENCE_PATIENT = 13
"""Whose drug is a Medication of its own."""


def encode(truth: Truth) -> Iterator[Resource]:
    """Exposure to the index drugs, and thyrotropin alfa before each stimulated Tg."""
    for drug in truth.drugs:
        if truth.number == WEEKLY_PATIENT:
            yield from _weekly(truth, drug)
        else:
            yield _statement(truth, drug)
    yield from _thyrotropin(truth)


def administration(
    patient_id: str, resource_id: str, day: date, drug: Element, **elements: Any
) -> Resource:
    """A completed MedicationAdministration on the morning of the day, unless `effective` says."""
    when = {} if "effectivePeriod" in elements else {"effectiveDateTime": at(day, "10:20:00")}
    return resource(
        "MedicationAdministration",
        resource_id,
        day,
        status="completed",
        medicationCodeableConcept=drug,
        subject=patient(patient_id),
        **when,
        **elements,
    )


def _statement(truth: Truth, drug: Drug) -> Resource:
    return resource(
        "MedicationStatement",
        f"{truth.patient_id}-{drug.name}",
        drug.end,
        status="completed",
        **_medication(truth, drug),
        subject=patient(truth.patient_id),
        effectivePeriod=period(drug.start, drug.end),
        dosage=[_dosage(drug)],
    )


def _medication(truth: Truth, drug: Drug) -> Element:
    if truth.number == BY_REFERENCE_PATIENT:
        return {"medicationReference": reference("Medication", TRAMETINIB_TABLET)}
    return {"medicationCodeableConcept": concept(_coding(truth, drug), text=drug.name)}


def _coding(truth: Truth, drug: Drug) -> Element:
    return (_ATC if truth.number % 4 == 0 else _RXNORM)[drug.name]


def _dosage(drug: Drug) -> Element:
    return {
        "text": f"{drug.dose_mg} mg {drug.frequency}",
        "timing": {
            "repeat": {"frequency": _TIMES_A_DAY[drug.frequency], "period": 1, "periodUnit": "d"}
        },
        "doseAndRate": [{"doseQuantity": quantity(drug.dose_mg, "mg")}],
    }


def _weekly(truth: Truth, drug: Drug) -> Iterator[Resource]:
    first, week = drug.start, 0
    while first <= drug.end:
        week += 1
        last = min(days_after(first, 6), drug.end)
        yield administration(
            truth.patient_id,
            f"{truth.patient_id}-{drug.name}-week-{week}",
            last,
            concept(_coding(truth, drug), text=drug.name),
            effectivePeriod=period(first, last),
            dosage={
                "text": f"{drug.dose_mg} mg {drug.frequency}",
                "dose": quantity(drug.dose_mg, "mg"),
            },
        )
        first = days_after(last, 1)


def _thyrotropin(truth: Truth) -> Iterator[Resource]:
    drug = concept(
        coding(ATC, "H01AB01", "thyrotropin alfa"),
        text="thyrotropin alfa 0.9 mg",
    )
    for lab in truth.labs:
        if lab.stimulated:
            for injection, days in enumerate((-2, -1), 1):
                yield administration(
                    truth.patient_id,
                    f"{truth.patient_id}-thyrotropin-{injection}",
                    days_after(lab.day, days),
                    drug,
                    dosage={
                        "text": "0.9 mg intramuscular",
                        "dose": quantity(Decimal("0.9"), "mg"),
                    },
                )
