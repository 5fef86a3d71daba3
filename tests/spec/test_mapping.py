"""One resource -> the rows that it states. The standard shapes of each fact, and what must not
become a fact."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapter.errors import InvalidValue
from tests.lib.mapping import component, concept, mapped, observation, quantity, rows

SNOMED = "http://snomed.info/sct"
HGNC = "http://www.genenames.org"
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
