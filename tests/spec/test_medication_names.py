"""Which drugs a resource is about: by code, reference, ingredient or name (domain.md 2.3)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapter.definitions import load
from adapter.mapping.bundles import resources
from tests.lib.mapping import concept, mapped, mapper, observation, parsed
from tests.lib.medications import (
    DABRAFENIB,
    METOPROLOL,
    RXNORM,
    SIX_WEEKS,
    SNOMED,
    TRAMETINIB,
    Told,
    administration,
    dispense,
    exposures,
    order,
    resource_of,
    statement,
    the_exposure,
    told,
    told_of,
)

# Shapes of references: M6


def _by_reference(kind: str = "MedicationStatement", **reference: str) -> dict[str, Any]:
    when = {"effectivePeriod": SIX_WEEKS} if kind == "MedicationStatement" else {}
    return resource_of(kind, medicationReference=reference, **when)


@pytest.mark.parametrize(
    "reference",
    [
        "Medication/med-7",
        "https://ehr.example/fhir/Medication/med-7",
        "Medication/med-7/_history/2",
    ],
)
@pytest.mark.parametrize(
    ("build", "evidence"),
    [
        (statement, "stated"),
        (order, "ordered"),
        (dispense, "dispensed"),
        (administration, "administered"),
    ],
)
def test_m6_a_reference_waits_for_its_medication(reference: str, build: Any, evidence: str) -> None:
    found = mapped(build(medicationReference={"reference": reference}))
    exposure, link = found.rows
    assert told(exposure)[:2] == ("", evidence)
    assert link.columns == {
        "role": "medication", "target_type": "Medication", "target_id": "med-7"
    }  # fmt: skip


def test_m6_a_reference_in_a_bundle_is_one_to_the_medication_there() -> None:
    urn = "urn:uuid:5f2b9f6e-0c4e-4b64-9a53-6f4f0b1f0a01"
    bundle = {
        "resourceType": "Bundle",
        "entry": [
            {"fullUrl": urn, "resource": {"resourceType": "Medication", "id": "med-7"}},
            {"resource": _by_reference(reference=urn)},
        ],
    }
    (_, _), (_, statement) = resources(bundle)
    (link,) = [row for row in mapped(statement).rows if row.table == "link"]
    assert link.columns["target_id"] == "med-7"


@pytest.mark.parametrize(
    "contents",
    [
        {"code": DABRAFENIB},
        {"code": {"text": "study drug"}, "ingredient": [{"itemCodeableConcept": DABRAFENIB}]},
        {"code": {"text": "study drug"}, "ingredient": [{"itemReference": {"reference": "#s"}}]},
    ],
)
def test_m6_a_contained_medication(contents: dict[str, Any]) -> None:
    resource = _by_reference(reference="#m")
    resource["contained"] = [
        {"resourceType": "Medication", "id": "m", **contents},
        {"resourceType": "Substance", "id": "s", "code": DABRAFENIB},
        {"resourceType": "Medication", "id": "other", "code": TRAMETINIB},
    ]
    assert told_of(resource) == [("dabrafenib", "stated", "2021-03-01", "2021-04-11")]
    assert [row.table for row in mapped(resource).rows] == ["drug_exposure"]


@pytest.mark.parametrize(
    "reference",
    [
        {"display": "Tafinlar 75 mg capsule"},
        {"display": "DABRAFENIB 75 MG CAPS"},
        {"reference": "#gone", "display": "Tafinlar 75 mg capsule"},
        {"reference": "urn:uuid:gone", "display": "Tafinlar 75 mg capsule"},
        {"identifier": {"value": "8"}, "display": "dabrafenib (TAFINLAR)"},
    ],
)
def test_m6_a_reference_with_only_a_display_is_read_as_text(reference: dict[str, str]) -> None:
    row = the_exposure(_by_reference(**reference))
    assert told(row) == ("dabrafenib", "stated", "2021-03-01", "2021-04-11")
    assert row.flags == ("from_text",)
    assert row.confidence < 1


def test_m6_a_reference_to_nothing_that_says_nothing_is_no_row() -> None:
    assert told_of(_by_reference(reference="#gone")) == []
    assert told_of(_by_reference(display="Metoprolol 25 mg")) == []


def test_m6_a_display_counts_until_the_medication_is_there() -> None:
    resource = _by_reference(reference="Medication/med-7", display="Mekinist 2 mg")
    assert [row.table for row in mapped(resource).rows] == ["drug_exposure", "link"]
    assert told(the_exposure(resource))[0] == "trametinib"


# Shapes of medications: M7


@pytest.mark.parametrize(
    ("contents", "ingredients", "flags"),
    [
        ({"code": DABRAFENIB}, ["dabrafenib"], ()),
        ({"code": {"text": "Tafinlar 75 mg"}}, ["dabrafenib"], ("from_text",)),
        (
            {
                "code": {"text": "study drugs"},
                "ingredient": [
                    {"itemCodeableConcept": DABRAFENIB},
                    {"itemCodeableConcept": TRAMETINIB},
                    {"itemCodeableConcept": METOPROLOL},
                ],
            },
            ["dabrafenib", "trametinib"], (),
        ),
        (
            {"ingredient": [{"itemReference": {"display": "trametinib dimethyl sulfoxide"}}]},
            ["trametinib"], ("from_text",),
        ),
        ({"code": concept("703648007", SNOMED)}, ["dabrafenib"], ()),
        ({"code": METOPROLOL}, [], ()),
    ],
)  # fmt: skip
def test_m7_what_a_medication_consists_of(
    contents: dict[str, Any], ingredients: list[str], flags: tuple[str, ...]
) -> None:
    found = mapped({"resourceType": "Medication", "id": "med-7", **contents})
    assert [row.columns["ingredient"] for row in found.rows] == ingredients
    assert {row.flags for row in found.rows} <= {flags}


# Shapes of names: M13


BOTH = "Tafinlar 75 mg BID + Mekinist 2 mg daily"


@pytest.mark.parametrize(
    "said",
    [
        {"medicationCodeableConcept": {"text": BOTH}},
        {"medicationCodeableConcept": {"coding": [{"display": BOTH}]}},
        {"medicationReference": {"display": BOTH}},
        {"medicationCodeableConcept": {}, "note": [{"text": BOTH}]},
        {"medicationCodeableConcept": {"text": "dabrafénib/tramétinib"}},
        {"medicationCodeableConcept": {"text": "Dabrafenibe 150 mg e trametinibe 2 mg"}},
    ],
)
def test_m13_two_drugs_in_one_text_are_two_exposures(said: dict[str, Any]) -> None:
    found = mapped(statement(**said))
    assert [told(row)[0] for row in found.rows] == ["dabrafenib", "trametinib"]
    assert {row.flags for row in found.rows} == {("from_text",)}


def test_m13_a_text_may_name_a_drug_that_the_code_does_not() -> None:
    drug = {**DABRAFENIB, "text": BOTH}
    coded, named = exposures(mapped(statement(medicationCodeableConcept=drug)))
    assert (told(coded)[0], coded.flags, coded.confidence) == ("dabrafenib", (), 1.0)
    assert (told(named)[0], named.flags) == ("trametinib", ("from_text",))


def test_m13_a_product_of_two_drugs_is_two_exposures(tmp_path: Path) -> None:
    targets = [{"code": code, "equivalence": "wider"} for code in ("1424911", "1425099")]
    group = {
        "source": "urn:hospital:drug",
        "target": RXNORM,
        "element": [{"code": "KIT", "target": targets}],
    }
    path = tmp_path / "local.json"
    path.write_text(
        json.dumps({"resourceType": "ConceptMap", "status": "active", "group": [group]})
    )
    site = replace(mapper(), definitions=load((path,)))
    found = site.map(statement(medicationCodeableConcept=concept("KIT", "urn:hospital:drug")), "x")
    assert [(row.columns["ingredient"], row.flags) for row in found.rows] == [
        ("dabrafenib", ()), ("trametinib", ())
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "ingredient", "drug_class"),
    [
        ("TAFINLAR", "dabrafenib", "BRAFi"),
        ("Mekinist 0.5 mg", "trametinib", "MEKi"),
        ("Spexotras", "trametinib", "MEKi"),
        ("Zelboraf", "vemurafenib", "BRAFi"),
        ("Koselugo", "selumetinib", "MEKi"),
        ("Braftovi", "encorafenib", "BRAFi"),
        ("Mektovi", "binimetinib", "MEKi"),
        ("Cotellic", "cobimetinib", "MEKi"),
        ("Vitrakvi", "larotrectinib", "TRKi"),
        ("Retevmo", "selpercatinib", "RETi"),
        ("Gavreto", "pralsetinib", "RETi"),
        ("Lenvima", "lenvatinib", "MKI"),
        ("Nexavar", "sorafenib", "MKI"),
        ("Cabometyx", "cabozantinib", "MKI"),
        ("Thyrogen 0.9 mg i.m.", "thyrotropin alfa", "RhTSH"),
        ("thyrotropin alfa", "thyrotropin alfa", "RhTSH"),
    ],
)
def test_names_and_brands(text: str, ingredient: str, drug_class: str) -> None:
    row = the_exposure(statement(medicationCodeableConcept={"text": text}))
    assert (row.columns["ingredient"], row.columns["drug_class"]) == (ingredient, drug_class)


@pytest.mark.parametrize(
    "text",
    [
        "levothyroxine 100 mcg", "BRAF inhibitor", "Tafinlarix", "thyrotropin receptor antibody",
        "",
    ],
)  # fmt: skip
def test_no_name(text: str) -> None:
    found = mapped(statement(medicationCodeableConcept={"text": text}))
    assert (found.rows, found.unmapped) == ((), ())


@pytest.mark.parametrize(
    "text", ["no dabrafenib", "dabrafenib allergy", "trametinib or placebo", "consider Mekinist"]
)
def test_a_text_that_may_deny_it_is_reported_and_no_exposure(text: str) -> None:
    found = mapped(statement(medicationCodeableConcept={"text": text}))
    assert found.rows == ()
    assert [item.display for item in found.unmapped] == [text]


def test_a_denying_display_leaves_the_word_to_the_medication_it_refers_to() -> None:
    found = mapped(_by_reference(reference="Medication/med-7", display="HOLD dabrafenib"))
    assert [(row.table, row.columns.get("ingredient")) for row in found.rows] == [
        ("drug_exposure", None),
        ("link", None),
    ]


def test_a_note_about_another_drug_is_not_read() -> None:
    resource = statement(
        medicationCodeableConcept={"text": "metoprolol"}, note=[{"text": "takes dabrafenib"}]
    )
    assert told_of(resource) == []


def test_a_code_that_only_its_display_explains_is_reported_for_the_sites_map() -> None:
    coding = {"system": "urn:hospital:drug", "code": "D75", "display": "Dabrafenib 75 mg caps"}
    found = mapped(statement(medicationCodeableConcept={"coding": [coding]}))
    assert [row.columns["ingredient"] for row in found.rows] == ["dabrafenib"]
    assert [(i.kind, i.code_system, i.code, i.display) for i in found.unmapped] == [
        ("code", "urn:hospital:drug", "D75", "Dabrafenib 75 mg caps")
    ]


def test_codes_beat_names_and_the_ingredients_own_code_comes_first() -> None:
    product = {"system": SNOMED, "code": "895671007", "display": "Mekinist"}
    own = {"system": RXNORM, "code": "1425099", "display": "trametinib"}
    for codings in ([product], [own], [product, own]):
        row = the_exposure(statement(medicationCodeableConcept={"coding": codings}))
        assert (row.columns["ingredient"], row.flags) == ("trametinib", ())
        assert row.columns["code"] == "1425099"


# Shapes of knowledge and regimens: M14, M15


def test_m14_a_medication_assessed_is_knowledge_and_no_exposure() -> None:
    part = {"code": concept("51963-7"), "valueCodeableConcept": TRAMETINIB}
    resource = observation("93044-6", component=[part])
    found = mapped(resource)
    assert (found.rows, found.unmapped) == ((), ())


@pytest.mark.parametrize("kind", ["Procedure", "CarePlan", "RequestGroup"])
def test_m15_a_regimen_is_no_exposure(kind: str) -> None:
    regimen = concept("8-54", "http://fhir.de/CodeSystem/bfarm/ops")
    resource = {
        "resourceType": kind,
        "id": "r1",
        "status": "completed",
        "subject": {"reference": "Patient/p"},
        "code": {**regimen, "text": "dabrafenib + trametinib"},
    }
    assert told_of(resource) == []


# The public examples


@pytest.mark.parametrize(
    ("file", "answer"),
    [
        ("mii-onko/MedicationStatement-mii-exa-onko-systemische-therapie-medikation1.json", []),
        (
            "mcode-stu1/MedicationStatement-mCODECancerRelatedMedicationStatementExample01.json",
            [],
        ),
        ("mii-testdata/MedicationRequest-mii-exa-test-data-mtb-therapieempfehlung-3.json", []),
    ],
)
def test_public_examples(file: str, answer: list[Told], shared: Path) -> None:
    """Cyclophosphamide and gefitinib are no drugs of interest, trametinib is only advised."""
    found = mapped(parsed((shared / "examples" / file).read_text()))
    assert [told(row) for row in exposures(found)] == answer


def test_the_tumour_boards_advice_would_count_as_an_order(shared: Path) -> None:
    file = "MedicationRequest-mii-exa-test-data-mtb-therapieempfehlung-3.json"
    advice = parsed((shared / "examples" / "mii-testdata" / file).read_text())
    ordered = {**advice, "intent": "order", "status": "active"}
    assert told_of(ordered) == [("trametinib", "ordered", "2024-03-28", "")]


def test_an_illegal_status_is_kept_with_the_drug_it_is_about(shared: Path) -> None:
    file = "MedicationStatement-mii-exa-onko-systemische-therapie-medikation1.json"
    example = parsed((shared / "examples" / "mii-onko" / file).read_text())
    example["medicationCodeableConcept"] = DABRAFENIB
    row = the_exposure(example)
    assert told(row) == ("dabrafenib", "stated", "2021-12-04", "2022-04-06")
    assert row.flags == ("status_unknown",)
