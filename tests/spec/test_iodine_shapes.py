"""Radioactive iodine as a Procedure (R1 to R5), and what each shape says."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapter.definitions import load
from tests.lib.iodine import CPT, MCODE, MII, OPS, SNOMED, given, procedure
from tests.lib.mapping import concept, mapped, mapper, quantity, rows


def _modality(technique: str | None, total: dict[str, Any], **more: Any) -> dict[str, Any]:
    inner = [
        {"url": MCODE + "radiotherapy-modality",
         "valueCodeableConcept": concept("440252007", SNOMED)},
    ]  # fmt: skip
    if technique:
        inner.append(
            {"url": MCODE + "radiotherapy-technique",
             "valueCodeableConcept": concept(technique, SNOMED)}
        )  # fmt: skip
    return procedure(
        concept("1217123003", SNOMED),
        extension=[
            {"url": MCODE + "radiotherapy-modality-and-technique", "extension": inner},
            {
                "url": MCODE + "radiotherapy-dose-delivered-to-volume",
                "extension": [{"url": "totalDoseDelivered", "valueQuantity": total}],
            },
        ],
        **more,
    )


ORAL = "16560241000119104"

R1 = [
    # The only place for a dose is in gray: 150 cGy is almost surely 150 mCi, and is not taken.
    (
        _modality(ORAL, quantity(150, "cGy")),
        "I-131 | therapeutic | procedure | - | 150 cGy | 2021-05-03 | isotope_assumed,dose_in_gray",
    ),
    # Where the nuclide is stated nothing is assumed.
    (
        _modality(ORAL, quantity(150, "cGy"), usedCode=[concept("1368003", SNOMED)]),
        "I-131 | therapeutic | procedure | - | 150 cGy | 2021-05-03 | dose_in_gray",
    ),
    # Millicuries in the place for gray are millicuries.
    (
        _modality(ORAL, quantity(150, "mCi")),
        "I-131 | therapeutic | procedure | 5550 | 150 mCi | 2021-05-03 | isotope_assumed",
    ),
]


@pytest.mark.parametrize(("resource", "row"), R1)
def test_r1_mcode_course_summary(resource: dict[str, Any], row: str) -> None:
    assert given(resource) == [row]


@pytest.mark.parametrize(
    "more", [{}, {"usedCode": [concept("447553000", SNOMED)]}, {"note": [{"text": "Lu-177"}]}]
)
def test_r1_a_radiopharmaceutical_that_is_not_iodine(more: dict[str, Any]) -> None:
    assert given(_modality(None, quantity(7400, "MBq"), **more)) == []


def _mii(*doses: tuple[str, int, str], **more: Any) -> dict[str, Any]:
    url = MII + "StructureDefinition/mii-ex-onko-strahlentherapie-bestrahlung-"
    return procedure(
        concept("8-531", OPS),
        category=concept("399315003", SNOMED),
        extension=[
            {"url": url + name, "valueQuantity": quantity(n, unit)} for name, n, unit in doses
        ],
        **more,
    )


TOTAL, SINGLE = ("gesamtdosis", 3700, "MBq"), ("einzeldosis", 3700, "MBq")
PHOTONS = [concept("UH", MII + "CodeSystem/mii-cs-onko-strahlentherapie-strahlenart")]


@pytest.mark.parametrize(
    ("resource", "row"),
    [
        # Total and single dose say the same: 3700 MBq, not 7400.
        (_mii(TOTAL, SINGLE), "3700 | 3700 MBq | 2021-05-03 | -"),
        (_mii(SINGLE, TOTAL), "3700 | 3700 MBq | 2021-05-03 | -"),
        (_mii(SINGLE), "3700 | 3700 MBq | 2021-05-03 | -"),
        (_mii(("gesamtdosis", 60, "Gy")), "- | 60 Gy | 2021-05-03 | dose_in_gray"),
        (
            _mii(TOTAL, usedCode=PHOTONS),
            "3700 | 3700 MBq | 2021-05-03 | used_code_is_external_radiation",
        ),
    ],
)
def test_r2_german_oncology_module(resource: dict[str, Any], row: str) -> None:
    assert given(resource) == ["I-131 | therapeutic | procedure | " + row]


@pytest.mark.parametrize(
    ("note", "row"),
    [
        ("I-131 157.3 mCi PO", "text | 5820.1 | 157.3 mCi | 2021-05-03 | from_text"),
        ("131I 5.55 GBq orally", "text | 5550 | 5.55 GBq | 2021-05-03 | from_text"),
        ("Gabe von 3,7 GBq J-131", "text | 3700 | 3.7 GBq | 2021-05-03 | from_text"),
        ("3,700 MBq capsule", "text | 3700 | 3700 MBq | 2021-05-03 | from_text"),
        ("5.5 GBq (150 mCi) I-131", "text | 5500 | 5.5 GBq | 2021-05-03 | from_text"),
        (
            "5.5 GBq (200 mCi) I-131",
            "text | 5500 | 5.5 GBq | 2021-05-03 | from_text,activity_disagreement",
        ),
        # Nothing that was given.
        ("Maximum tolerated activity 300 mCi", "procedure | - | - | 2021-05-03 | -"),
        ("Cumulative activity 450 mCi", "procedure | - | - | 2021-05-03 | -"),
        ("Tolerated well", "procedure | - | - | 2021-05-03 | -"),
    ],
)
def test_r3_activity_in_a_note(note: str, row: str) -> None:
    resource = procedure(concept("79005", CPT), note=[{"text": note}])
    assert given(resource) == ["I-131 | therapeutic | " + row]


def test_r3_text_is_of_low_confidence() -> None:
    resource = procedure(concept("79005", CPT), note=[{"text": "I-131 157.3 mCi PO"}])
    (row,) = mapped(resource).rows
    assert row.confidence == 0.5


def test_r4_the_substance_used_says_that_it_is_iodine() -> None:
    local = concept("RPT", "urn:hospital")
    assert given(procedure(local)) == []
    by_code = procedure(local, usedCode=[concept("1368003", SNOMED)])
    assert given(by_code) == ["I-131 | unknown | procedure | - | - | 2021-05-03 | -"]


def test_r4_the_medication_used_is_asked_by_a_link() -> None:
    resource = procedure(
        concept("440252007", SNOMED),
        usedReference=[{"reference": "Device/d"}, {"reference": "Medication/capsule"}],
    )
    assert given(resource) == ["? | unknown | procedure | - | - | 2021-05-03 | -"]
    (link,) = [row for row in rows(resource) if row["table"] == "link"]
    assert (link["role"], link["target_type"], link["target_id"]) == (
        "medication", "Medication", "capsule",
    )  # fmt: skip


OURS = "https://raiway.example/fhir/StructureDefinition/administered-activity"


def test_r5_an_extension_with_the_activity() -> None:
    resource = procedure(
        concept("228698009", SNOMED),
        extension=[{"url": OURS, "valueQuantity": quantity(204, "mCi")}],
    )
    assert given(resource) == ["I-131 | therapeutic | procedure | 7548 | 204 mCi | 2021-05-03 | -"]


def test_r5_an_extension_that_nobody_mapped_is_reported() -> None:
    url = "https://hospital.example/fhir/activity"
    resource = procedure(
        concept("228698009", SNOMED),
        extension=[{"url": url, "valueQuantity": quantity(204, "mCi")}],
    )
    (unmapped,) = mapped(resource).unmapped
    assert (unmapped.kind, unmapped.code) == ("code", url)
    assert given(resource) == ["I-131 | therapeutic | procedure | - | - | 2021-05-03 | -"]


def test_r5_a_concept_map_makes_a_hospitals_extension_known(tmp_path: Path) -> None:
    url = "https://hospital.example/fhir/activity"
    element = {"code": url, "target": [{"code": "activity", "equivalence": "equivalent"}]}
    group = {"source": "urn:ietf:rfc:3986", "target": "urn:raiway:concept", "element": [element]}
    path = tmp_path / "local.json"
    path.write_text(
        json.dumps({"resourceType": "ConceptMap", "status": "active", "group": [group]})
    )
    resource = procedure(
        concept("228698009", SNOMED),
        extension=[{"url": url, "valueQuantity": quantity(204, "mCi")}],
    )
    found = replace(mapper(), definitions=load((path,))).map(resource, "here:1")
    (row,) = found.rows
    assert (row.columns["activity_mbq"], found.unmapped) == (Decimal(7548), ())
