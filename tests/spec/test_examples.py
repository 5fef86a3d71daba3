"""Public examples beside the genomic ones: each gives the answer that the domain notes state.

The files are read where they lie, in `../shared/examples`; none is copied into the project.
"""

from __future__ import annotations

import ast
import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapter import sources
from adapter.errors import InvalidValue
from adapter.mapping.mapped import MappedResource
from adapter.quarantine import map_one
from tests.lib.mapping import concept, mapped, mapper, observation, rows

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


@pytest.fixture(scope="session")
def examples(shared: Path) -> Path:
    return shared / "examples"


def _read(examples: Path, name: str) -> dict[str, Any]:
    resource: dict[str, Any] = json.loads((examples / name).read_text(encoding="utf-8"))
    return resource


def _facts(found: MappedResource) -> list[dict[str, Any]]:
    """The facts of one patient: rows that only serve other resources are left out."""
    kept = [row for row in found.rows if row.table not in ("link", "occurrence")]
    return [{"table": row.table, "flags": row.flags, **row.columns} for row in kept]


MT, MO, MC = "mii-testdata/", "mii-onko/", "mcode-stu1/"


def test_one_radioiodine_therapy_of_3700_mbq(examples: Path) -> None:
    name = MT + "Procedure-mii-exa-test-data-onko-bestrahlung-nuklearmedizin-1.json"
    found = mapped(_read(examples, name), "Europe/Berlin")
    (given,) = _facts(found)
    assert (given["table"], given["purpose"]) == ("rai_administration", "therapeutic")
    assert given["isotope"] == "I-131"
    assert given["activity_mbq"] == Decimal(3700)
    assert given["activity_mbq"] / 37 == 100  # mCi; total and single dose are not added up
    assert given["date_earliest"] == date(2022, 4, 1)
    assert given["flags"] == ("used_code_is_external_radiation",)
    (span,) = [row.columns for row in found.rows if row.table == "occurrence"]
    assert (span["start_earliest"], span["end_latest"]) == (date(2022, 4, 1), date(2022, 4, 3))


@pytest.mark.parametrize(
    "name",
    [
        MT + "Procedure-mii-exa-test-data-onko-strahlentherapie-1.json",
        MT + "Procedure-mii-exa-test-data-onko-strahlentherapie-bestrahlung-1.json",
        MO + "Procedure-mii-exa-onko-strahlentherapie.json",
        MC + "Procedure-mCODECancerRelatedRadiationProcedureExample01.json",
    ],
)
def test_radiation_from_outside_is_no_radioiodine(examples: Path, name: str) -> None:
    assert _facts(mapped(_read(examples, name))) == []


@pytest.mark.parametrize(
    ("name", "status", "day", "flags"),
    [
        (
            MC + "Observation-mCODECancerDiseaseStatusExample01.json",
            "Improved",
            date(2019, 4, 1),
            (),
        ),
        (
            MT + "Observation-mii-exa-test-data-onko-verlauf-1.json",
            "CR",
            date(2022, 6, 15),
            (),
        ),
        # Complete remission beside residual tumour, and a focus "Pa" that leads nowhere.
        (
            MO + "Observation-PatientKimMusterperson-Verlauf-2022-01-22.json",
            "CR",
            date(2022, 1, 22),
            ("component_conflict",),
        ),
        (
            MO + "Observation-mii-exa-onko-verlauf-tumor.json",
            "MR",
            date(2024, 2, 8),
            ("component_conflict",),
        ),
    ],
)
def test_disease_status(
    examples: Path, name: str, status: str, day: date, flags: tuple[str, ...]
) -> None:
    (fact,) = _facts(mapped(_read(examples, name)))
    assert (fact["table"], fact["disease_status"]) == ("disease_status", status)
    assert (fact["date_earliest"], fact["flags"]) == (day, flags)
    assert not fact["biochemical"]


def test_a_partial_response_by_recist(examples: Path) -> None:
    name = MT + "Observation-mii-exa-test-data-mtb-response-befund-1.json"
    (fact,) = _facts(mapped(_read(examples, name)))
    assert (fact["table"], fact["recist"]) == ("imaging_assessment", "PR")
    assert fact["date_earliest"] == date(2024, 7, 20)


def test_worsened_in_nodes_and_marker(examples: Path) -> None:
    """FSH source: the codes are read from its lines; its description says the opposite."""
    text = (examples / "codex-rt-fsh/EX_RadiotherapyDiseaseStatus.fsh").read_text(encoding="utf-8")
    assert "regression" in text
    evidence, status, *qualifiers = re.findall(r"valueCodeableConcept = SCT#(\d+)", text)
    (day,) = re.findall(r'effectiveDateTime = "([\d-]+)"', text)
    (code,) = re.findall(r"code = LNC#([\d-]+)", text)
    snomed = "http://snomed.info/sct"
    value = concept(status, snomed)
    value["extension"] = [
        {"url": "qualifier", "valueCodeableConcept": concept(each, snomed)} for each in qualifiers
    ]
    resource = observation(
        code,
        effectiveDateTime=day,
        valueCodeableConcept=value,
        extension=[{"url": "evidence", "valueCodeableConcept": concept(evidence, snomed)}],
    )
    (fact,) = _facts(mapped(resource))
    assert (fact["disease_status"], fact["evidence"]) == ("PD", "imaging")
    assert (fact["biochemical"], fact["date_earliest"]) == (False, date(2020, 10, 22))


