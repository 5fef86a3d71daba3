"""Resources that look like evidence and are none; each says why no figure may move by it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from adapter.synthetic.elements import (
    CLINICIAN,
    Resource,
    at,
    concept,
    days_after,
    loinc,
    patient,
    quantity,
    reference,
    resource,
)
from adapter.synthetic.encode_iodine import therapy
from adapter.synthetic.encode_labs import THYROGLOBULIN
from adapter.synthetic.encode_treatment import DABRAFENIB
from adapter.synthetic.observations import laboratory
from adapter.synthetic.tables import Truth

PROPOSAL_PATIENTS = {12, 14, 16}
RETRACTED_TG = {2: "month3", 12: "month6"}
TISSUE_TG = {3: "baseline", 12: "month6"}
UNPERFORMED_RAI = {9: "not-done", 14: "preparation"}


def encode(truth: Truth) -> Iterator[Resource]:
    """The traps of this patient, if any."""
    if truth.number in PROPOSAL_PATIENTS:
        yield _proposal(truth)
    if truth.number in RETRACTED_TG:
        yield _retracted(truth, RETRACTED_TG[truth.number])
    if truth.number in TISSUE_TG:
        yield _tissue(truth, TISSUE_TG[truth.number])
    if truth.number in UNPERFORMED_RAI:
        yield _unperformed(truth, UNPERFORMED_RAI[truth.number])


def _proposal(truth: Truth) -> Resource:
    """A tumour board's advice is no exposure (`domain.md` 2.3, M5): these got trametinib alone."""
    day = days_after(truth.person.drug_start, -7)
    return resource(
        "MedicationRequest",
        f"{truth.patient_id}-tumour-board",
        day,
        status="active",
        intent="proposal",
        medicationCodeableConcept=concept(DABRAFENIB, text="dabrafenib 150 mg BID"),
        subject=patient(truth.patient_id),
        authoredOn=at(day),
        requester=reference("Practitioner", CLINICIAN),
        note=[{"text": "Tumour board recommendation"}],
    )


def _retracted(truth: Truth, visit: str) -> Resource:
    """A result entered for the wrong patient, later retracted."""
    return laboratory(
        f"{truth.patient_id}-tg-{visit}-retracted",
        truth.patient_id,
        _day(truth, visit),
        THYROGLOBULIN,
        status="entered-in-error",
        valueQuantity=quantity(Decimal(98765), "ng/mL"),
    )


def _tissue(truth: Truth, visit: str) -> Resource:
    """Wash-out of a needle holds thousands of ng/mL and is no serum value."""
    return laboratory(
        f"{truth.patient_id}-tg-fna-{visit}",
        truth.patient_id,
        _day(truth, visit),
        loinc("53922-1", "Thyroglobulin [Mass/volume] in Tissue fine needle aspirate"),
        valueQuantity=quantity(Decimal(14500), "ng/mL"),
    )


def _unperformed(truth: Truth, status: str) -> Resource:
    """I-131 that was booked and not given."""
    day = days_after(_day(truth, "protocol finish"), 12)
    return therapy(truth.patient_id, f"{truth.patient_id}-rai-{status}", day, status, Decimal(150))


def _day(truth: Truth, visit: str) -> date:
    return next(seen.day for seen in truth.visits if seen.name == visit)
