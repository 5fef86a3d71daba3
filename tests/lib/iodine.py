"""Records of radioactive iodine, and the rows that the mapping makes of them, as one line each."""

from __future__ import annotations

from typing import Any

from tests.lib.mapping import mapped

SNOMED = "http://snomed.info/sct"
CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
ATC = "http://www.whocc.no/atc"
OPS = "http://fhir.de/CodeSystem/bfarm/ops"
MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-"
MII = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/"
PATIENT = {"reference": "Patient/p"}


def procedure(code: dict[str, Any], **content: Any) -> dict[str, Any]:
    """A Procedure completed on 2021-05-03."""
    return {
        "resourceType": "Procedure",
        "id": "rai",
        "status": "completed",
        "subject": PATIENT,
        "code": code,
        "performedDateTime": "2021-05-03",
        **content,
    }


def administration(**content: Any) -> dict[str, Any]:
    """A MedicationAdministration completed on 2021-05-03."""
    return {
        "resourceType": "MedicationAdministration",
        "id": "given",
        "status": "completed",
        "subject": PATIENT,
        "effectiveDateTime": "2021-05-03",
        **content,
    }


def given(resource: dict[str, Any]) -> list[str]:
    """`isotope | purpose | evidence | MBq | as sent | day | flags`, for each row."""
    found = []
    for row in mapped(resource).rows:
        if row.table == "rai_administration":
            c = row.columns
            sent = f"{c.get('value_sent', '')} {c.get('unit_sent', '')}".strip()
            mbq = c.get("activity_mbq")
            cells = (
                c["isotope"] or "?",
                c["purpose"],
                c["evidence"],
                "-" if mbq is None else format(mbq.normalize(), "f"),
                sent or "-",
                str(c.get("date_earliest", "-")),
                ",".join(row.flags) or "-",
            )
            found.append(" | ".join(cells))
    return found