def test_a_death_of_the_tumour(examples: Path) -> None:
    (fact,) = _facts(mapped(_read(examples, MT + "Observation-mii-exa-test-data-onko-tod-1.json")))
    assert (fact["table"], fact["cause_cancer"]) == ("death", True)
    assert fact["date_earliest"] == date(2024, 5, 15)


def test_a_value_without_a_unit_is_refused(examples: Path) -> None:
    """A PSA is nothing to us; the same quantity under thyroglobulin's code may not pass."""
    psa = _read(examples, MT + "Observation-mii-exa-test-data-onko-prostata-psa-1.json")
    assert _facts(mapped(psa)) == []
    with pytest.raises(InvalidValue, match="no unit for Tg"):
        mapped({**psa, "code": concept("3013-0")})


@pytest.mark.parametrize(("number", "status"), [("01", "active"), ("02", "stopped")])
def test_a_product_that_is_no_index_drug(examples: Path, number: str, status: str) -> None:
    name = f"MedicationStatement-mCODECancerRelatedMedicationStatementExample{number}.json"
    statement = _read(examples, MC + name)
    assert statement["medicationCodeableConcept"] == {
        "coding": [{"system": RXNORM, "code": "349472", "display": "gefitinib 250 MG Oral Tablet"}]
    }
    classes = {row.get("drug_class") for row in rows(statement)}
    assert not classes & {"BRAFi", "MEKi", "RETi", "TRKi", "RhTSH"}
    # The same statement of trametinib: one date is its start, stopped or not.
    trametinib = {**statement, "medicationCodeableConcept": concept("1425099", RXNORM)}
    (fact,) = _facts(mapped(trametinib))
    assert mapped(trametinib).stamp.status == status
    assert fact["start_earliest"] == date(2019, 4, 1)
    assert "end_earliest" not in fact


@pytest.mark.parametrize(
    "name",
    [
        "Condition-mCODEPrimaryCancerConditionExample01.json",
        "Observation-mCODETNMClinicalDistantMetastasesCategoryExample01.json",
        "Observation-mCODETNMPathologicalStageGroupExample01.json",
        "Observation-mCODETumorMarkerExample01.json",
        "Specimen-mCODEGeneticSpecimenExample01.json",
    ],
)
def test_another_cancer_says_nothing(examples: Path, name: str) -> None:
    assert _facts(mapped(_read(examples, MC + name))) == []


def test_another_cancers_metastasis_is_one(examples: Path) -> None:
    name = "Condition-mCODESecondaryCancerConditionExample01.json"
    tables = [fact["table"] for fact in _facts(mapped(_read(examples, MC + name)))]
    assert sorted(tables) == ["diagnosis", "disease_status"]


def test_patients(examples: Path) -> None:
    for name in (
        MC + "Patient-mCODEPatientExample01.json",
        MT + "Patient-mii-exa-test-data-onko-patient-1.json",
    ):
        tables = {fact["table"] for fact in _facts(mapped(_read(examples, name)))}
        assert "patient" in tables


def test_every_file_is_mapped_or_refused_with_a_reason(examples: Path) -> None:
    outcomes = [
        map_one(item, mapper())
        for folder in ("mcode-stu1", "mii-onko", "mii-testdata", "genomics-reporting")
        for path in sorted((examples / folder).glob("*.json"))
        for item in sources.read(path)
    ]
    refused = [each for each in outcomes if not isinstance(each, MappedResource)]
    assert len(outcomes) > 50
    assert all(each.reason for each in refused)


def _ruby(text: str, name: str) -> dict[str, Any]:
    """A Ruby hash of the vendor's documentation, its narrative left out."""
    body = re.search(rf"{name} \|\|= (\{{.*?\n    \}})\.freeze", text, re.DOTALL)
    assert body is not None
    without_narrative = re.sub(r"'text': \{\s*'status'.*?\n      \},", "", body[1], flags=re.DOTALL)
    plain = re.sub(r"\b(true|false)\b", lambda word: word[0].title(), without_narrative)
    resource: dict[str, Any] = ast.literal_eval(plain.strip())
    return resource


def test_a_contained_medication_of_many_ingredients(examples: Path) -> None:
    text = (examples / "vendor/r4_examples_medication_administration.rb").read_text("utf-8")
    given = _ruby(text, "R4_MEDICATION_ADMINISTRATION_ENTRY")
    assert given["resourceType"] == "MedicationAdministration"
    assert _facts(mapped(given)) == []
    # The same with trametinib among the ingredients; 21:27 Z is still that day in Kansas.
    contained = given["contained"][0]
    contained["ingredient"][1]["itemCodeableConcept"] = concept("1425099", RXNORM)
    (fact,) = _facts(mapped(given, "America/Chicago"))
    assert (fact["ingredient"], fact["evidence"]) == ("trametinib", "administered")
    assert fact["start_earliest"] == date(2020, 5, 11)
