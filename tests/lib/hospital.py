"""Reads the synthetic hospital for tests: its truth tables and what it exported, side by side."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adapter.synthetic.hospital import write_ndjson
from tests.lib.needs import ROOT

Resource = dict[str, Any]
COHORT = ROOT / "adapter" / "synthetic" / "cohort"
INDEX_DRUGS = {
    "1424911": "dabrafenib",
    "1425099": "trametinib",
    "L01EC02": "dabrafenib",
    "L01EE01": "trametinib",
}


def export(folder: Path) -> list[Resource]:
    """Every resource as exported; numbers as the text that stands in the file."""
    return [
        json.loads(line, parse_float=str, parse_int=str)
        for path in write_ndjson(folder)
        for line in path.read_bytes().splitlines()
    ]


def table(name: str) -> list[dict[str, str]]:
    with (COHORT / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def of(exported: list[Resource], kind: str) -> list[Resource]:
    return [one for one in exported if one["resourceType"] == kind]


def observations(exported: list[Resource], code: str) -> list[Resource]:
    """The Observations with this code that were not retracted, study patients only."""
    return [
        one
        for one in of(exported, "Observation")
        if has_code(one["code"], code)
        and one["status"] != "entered-in-error"
        and who(one).startswith("SYN-RAIR")
    ]


def has_code(concept: Resource, code: str) -> bool:
    return any(coding["code"] == code for coding in concept.get("coding", []))


def who(resource: Resource) -> str:
    return str(resource["subject"]["reference"]).removeprefix("Patient/")


def day(resource: Resource) -> str:
    return str(resource["effectiveDateTime"])[:10]


def exposures(exported: list[Resource]) -> Iterator[tuple[Resource, str]]:
    """Records of an index drug taken, with the drug's name."""
    products = {f"Medication/{one['id']}": one["code"] for one in of(exported, "Medication")}
    for one in exported:
        if one["resourceType"] not in {"MedicationStatement", "MedicationAdministration"}:
            continue
        concept = (
            one.get("medicationCodeableConcept")
            or products[one["medicationReference"]["reference"]]
        )
        for coding in concept["coding"]:
            if coding["code"] in INDEX_DRUGS:
                yield one, INDEX_DRUGS[coding["code"]]
