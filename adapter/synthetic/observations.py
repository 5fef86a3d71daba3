"""Observations by kind: laboratory, vital signs, imaging."""

from __future__ import annotations

from datetime import date
from typing import Any

from adapter.synthetic.elements import (
    LABORATORY,
    Element,
    Resource,
    at,
    hl7,
    patient,
    reference,
    resource,
)

_DISPLAY = {"laboratory": "Laboratory", "vital-signs": "Vital Signs", "imaging": "Imaging"}


def category(code: str) -> list[Element]:
    """`Observation.category` with one code of HL7's observation-category."""
    return [hl7("observation-category", code, _DISPLAY[code])]


def laboratory(
    resource_id: str, patient_id: str, day: date, code: Element, **elements: Any
) -> Resource:
    """A final laboratory result, drawn in the morning and issued in the afternoon of the day."""
    stated: Element = {
        "status": "final",
        "category": category("laboratory"),
        "code": code,
        "subject": patient(patient_id),
        "effectiveDateTime": at(day),
        "issued": at(day, "14:40:00"),
        "performer": [reference("Organization", LABORATORY)],
    }
    return resource("Observation", resource_id, day, **(stated | elements))


def vital_sign(
    resource_id: str, patient_id: str, day: date, code: Element, **elements: Any
) -> Resource:
    """A final vital sign of a visit."""
    stated: Element = {
        "status": "final",
        "category": category("vital-signs"),
        "code": code,
        "subject": patient(patient_id),
        "effectiveDateTime": at(day, "08:05:00"),
    }
    return resource("Observation", resource_id, day, **(stated | elements))


def assessment(
    resource_id: str, patient_id: str, day: date, code: Element, **elements: Any
) -> Resource:
    """A final reading of images, dated by the day alone."""
    stated: Element = {
        "status": "final",
        "category": category("imaging"),
        "code": code,
        "subject": patient(patient_id),
        "effectiveDateTime": day.isoformat(),
    }
    return resource("Observation", resource_id, day, **(stated | elements))
