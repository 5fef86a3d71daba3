"""Every shape in which hospitals send a genetic variant, with the rows that it states.

The numbers are those of the list of shapes that the project maps (V1 to V19). A resource is drawn
by its distinctive elements; what all share (id, subject, status final, 2021-05-03) is left out, as
are columns that stay empty.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any

from adapter.definitions import load
from adapter.mapping.resource import Mapper
from tests.lib.mapping import component, concept, mapped, observation, quantity, rows

HGNC, GENE_ID = "http://www.genenames.org", "http://www.genenames.org/geneId"
HGVS, SNOMED = "http://varnomen.hgvs.org", "http://snomed.info/sct"
CLINVAR, DBSNP = "http://www.ncbi.nlm.nih.gov/clinvar", "http://www.ncbi.nlm.nih.gov/projects/SNP"
MII = (
    "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/"
    "mii-cs-onko-genetische-variante-auspraegung"
)
PRESENT, ABSENT = concept("LA9633-4"), concept("LA9634-2")


def gene(symbol: str, code: str, system: str = HGNC) -> dict[str, Any]:
    """Component 48018-6, gene studied."""
    coding = {"system": system, "code": code, "display": symbol}
    return component("48018-6", valueCodeableConcept={"coding": [coding]})


def protein(change: str) -> dict[str, Any]:
    """Component 48005-3, protein change."""
    return component("48005-3", valueCodeableConcept=concept(change, HGVS))


def coding(change: str) -> dict[str, Any]:
    """Component 48004-6, DNA change."""
    return component("48004-6", valueCodeableConcept=concept(change, HGVS))


BRAF, NRAS = gene("BRAF", "HGNC:1097"), gene("NRAS", "HGNC:7989")


def facts(resource: dict[str, Any]) -> list[str]:
    """Each row in a line: gene (and partner) and change, call, kind; then what else it states."""
    return [_line(row) for row in mapped(resource).rows if row.table == "variant_result"]


def _line(row: Any) -> str:
    known = row.columns
    gene = known["gene"] + (f"-{known['partner']}" if known.get("partner") else "")
    change = known["p_hgvs"] or known["c_hgvs"] or ("g." if known.get("g_hgvs") else "")
    line = " ".join(part for part in (gene, change, known["call"], known["kind"]) if part)
    more = [f"vaf {known['vaf_fraction']}"] if known.get("vaf_fraction") is not None else []
    more += [known[name] for name in ("significance", "method") if known.get(name)]
    more += [f"confidence {row.confidence}"] if row.confidence < 1 else []
    return " | ".join([line, *more, *row.flags])


def test_v1_components_of_genomics_reporting() -> None:
    resource = observation(
        "69548-6",
        valueCodeableConcept=PRESENT,
        component=[
            BRAF,
            protein("p.(Val600Glu)"),
            component("81258-6", valueQuantity=quantity(30.25, "%")),
        ],
    )
    assert facts(resource) == ["BRAF V600E present SNV | vaf 0.3025"]


def test_v2_one_letter_without_an_accession() -> None:
    resource = observation(
        "69548-6",
        valueCodeableConcept=PRESENT,
        component=[NRAS, protein("p.G12C"), coding("c.34G>T")],
    )
    assert facts(resource) == ["NRAS G12C present SNV"]


def test_v3_accession_and_parentheses() -> None:
    resource = observation(
        "69548-6",
        valueCodeableConcept=PRESENT,
        component=[gene("EGFR", "HGNC:3236"), protein("NP_005219.2:p.(Leu858Arg)")],
    )
    assert facts(resource) == ["EGFR L858R present SNV"]


def test_v4_only_a_genomic_description_or_a_clinvar_id() -> None:
    genomic = component(
        "81290-9", valueCodeableConcept=concept("NC_000007.13:g.140453136A>T", HGVS)
    )
    clinvar = component("81252-9", valueCodeableConcept=concept("13961", CLINVAR))
    for sent in (genomic, clinvar):
        resource = observation("69548-6", valueCodeableConcept=PRESENT, component=[sent])
        assert facts(resource) == ["BRAF V600E present SNV"]


def test_a_dbsnp_id_names_the_place_only_and_is_used_last() -> None:
    dbsnp = component("81252-9", valueCodeableConcept=concept("rs113488022", DBSNP))
    alone = observation("69548-6", valueCodeableConcept=PRESENT, component=[dbsnp])
    assert facts(alone) == ["BRAF V600E present SNV | change_from_dbsnp"]
    stated = [BRAF, protein("p.Val600Lys"), dbsnp]
    beside = observation("69548-6", valueCodeableConcept=PRESENT, component=stated)
    assert facts(beside) == ["BRAF V600K present SNV"]


def test_coordinates_beat_another_transcript_s_numbering() -> None:
    resource = observation(
        "69548-6",
        valueCodeableConcept=PRESENT,
        component=[
            BRAF,
            protein("p.Val640Glu"),
            component("81252-9", valueCodeableConcept=concept("13961", CLINVAR)),
        ],
    )
    assert facts(resource) == ["BRAF V600E present SNV | protein_numbering_differs"]


def test_v5_coordinates_without_a_gene() -> None:
    def at(place: int, counted: str, *more: dict[str, Any]) -> dict[str, Any]:
        coordinates = [
            component("69547-8", valueString="A"),
            component("69551-0", valueString="T"),
            component("81254-5", valueRange={"low": {"value": place}}),
            component("92822-6", valueCodeableConcept=concept(counted)),
        ]
        return observation("69548-6", valueCodeableConcept=PRESENT, component=[*coordinates, *more])

    accession = component("48013-7", valueCodeableConcept=concept("NC_000007.13"))
    chromosome = component("48000-4", valueCodeableConcept={"text": "7"})
    grch38 = component("62374-4", valueCodeableConcept=concept("LA26806-2"))
    # Intervals are counted from 0, positions from 1.
    assert facts(at(140453135, "LA30100-4", accession)) == ["BRAF V600E present SNV"]
    assert facts(at(140453136, "LA30102-0", accession)) == ["BRAF V600E present SNV"]
    assert facts(at(140753336, "LA30102-0", chromosome, grch38)) == ["BRAF V600E present SNV"]
    # A chromosome without its assembly is no place.
    assert facts(at(140753336, "LA30102-0", chromosome)) == ["g. present SNV"]


def test_an_spdi_is_counted_from_0() -> None:
    spdi = {"coding": [{"code": "NC_000007.13:140453135:A:T"}]}
    resource = observation(
        "69548-6",
        valueCodeableConcept=PRESENT,
        component=[component("81252-9", valueCodeableConcept=spdi)],
    )
    assert facts(resource) == ["BRAF V600E present SNV"]


def test_v6_a_pertinent_negative_is_a_row_for_each_gene_and_the_code_beats_the_display() -> None:
    # As in an official example, which swaps two displays.
    resource = observation(
        "69548-6",
        valueCodeableConcept=ABSENT,
        component=[gene("NRAS", "HGNC:6342"), gene("KIT", "HGNC:7989"), BRAF],
    )
    assert facts(resource) == [
        "KIT absent unspecified | gene_display_differs",
        "NRAS absent unspecified | gene_display_differs",
        "BRAF absent unspecified",
    ]


def test_v7_negative_by_interpretation_only() -> None:
    resource = observation("69548-6", interpretation=[concept("W", MII)], component=[BRAF])
    assert facts(resource) == ["BRAF absent unspecified"]


def test_v8_positive_by_interpretation_and_a_note() -> None:
    resource = observation(
        "69548-6", interpretation=[concept("M", MII)], note=[{"text": "BRAF1 Class II Mutation"}]
    )
    # Class II is not V600E, and the note names no change.
    assert facts(resource) == ["BRAF present unspecified | confidence 0.5 | from_text | class_ii"]


def test_v9_a_fusion_is_one_row_with_both_partners() -> None:
    entrez = {"system": "https://www.ncbi.nlm.nih.gov/gene", "code": "238", "display": "ALK"}
    alk = {"coding": [{"system": HGNC, "code": "HGNC:427", "display": "ALK"}, entrez]}
    resource = observation(
        "69548-6",
        valueCodeableConcept=PRESENT,
        component=[gene("MET", "HGNC:7029"), component("48018-6", valueCodeableConcept=alk)],
    )
    assert facts(resource) == ["MET-ALK present fusion"]


def test_v10_expression_shaped_as_a_variant_is_no_mutation() -> None:
    resource = observation("69548-6", valueCodeableConcept=PRESENT, component=[NRAS])
    assert facts(resource) == ["NRAS present unspecified"]


def test_v11_ploidy_under_the_variant_code_names_no_gene() -> None:
    ploidy = {"code": {"text": "Ploidie"}, "valueQuantity": quantity(2.6, "1")}
    resource = observation("69548-6", valueCodeableConcept=PRESENT, component=[ploidy])
    assert facts(resource) == ["present unspecified"]


def test_v12_copy_number() -> None:
    resource = observation(
        "69548-6",
        valueCodeableConcept=PRESENT,
        component=[
            gene("ERBB2", "HGNC:3430", GENE_ID),
            component("82155-3", valueQuantity=quantity(12, "1")),
        ],
    )
    assert facts(resource) == ["ERBB2 present CNV"]


def test_v13_a_code_that_names_the_gene() -> None:
    detected, not_detected = concept("260373001", SNOMED), concept("260415000", SNOMED)
    braf = "53844-7"
    assert [facts(observation(braf, **sent)) for sent in (
        {"valueString": "p.V600E"},
        {"valueString": "p.V600E not detected"},
        {"valueString": "BRAF V600E/K detected"},
        {"valueCodeableConcept": detected},
        {"valueCodeableConcept": not_detected},
        {"valueCodeableConcept": {"text": "Wild type"}},
        {"valueString": "Testing pending"},
    )] == [
        ["BRAF V600E present SNV"],
        ["BRAF V600E absent SNV"],
        ["BRAF V600E_or_K present SNV"],
        ["BRAF present unspecified"],
        ["BRAF absent unspecified"],
        ["BRAF absent unspecified"],
        ["BRAF unknown unspecified"],
    ]  # fmt: skip


def test_a_test_of_two_genes_hides_the_result_in_its_text() -> None:
    resource = observation("81420-2", valueString="NRAS p.Q61R mutation, KRAS wild type")
    assert facts(resource) == [
        "NRAS Q61R present SNV | confidence 0.5 | from_text",
        "KRAS absent unspecified | confidence 0.5 | from_text",
    ]


def test_a_local_code_that_a_site_maps(tmp_path: Path) -> None:
    """To the variant code, and to the gene or the change where the code implies one."""
    local = {
        "NRASMUT": [("http://loinc.org", "69548-6")],
        "B600": [("http://loinc.org", "69548-6"), (HGVS, "BRAF:p.V600E")],
    }
    groups = [
        {
            "source": "urn:hospital:lab",
            "target": system,
            "element": [{"code": code, "target": [{"code": to, "equivalence": "equivalent"}]}],
        }
        for code, targets in local.items()
        for system, to in targets
    ]
    file = tmp_path / "local.json"
    content = {"resourceType": "ConceptMap", "status": "active", "group": groups}
    file.write_text(json.dumps(content), encoding="utf-8")
    site = Mapper(load((file,)), "a", UTC)

    def read(local: str, name: str, **content: Any) -> list[str]:
        resource = observation(local, "urn:hospital:lab", **content)
        resource["code"]["text"] = name
        return [_line(row) for row in site.map(resource, "here:1").rows]

    nras, positive = ("NRASMUT", "NRAS mutation"), concept("10828004", SNOMED)
    assert read(*nras, valueString="p.Gln61Arg") == ["NRAS Q61R present SNV"]
    assert read(*nras, valueString="Not detected") == ["NRAS absent unspecified"]
    assert read("B600", "B600", valueCodeableConcept=positive) == ["BRAF V600E present SNV"]


def test_v14_immune_stain_of_the_mutant_protein() -> None:
    positive, negative = concept("10828004", SNOMED), concept("260385009", SNOMED)
    assert facts(observation("85299-6", valueCodeableConcept=positive)) == [
        "BRAF V600E present SNV | IHC"
    ]
    assert facts(observation("85299-6", valueCodeableConcept=negative)) == [
        "BRAF V600E absent SNV | IHC"
    ]


def report(conclusion: str = "", **more: Any) -> dict[str, Any]:
    """A final report of Patient/p on 2021-05-03."""
    return {
        "resourceType": "DiagnosticReport",
        "id": "r1",
        "status": "final",
        "code": {"text": "Molecular pathology"},
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2021-05-03",
        **({"conclusion": conclusion} if conclusion else {}),
        **more,
    }


def test_v15_only_text() -> None:
    told = " | text | confidence 0.5 | from_text"
    german = "BRAF p.V600E Mutation liegt vor. Therapieoption mit einem BRAF-Inhibitor prüfen."
    assert [facts(report(text)) for text in (
        german,
        "NRAS p.Gln61Arg detected; no BRAF, HRAS or KRAS mutation.",
        "BRAF V600E nicht nachgewiesen. TERT testing recommended.",
        "Sem mutação em BRAF.",
        "CCDC6-RET fusion identified.",
        "TERT promoter C228T mutation detected.",
        "Consider a BRAF inhibitor if BRAF V600E is found.",
        "BRAF mutation cannot be excluded.",
    )] == [
        [f"BRAF V600E present SNV{told}"],
        [f"NRAS Q61R present SNV{told}", f"BRAF absent unspecified{told}",
         f"HRAS absent unspecified{told}", f"KRAS absent unspecified{told}"],
        [f"BRAF V600E absent SNV{told}"],
        [f"BRAF absent unspecified{told}"],
        [f"CCDC6-RET present fusion{told}"],
        [f"TERT c.-124C>T present promoter{told}"],
        [],
        [],
    ]  # fmt: skip


def test_attached_plain_text_is_read_and_a_pdf_is_not() -> None:
    def attached(kind: str) -> dict[str, Any]:
        data = base64.b64encode(b"Result: BRAF V600E detected").decode()
        return report(presentedForm=[{"contentType": kind, "data": data}])

    assert facts(attached("text/plain; charset=utf-8")) == [
        "BRAF V600E present SNV | text | confidence 0.5 | from_text"
    ]
    assert facts(attached("application/pdf")) == []


def test_v16_no_call_and_indeterminate_are_neither_present_nor_absent() -> None:
    for answer, call in (("LA18198-4", "no_call"), ("LA11884-6", "indeterminate")):
        resource = observation("69548-6", valueCodeableConcept=concept(answer), component=[BRAF])
        assert facts(resource) == [f"BRAF {call} unspecified"]


def test_v17_the_scope_of_a_panel_says_which_genes_were_tested() -> None:
    # Whether a gene in scope is absent takes the report's other results: analytics.genomics.
    resource = observation("53041-0", component=[BRAF, NRAS])
    assert facts(resource) == ["BRAF studied unspecified", "NRAS studied unspecified"]


def test_v18_significance_of_the_variant_itself_or_of_another_observation() -> None:
    # The implication is no variant; it is joined when the patient's facts are read.
    uncertain = component("53037-8", valueCodeableConcept=concept("LA26333-7"))
    on_itself = observation(
        "69548-6", valueCodeableConcept=PRESENT, component=[BRAF, protein("p.G469V"), uncertain]
    )
    assert facts(on_itself) == ["BRAF G469V present SNV | uncertain"]
    elsewhere = observation(
        "diagnostic-implication",
        "http://hl7.org/fhir/uv/genomics-reporting/CodeSystem/TbdCodes",
        component=[uncertain],
        derivedFrom=[{"reference": "Observation/v1"}],
    )
    assert rows(elsewhere) == [
        {"table": "implication", "variant_id": "v1", "significance": "uncertain"}
    ]


def test_v19_synonymous() -> None:
    for sent, change in (("p.=", "="), ("p.(Val600=)", "V600="), ("p.Val600Val", "V600=")):
        resource = observation(
            "69548-6", valueCodeableConcept=PRESENT, component=[BRAF, protein(sent)]
        )
        assert facts(resource) == [f"BRAF {change} present SNV"]


def test_every_version_of_genomics_reporting_is_one_shape() -> None:
    """STU1 names genes under /geneId and adds an amino-acid change type; STU3 renames slices."""
    stu1 = [gene("NRAS", "HGNC:7989", GENE_ID), protein("p.(Gln61Arg)"),
            component("48006-1", valueCodeableConcept=concept("LA6698-0"))]  # fmt: skip
    stu3 = [NRAS, protein("NP_002515.1:p.Gln61Arg")]
    for components in (stu1, stu3):
        resource = observation("69548-6", valueCodeableConcept=PRESENT, component=components)
        assert facts(resource) == ["NRAS Q61R present SNV"]


def test_promoter_variants_have_no_protein_change() -> None:
    tert = gene("TERT", "HGNC:11730")
    g38 = component("81290-9", valueCodeableConcept=concept("NC_000005.10:g.1295113G>A", HGVS))
    for sent in (protein("C228T"), coding("NM_198253.3:c.-124C>T"), coding("c.1-124C>T"), g38):
        resource = observation("69548-6", valueCodeableConcept=PRESENT, component=[tert, sent])
        assert facts(resource) == ["TERT c.-124C>T present promoter"]


def test_a_coding_change_alone_tells_the_protein_change_of_a_hotspot() -> None:
    for change in ("c.1799T>A", "NM_004333.6:c.1799T>A", "c.1799_1800delTGinsAA"):
        resource = observation(
            "69548-6", valueCodeableConcept=PRESENT, component=[BRAF, coding(change)]
        )
        (row,) = mapped(resource).rows
        assert row.columns["p_hgvs"] == "V600E"
    elsewhere = [gene("KIT", "HGNC:6342"), coding("c.1799T>A")]
    resource = observation("69548-6", valueCodeableConcept=PRESENT, component=elsewhere)
    assert facts(resource) == ["KIT c.1799T>A present SNV"]


def test_a_change_that_cannot_be_read_is_reported() -> None:
    resource = observation(
        "69548-6", valueCodeableConcept=PRESENT, component=[BRAF, protein("exon 15")]
    )
    assert facts(resource) == ["BRAF present unspecified | change_not_read"]
    assert [(each.kind, each.code) for each in mapped(resource).unmapped] == [("value", "exon 15")]


def test_vaf_without_a_code_for_its_unit() -> None:
    sent = component("81258-6", valueQuantity={"value": 0.44, "unit": "decimal"})
    resource = observation("69548-6", valueCodeableConcept=PRESENT, component=[BRAF, sent])
    (row,) = mapped(resource).rows
    assert row.columns["vaf_fraction"] == Decimal("0.44")
