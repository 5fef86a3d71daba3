"""What belongs to no patient: the hospital, its laboratory, clinic and staff, one product."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from adapter.synthetic.elements import (
    CLINIC,
    CLINICIAN,
    HOSPITAL,
    LABORATORY,
    TRAMETINIB_TABLET,
    Resource,
    concept,
    reference,
    resource,
)
from adapter.synthetic.encode_treatment import TRAMETINIB

OPENED = date(2014, 1, 6)
IDENTIFIER_SYSTEM = "urn:raiway:synthetic"


def encode() -> Iterator[Resource]:
    """Resources that the patients' resources point to."""
    yield _named("Organization", HOSPITAL, "Synthetic Hospital")
    yield _named("Organization", LABORATORY, "Synthetic Hospital, laboratory") | {
        "partOf": reference("Organization", HOSPITAL)
    }
    yield resource(
        "Location",
        CLINIC,
        OPENED,
        status="active",
        name="Synthetic thyroid clinic",
        managingOrganization=reference("Organization", HOSPITAL),
    )
    yield resource(
        "Practitioner",
        CLINICIAN,
        OPENED,
        identifier=[{"system": IDENTIFIER_SYSTEM, "value": CLINICIAN}],
        name=[{"family": "Synthetic", "given": ["Clinician"]}],
    )
    yield resource(
        "Medication",
        TRAMETINIB_TABLET,
        OPENED,
        status="active",
        code=concept(TRAMETINIB, text="trametinib 2 mg tablet"),
    )


def _named(kind: str, resource_id: str, name: str) -> Resource:
    return resource(
        kind,
        resource_id,
        OPENED,
        identifier=[{"system": IDENTIFIER_SYSTEM, "value": resource_id}],
        active=True,
        name=name,
    )
