"""One resource -> the rows that it states. The standard shapes of each fact, and what must not
become a fact."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapter.errors import InvalidResource, InvalidValue
from tests.lib.mapping import component, concept, mapped, observation, quantity, rows

SNOMED = "http://snomed.info/sct"
HGNC = "http://www.genenames.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
OURS = "urn:raiway:concept"
DAY = {
    "date_earliest": date(2021, 5, 3),
    "date_latest": date(2021, 5, 3),
    "date_precision": "day",
}


@pytest.mark.parametrize(
    ("sent", "low", "high", "comparator"),
    [
        (quantity(12.4, "ng/mL"), "12.4", "12.4", ""),
        (quantity(12.4, "ug/L"), "12.4", "12.4", ""),
        (quantity(1240, "ng/dL"), "12.40", "12.40", ""),
        ({"value": 12.4, "unit": "µg/L"}, "12.4", "12.4", ""),
        ({"value": 12.4, "unit": "mcg/L"}, "12.4", "12.4", ""),
        (quantity(0.1, "ng/mL", comparator="<"), "0", "0.1", "<"),
        (quantity(500, "ng/mL", comparator=">"), "500", None, ">"),
    ],
)
def test_thyroglobulin(sent: dict[str, Any], low: str, high: str | None, comparator: str) -> None:
    (row,) = mapped(observation("3013-0", valueQuantity=sent)).rows
    assert row.table == "lab_result"
    assert row.columns["analyte"] == "Tg"
    assert row.columns["unit"] == "ng/mL"
    assert row.columns["value_low"] == Decimal(low)
    assert row.columns["value_high"] == (None if high is None else Decimal(high))
    assert row.columns["comparator"] == comparator
    assert row.columns["value_sent"] == str(sent["value"])


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        ({"value": 12.4}, "no unit for Tg"),
        (quantity(12.4, "furlong"), "unknown unit 'furlong' for Tg"),
        (quantity(12.4, "pmol/L"), "unknown unit 'pmol/L' for Tg"),  # moles need a molar mass
        (quantity(12.4, "ng/mL", comparator="<>"), "comparator '<>'"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused(sent: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidValue, match=complaint):
        mapped(observation("3013-0", valueQuantity=sent))


@pytest.mark.parametrize(
    "resource",
    [
        observation("53922-1", valueQuantity=quantity(9000, "ng/mL")),  # needle wash-out
        observation("2571-8", valueQuantity=quantity(150, "mg/dL")),  # triglycerides, "TG"
        observation("1992-7", valueQuantity=quantity(2, "pg/mL")),  # calcitonin
        observation("3013-0", dataAbsentReason={"text": "haemolysed"}),
        {**observation("3013-0", valueQuantity=quantity(5, "ng/mL")), "status": "cancelled"},
        {**observation("3013-0", valueQuantity=quantity(5, "ng/mL")), "status": "registered"},
    ],
)
def test_what_is_no_thyroglobulin_result(resource: dict[str, Any]) -> None:
    assert rows(resource) == []


def test_a_local_instant_is_the_day_at_the_site() -> None:
    late = observation("3013-0", valueQuantity=quantity(5, "ng/mL"))
    late["effectiveDateTime"] = "2021-05-04T03:30:00Z"
    (row,) = mapped(late).rows
    assert row.columns["date_earliest"] == date(2021, 5, 3)
    assert "offset" in row.flags


def test_a_partial_date_is_all_the_days_it_may_mean() -> None:
    vague = observation("3013-0", valueQuantity=quantity(5, "ng/mL"))
    vague["effectiveDateTime"] = "2021-02"
    (row,) = mapped(vague).rows
    found = [row.columns[f"date_{part}"] for part in ("earliest", "latest", "precision")]
    assert found == [date(2021, 2, 1), date(2021, 2, 28), "month"]


@pytest.mark.parametrize("wrong", ["2021-02-30", "2021-13", "yesterday", "21-02-03"])
def test_an_impossible_date_is_refused(wrong: str) -> None:
    resource = observation("3013-0", valueQuantity=quantity(5, "ng/mL"))
    resource["effectiveDateTime"] = wrong
    with pytest.raises(InvalidValue, match="date"):
        mapped(resource)


def test_braf_v600e_as_genomics_reporting_states_it() -> None:
    resource = observation(
        "69548-6",
        valueCodeableConcept=concept("LA9633-4"),
        component=[
            component("48018-6", valueCodeableConcept=concept("HGNC:1097", HGNC)),
            component(
                "48005-3",
                valueCodeableConcept=concept(
                    "NP_004324.2:p.(Val600Glu)", "http://varnomen.hgvs.org"
                ),
            ),
            component(
                "48004-6",
                valueCodeableConcept=concept("NM_004333.6:c.1799T>A", "http://varnomen.hgvs.org"),
            ),
            component("81258-6", valueQuantity=quantity(30.25, "%")),
            component("47998-0", valueString="BRAF V600E"),
        ],
    )
    assert rows(resource) == [
        {
            "table": "variant_result",
            "call": "present",
            "gene": "BRAF",
            "hgnc": "HGNC:1097",
            "label": "BRAF V600E",
            "p_hgvs": "V600E",
            "c_hgvs": "c.1799T>A",
            "kind": "SNV",
            "vaf_fraction": Decimal("0.3025"),
            **DAY,
        }
    ]


@pytest.mark.parametrize(
    "gene",
    [
        concept("HGNC:1097", HGNC),
        concept("1097", HGNC),
        concept("HGNC:1097", "http://www.genenames.org/geneId"),
    ],
)
def test_a_gene_under_any_spelling_of_hgnc(gene: dict[str, Any]) -> None:
    resource = observation(
        "69548-6",
        valueCodeableConcept=concept("LA9633-4"),
        component=[component("48018-6", valueCodeableConcept=gene)],
    )
    assert [row["gene"] for row in rows(resource)] == ["BRAF"]


def test_a_pertinent_negative_is_one_row_for_each_gene_and_the_code_beats_the_display() -> None:
    mislabelled = {"coding": [{"system": HGNC, "code": "HGNC:6342", "display": "NRAS"}]}
    resource = observation(
        "69548-6",
        valueCodeableConcept=concept("LA9634-2"),
        component=[
            component("48018-6", valueCodeableConcept=mislabelled),
            component("48018-6", valueCodeableConcept=concept("HGNC:1097", HGNC)),
        ],
    )
    found = mapped(resource).rows
    assert [(row.columns["gene"], row.columns["call"]) for row in found] == [
        ("KIT", "absent"),
        ("BRAF", "absent"),
    ]
    assert [row.ordinal for row in found] == [0, 1]
    assert "gene_display_differs" in found[0].flags


def test_a_finding_without_a_gene_keeps_its_label() -> None:
    resource = observation(
        "69548-6",
        valueCodeableConcept=concept("LA9633-4"),
        component=[component("47998-0", valueString="Exon 17")],
    )
    assert rows(resource) == [
        {
            "table": "variant_result",
            "call": "present",
            "label": "Exon 17",
            "kind": "unspecified",
            **DAY,
        }
    ]


@pytest.mark.parametrize(
    ("answer", "call"),
    [("LA18198-4", "no_call"), ("LA11884-6", "indeterminate"), ("LA9634-2", "absent")],
)
def test_neither_present_nor_absent(answer: str, call: str) -> None:
    resource = observation("69548-6", valueCodeableConcept=concept(answer))
    assert [row["call"] for row in rows(resource)] == [call]


def test_pd_l1() -> None:
    resource = observation("83053-9", valueQuantity=quantity(20, "%"))
    assert rows(resource) == [
        {
            "table": "biomarker",
            "marker": "PDL1",
            "code": "83053-9",
            "value": Decimal(20),
            "unit": "%",
            **DAY,
        }
    ]


def _medication(kind: str, drug: dict[str, Any], **content: Any) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "id": "m1",
        "status": "completed",
        "subject": {"reference": "Patient/p"},
        "medicationCodeableConcept": drug,
        **content,
    }


SIX_WEEKS = {"effectivePeriod": {"start": "2021-03-01", "end": "2021-04-11"}}


@pytest.mark.parametrize(
    ("drug", "ingredient", "drug_class"),
    [
        (concept("1424911", RXNORM), "dabrafenib", "BRAFi"),
        (concept("L01EC02", ATC), "dabrafenib", "BRAFi"),
        (concept("L01EE01", "http://fhir.de/CodeSystem/bfarm/atc"), "trametinib", "MEKi"),
        (concept("1425099", "urn:oid:2.16.840.1.113883.6.88"), "trametinib", "MEKi"),
        (concept("H01AB01", ATC), "thyrotropin alfa", "RhTSH"),
    ],
)
def test_drugs_by_any_code(drug: dict[str, Any], ingredient: str, drug_class: str) -> None:
    (row,) = rows(_medication("MedicationStatement", drug, **SIX_WEEKS))
    assert (row["ingredient"], row["drug_class"]) == (ingredient, drug_class)
    assert (row["start_earliest"], row["end_latest"]) == (date(2021, 3, 1), date(2021, 4, 11))
    assert row["evidence"] == "stated"


@pytest.mark.parametrize(
    "resource",
    [
        _medication("MedicationStatement", concept("10582", RXNORM), **SIX_WEEKS),  # levothyroxine
        {**_medication("MedicationStatement", concept("L01EC02", ATC)), "status": "not-taken"},
        {**_medication("MedicationAdministration", concept("L01EC02", ATC)), "status": "not-done"},
        # A tumour board's recommendation is no exposure.
        {
            **_medication("MedicationRequest", concept("L01EC02", ATC)),
            "intent": "proposal",
            "status": "active",
        },
    ],
)
def test_no_exposure(resource: dict[str, Any]) -> None:
    assert rows(resource) == []


def test_one_timestamp_is_an_administration_but_only_the_start_of_a_statement() -> None:
    at = {"effectiveDateTime": "2021-03-01"}
    (given,) = rows(_medication("MedicationAdministration", concept("L01EC02", ATC), **at))
    (stated,) = rows(_medication("MedicationStatement", concept("L01EC02", ATC), **at))
    assert given["end_earliest"] == date(2021, 3, 1)
    assert "end_earliest" not in stated


def test_a_drug_by_reference_waits_for_its_medication() -> None:
    resource = _medication("MedicationStatement", concept("L01EC02", ATC), **SIX_WEEKS)
    del resource["medicationCodeableConcept"]
    resource["medicationReference"] = {"reference": "Medication/med-7"}
    tables = {row["table"]: row for row in rows(resource)}
    assert "ingredient" not in tables["drug_exposure"]
    assert tables["link"]["target_id"] == "med-7"


@pytest.mark.parametrize(
    ("sent", "mbq"),
    [
        (quantity(150, "mCi"), "5550"),
        (quantity(5.55, "GBq"), "5550.00"),
        (quantity(5550, "MBq"), "5550"),
        (quantity(157.3, "mCi"), "5820.1"),
        ({"value": 150, "unit": "millicurie"}, "5550"),
    ],
)
def test_iodine_given(sent: dict[str, Any], mbq: str) -> None:
    resource = _medication(
        "MedicationAdministration",
        concept("V10XA01", ATC),
        effectiveDateTime="2021-05-03",
        dosage={"dose": sent},
    )
    (row,) = rows(resource)
    assert (row["table"], row["purpose"]) == ("rai_administration", "therapeutic")
    assert row["activity_mbq"] == Decimal(mbq)
    assert (row["value_sent"], row["unit_sent"]) == (str(sent["value"]), sent["unit"])


def test_an_absorbed_dose_is_no_activity() -> None:
    resource = _medication(
        "MedicationAdministration",
        concept("V10XA01", ATC),
        effectiveDateTime="2021-05-03",
        dosage={"dose": quantity(150, "cGy")},
    )
    with pytest.raises(InvalidValue, match="unknown unit 'cGy' for activity"):
        mapped(resource)


def _procedure(status: str) -> dict[str, Any]:
    return {
        "resourceType": "Procedure",
        "id": "rai",
        "status": status,
        "subject": {"reference": "Patient/p"},
        "code": concept("228698009", SNOMED),
        "performedDateTime": "2021-05-03",
        "extension": [
            {
                "url": "https://raiway.example/fhir/StructureDefinition/administered-activity",
                "valueQuantity": quantity(204, "mCi"),
            }
        ],
    }


def test_an_iodine_procedure() -> None:
    (row,) = rows(_procedure("completed"))
    assert row["activity_mbq"] == Decimal(7548)
    assert (row["purpose"], row["evidence"]) == ("therapeutic", "procedure")


@pytest.mark.parametrize("status", ["preparation", "not-done", "stopped", "on-hold"])
def test_a_planned_procedure_is_none(status: str) -> None:
    assert rows(_procedure(status)) == []


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (
            observation("sum_diam_mm", OURS, valueQuantity=quantity(4.1, "cm")),
            {"sum_diam_mm": Decimal("41.0")},
        ),
        (observation("recist", OURS, valueCodeableConcept=concept("PD", OURS)), {"recist": "PD"}),
        (
            observation("97509-4", valueCodeableConcept=concept("271299001", SNOMED)),
            {"disease_status": "PD", "biochemical": False},
        ),
        (
            observation("88040-1", valueCodeableConcept=concept("359746009", SNOMED)),
            {"disease_status": "SD"},
        ),
        (
            observation("uptake", OURS, valueCodeableConcept=concept("2667000", SNOMED)),
            {"uptake": "absent"},
        ),
        (
            observation("max_tolerated_mci", OURS, valueQuantity=quantity(310, "mCi")),
            {"max_tolerated_mbq": Decimal(11470)},
        ),
    ],
)
def test_assessments(resource: dict[str, Any], expected: dict[str, Any]) -> None:
    (row,) = rows(resource)
    assert {name: row[name] for name in expected} == expected
    assert row["date_earliest"] == date(2021, 5, 3)


def test_biochemical_progression_is_marked() -> None:
    value = concept("271299001", SNOMED)
    value["extension"] = [
        {
            "url": "http://hl7.org/fhir/us/codex-radiation-therapy/StructureDefinition/q",
            "valueCodeableConcept": concept("80534008", SNOMED),
        }
    ]
    (row,) = rows(observation("97509-4", valueCodeableConcept=value))
    assert row["biochemical"] is True


def test_a_value_that_nothing_maps_is_reported_and_is_no_fact() -> None:
    found = mapped(observation("recist", OURS, valueCodeableConcept=concept("MR", "urn:local")))
    assert found.rows == ()
    assert [(item.code_system, item.code) for item in found.unmapped] == [("urn:local", "MR")]


def test_the_most_specific_diagnosis_of_a_condition() -> None:
    resource = {
        "resourceType": "Condition",
        "id": "c",
        "subject": {"reference": "Patient/p"},
        "code": {
            "coding": [
                {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C73"},
                {"system": SNOMED, "code": "255029007"},
            ]
        },
        "verificationStatus": concept("confirmed"),
        "onsetDateTime": "2015",
    }
    (row,) = rows(resource)
    assert (row["concept"], row["code"]) == ("PTC", "255029007")
    assert (row["onset_earliest"], row["onset_latest"]) == (date(2015, 1, 1), date(2015, 12, 31))
    assert row["verification_status"] == "confirmed"


def test_a_patient() -> None:
    us_core = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
    omb = "urn:oid:2.16.840.1.113883.6.238"
    resource = {
        "resourceType": "Patient",
        "id": "p",
        "gender": "female",
        "birthDate": "1961-07-02",
        "deceasedDateTime": "2022-01-05",
        "extension": [
            {
                "url": us_core + "race",
                "extension": [
                    {"url": "ombCategory", "valueCoding": {"system": omb, "code": "2054-5"}},
                    {"url": "text", "valueString": "Black or African American"},
                ],
            }
        ],
    }
    patient, death = sorted(rows(resource), key=lambda row: row["table"] != "patient")
    assert (patient["sex"], patient["race"]) == ("female", "2054-5")
    assert patient["birth_earliest"] == date(1961, 7, 2)
    assert death["date_earliest"] == date(2022, 1, 5)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"resourceType": None}, "no resourceType"),
        ({"resourceType": "Observations"}, "FHIR R4 does not have"),
        ({"id": None}, "no id"),
        ({"id": "a b"}, "an id that FHIR does not allow"),
        ({"subject": None}, "no patient"),
    ],
)
def test_what_is_no_resource_is_refused(change: dict[str, Any], complaint: str) -> None:
    resource = observation("3013-0", valueQuantity=quantity(5, "ng/mL")) | change
    resource = {key: value for key, value in resource.items() if value is not None}
    with pytest.raises(InvalidResource, match=complaint):
        mapped(resource)


@pytest.mark.parametrize("status", ["entered-in-error", "entered-in-error ", " entered-in-error"])
def test_entered_in_error_states_nothing_and_retracts(status: str) -> None:
    found = mapped({**observation("3013-0"), "status": status})
    assert found.rows == ()
    assert found.stamp.retracted
