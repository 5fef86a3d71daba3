"""Public genomics resources, each with the right answer (read from ../shared, never copied)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lib.mapping import component, concept, mapper, observation, parsed
from tests.spec.test_variant_shapes import ABSENT, PRESENT, gene

Rows = list[dict[str, Any]]


def entries(shared: Path, name: str) -> list[dict[str, Any]]:
    """The resource of the file, or those of its Bundle; with a subject, which some leave out."""
    resource = parsed((shared / "examples" / name).read_text(encoding="utf-8"))
    found = [entry["resource"] for entry in resource.get("entry", ())] or [resource]
    return [{"id": str(number), **each, "subject": {"reference": "Patient/p"}}
            if each["resourceType"] in {"Observation", "DiagnosticReport"} else each
            for number, each in enumerate(found)]  # fmt: skip


def stated(shared: Path, name: str, table: str = "variant_result") -> Rows:
    """The rows of one fact table, empty columns left out, with confidence and flags."""
    found = []
    for each in entries(shared, name):
        if each["resourceType"] not in {"Observation", "DiagnosticReport"}:
            continue
        for row in mapper("UTC").map(each, name).rows:
            if row.table == table:
                columns = {k: v for k, v in row.columns.items() if v not in (None, "")}
                found.append({**columns, "confidence": row.confidence, "flags": row.flags})
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "mii-testdata/Observation-mii-exa-test-data-patient-3-molgen-variante-1.json",
            [{"gene": "BRAF", "call": "present", "p_hgvs": "V600E", "kind": "SNV",
              "origin": "Somatic", "vaf_fraction": "0.3025", "date_earliest": "2022-04-07"}],
        ),
        (
            "genomics-reporting/Bundle-oncology-diagnostic.json",
            [{"gene": "BRAF", "call": "present", "p_hgvs": "V600E",
              "g_hgvs": "NC_000007.13:g.140453136A>T"}],
        ),
        (
            "genomics-reporting/Observation-SNVexample.json",
            [{"gene": "AR", "call": "present", "p_hgvs": "A412V", "vaf_fraction": "0.44"}],
        ),
        ("genomics-reporting/Observation-obs-idh-ex.json", []),
        (
            "genomics-reporting/Bundle-complexVariant-nonHGVS.json",
            [{"gene": None, "call": "present", "kind": "unspecified"}] * 3,
        ),
        (
            "mii-testdata/Observation-mii-exa-test-data-onko-genetische-variante-1.json",
            [{"gene": "BRCA1", "call": "present", "confidence": 0.5, "flags": ("from_text",)}],
        ),
        (
            "mii-testdata/Observation-mii-exa-test-data-onko-genetische-variante-2.json",
            [{"gene": "KRAS", "call": "absent", "confidence": 0.5, "flags": ("from_text",)}],
        ),
        (
            "mii-onko/Observation-mii-exa-onko-genetische-variante-braf.json",
            [{"gene": "BRAF", "call": "present", "kind": "unspecified", "confidence": 0.5,
              "flags": ("from_text", "class_ii")}],
        ),
        (
            "mii-testdata/Observation-mii-exa-test-data-mtb-einfache-variante-1.json",
            [{"gene": "EGFR", "call": "present", "p_hgvs": "L858R"}],
        ),
        (
            "mii-testdata/Observation-mii-exa-test-data-mtb-rna-fusion-1.json",
            [{"gene": "ABL1", "call": "present", "kind": "fusion"}],
        ),
        (
            "mii-testdata/Observation-mii-exa-test-data-mtb-copy-number-variant-1.json",
            [{"gene": "ERBB2", "call": "present", "kind": "CNV"}],
        ),
        (
            "mcode-stu1/Observation-mCODEGenomicRegionStudiedExample01.json",
            [{"gene": "STK11", "call": "studied"}],
        ),
        (
            "mii-testdata/DiagnosticReport-mii-exa-test-data-patient-3-molgen-befundbericht-1.json",
            [{"gene": "BRAF", "call": "present", "p_hgvs": "V600E", "method": "text",
              "confidence": 0.5, "flags": ("from_text", "date_from_issued", "offset")}],
        ),
    ],
    ids=lambda value: value.rpartition("/")[2] if isinstance(value, str) else "",
)  # fmt: skip
def test_variants(shared: Path, name: str, expected: Rows) -> None:
    found = stated(shared, name)
    assert [
        {key: _plain(row.get(key)) for key in each}
        for row, each in zip(found, expected, strict=True)
    ] == expected


def test_an_implication_speaks_of_another_observation(shared: Path) -> None:
    (row,) = stated(shared, "genomics-reporting/Observation-obs-idh-ex.json", "implication")
    assert (row["variant_id"], row["significance"]) == ("SNVexample", "pathogenic")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "mii-testdata/Observation-mii-exa-test-data-mtb-immunohistochemistry-pdl1-1.json",
            {"marker": "PDL1", "code": "85147-7", "value": "80", "unit": "%",
             "category": "positive"},
        ),
        (
            "mii-testdata/Observation-mii-exa-test-data-mtb-mikrosatelliteninstabilitaet-1.json",
            {"marker": "MSI", "value": "0.15", "category": None},
        ),
        (
            "mii-testdata/Observation-mii-exa-test-data-patient-3-molgen-msi-1.json",
            {"marker": "MSI", "value": None, "category": "stable"},
        ),
        (
            "mii-testdata/Observation-mii-exa-test-data-mtb-mutationslast-1.json",
            {"marker": "TMB", "value": "14.2", "category": "high"},
        ),
        ("genomics-reporting/Bundle-oncology-diagnostic.json", {"marker": "TMB", "value": "25"}),
    ],
    ids=lambda value: value.rpartition("/")[2] if isinstance(value, str) else "",
)  # fmt: skip
def test_biomarkers(shared: Path, name: str, expected: dict[str, Any]) -> None:
    (row,) = stated(shared, name, "biomarker")
    assert {key: _plain(row.get(key)) for key in expected} == expected


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, float | tuple) else str(value)


FUSIONS_AND_NEGATIVES = [
    ("EX_GenomeX.fsh", "gx-genomic-variant-pertinent-negative-nras-kit-braf",
     [("KIT", "absent"), ("NRAS", "absent"), ("BRAF", "absent")]),
    ("EX_GenomeX.fsh", "gx-genomic-variant-fusion-met-alk", [("MET-ALK", "fusion")]),
    ("EX_Genomics.fsh", "genomic-variant-fusion", [("BCR-ABL1", "fusion")]),
]  # fmt: skip


@pytest.mark.parametrize(("file", "instance", "expected"), FUSIONS_AND_NEGATIVES)
def test_instances_written_as_fsh(
    shared: Path, file: str, instance: str, expected: list[tuple[str, str]]
) -> None:
    resource = _from_fsh(shared / "examples" / "mcode-stu4-fsh" / file, instance)
    rows = mapper("UTC").map(parsed(json.dumps(resource)), file).rows
    found = [
        (f"{row.columns['gene']}-{row.columns['partner']}", row.columns["kind"])
        if row.columns.get("partner")
        else (row.columns["gene"], row.columns["call"])
        for row in rows
        if row.table == "variant_result"
    ]
    assert found == expected
    swapped = [row for row in rows if "gene_display_differs" in row.flags]
    assert len(swapped) == (2 if "negative" in instance else 0)


def _from_fsh(file: Path, instance: str) -> dict[str, Any]:
    """The genes, the answer and the genomic description of an instance in FHIR Shorthand."""
    lines = file.read_text(encoding="utf-8").split(f"Instance: {instance}\n")[1].split("\n\n")[0]
    components = []
    answer = ABSENT if "LA9634-2" in lines else PRESENT
    for line in lines.splitlines():
        value = line.partition("=")[2].partition("//")[0].strip()
        if "gene-studied" in line and "HGNC#" in value:
            code, _, symbol = value.removeprefix("HGNC#").partition(" ")
            components.append(gene(symbol.strip().strip('"'), code))
        if "genomic-hgvs" in line:
            change = value.removeprefix("HGVS#").partition(" ")[0]
            coded = concept(change, "http://varnomen.hgvs.org")
            components.append(component("81290-9", valueCodeableConcept=coded))
    return observation("69548-6", valueCodeableConcept=answer, component=components)
