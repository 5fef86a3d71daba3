"""Genomics report, variants, pertinent negatives and PD-L1.

Shapes: HL7 Genomics Reporting (LOINC 69548-6 with components), `domain.md` 2.1 V1, V2, V6.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from adapter.synthetic.elements import (
    LABORATORY,
    LOINC,
    Element,
    Resource,
    at,
    coding,
    concept,
    days_after,
    hl7,
    loinc,
    patient,
    quantity,
    reference,
    resource,
)
from adapter.synthetic.observations import laboratory
from adapter.synthetic.tables import Finding, Truth

HGVS = "http://varnomen.hgvs.org"
HGNC, HGNC_GENE_ID = "http://www.genenames.org", "http://www.genenames.org/geneId"

PANEL = {
    "BRAF": "HGNC:1097",
    "NRAS": "HGNC:7989",
    "HRAS": "HGNC:5173",
    "KRAS": "HGNC:6407",
    "TERT": "HGNC:11730",
    "TP53": "HGNC:11998",
    "CHEK2": "HGNC:16627",
    "RET": "HGNC:9967",
    "ALK": "HGNC:427",
    "EIF1AX": "HGNC:3250",
    "PIK3CA": "HGNC:8975",
    "PTEN": "HGNC:9588",
}
"""Genes that the panel reports as absent where nothing was found (`domain.md` 1.7)."""

ONE_LETTER_PATIENTS = {2, 7, 14}
BARE_THREE_LETTER_PATIENTS = {5, 9}

_ONE_LETTER = {"Val": "V", "Glu": "E", "Gln": "Q", "Arg": "R", "His": "H", "Trp": "W", "Thr": "T"}
_MISSENSE = re.compile(r"p\.\(([A-Z][a-z]{2})(\d+)([A-Z][a-z]{2})\)")

_VARIANT = loinc("69548-6", "Genetic variant assessment")
_GENE = loinc("48018-6", "Gene studied [ID]")
_DNA_CHANGE = loinc("48004-6", "DNA change (c.HGVS)")
_PROTEIN_CHANGE = loinc("48005-3", "Amino acid change (pHGVS)")
_SOURCE_CLASS = loinc("48002-0", "Genomic source class [Type]")
_ALLELIC_FREQUENCY = loinc("81258-6", "Sample variant allelic frequency [NFr]")
_VARIANT_NAME = loinc("47998-0", "Variant display name")
_PRESENT = loinc("LA9633-4", "Present")
_ABSENT = loinc("LA9634-2", "Absent")
_SOMATIC = loinc("LA6684-0", "Somatic")


def encode(truth: Truth) -> Iterator[Resource]:
    """The report of the patient's one panel, what it found, what it did not, and PD-L1."""
    day = report_day(truth)
    results = [
        _present(truth, ordinal, finding, day) for ordinal, finding in enumerate(truth.findings, 1)
    ]
    results.append(_absent(truth, day))
    yield _report(truth, day, results)
    yield from results
    yield _pdl1(truth, day)


def report_day(truth: Truth) -> date:
    """Some weeks before the index drugs, which the result decides on; the tables give no day."""
    return days_after(truth.person.drug_start, -(30 + truth.number))


def _report(truth: Truth, day: date, results: list[Resource]) -> Resource:
    return resource(
        "DiagnosticReport",
        f"{truth.patient_id}-genomics",
        day,
        status="final",
        category=[hl7("v2-0074", "GE", "Genetics")],
        code=loinc("51969-4", "Genetic analysis report"),
        subject=patient(truth.patient_id),
        effectiveDateTime=at(day),
        issued=at(day, "14:40:00"),
        performer=[reference("Organization", LABORATORY)],
        result=[reference("Observation", result["id"]) for result in results],
    )


def _present(truth: Truth, ordinal: int, finding: Finding, day: date) -> Resource:
    components = [
        *_gene_of(truth, finding),
        *_change(truth, finding),
        *_frequency(truth, ordinal, finding),
        {"code": _VARIANT_NAME, "valueString": finding.label},
    ]
    return laboratory(
        f"{truth.patient_id}-variant-{ordinal}",
        truth.patient_id,
        day,
        _VARIANT,
        valueCodeableConcept=_PRESENT,
        component=components,
    )


def _absent(truth: Truth, day: date) -> Resource:
    found = {finding.gene for finding in truth.findings}
    return laboratory(
        f"{truth.patient_id}-variants-absent",
        truth.patient_id,
        day,
        _VARIANT,
        valueCodeableConcept=_ABSENT,
        component=[
            _gene(truth, hgnc_id, symbol)
            for symbol, hgnc_id in PANEL.items()
            if symbol not in found
        ],
    )


def _gene_of(truth: Truth, finding: Finding) -> Iterator[Element]:
    if finding.gene:
        yield _gene(truth, finding.hgnc_id, finding.gene)


def _gene(truth: Truth, hgnc_id: str, symbol: str) -> Element:
    # Both systems are met: the older guides and the current one name HGNC differently.
    system = HGNC_GENE_ID if truth.number % 2 == 0 else HGNC
    return {"code": _GENE, "valueCodeableConcept": concept(coding(system, hgnc_id, symbol))}


def _change(truth: Truth, finding: Finding) -> Iterator[Element]:
    if not finding.hgvs_c:
        return
    for code, change in (
        (_DNA_CHANGE, f"{finding.transcript}:{finding.hgvs_c}"),
        (_PROTEIN_CHANGE, _protein_notation(truth, finding.hgvs_p)),
    ):
        if change:
            yield {"code": code, "valueCodeableConcept": concept(coding(HGVS, change, change))}
    yield {"code": _SOURCE_CLASS, "valueCodeableConcept": _SOMATIC}


def _protein_notation(truth: Truth, change: str) -> str:
    """The p.HGVS as this patient's laboratory writes it: `p.V600E`, `p.Val600Glu` or with ( )."""
    missense = _MISSENSE.fullmatch(change)
    if missense is None:
        return change
    before, position, after = missense.groups()
    if truth.number in ONE_LETTER_PATIENTS:
        return f"p.{_ONE_LETTER[before]}{position}{_ONE_LETTER[after]}"
    if truth.number in BARE_THREE_LETTER_PATIENTS:
        return f"p.{before}{position}{after}"
    return change


def _frequency(truth: Truth, ordinal: int, finding: Finding) -> Iterator[Element]:
    """A made-up allelic frequency: odd patients only, by turns in per cent and as a fraction."""
    if not finding.hgvs_c or truth.number % 2 == 0:
        return
    percent = Decimal(180 + (23 * truth.number + 61 * ordinal) % 240) / 10
    stated = quantity(percent, "%") if truth.number % 4 == 1 else quantity(percent / 100, "1")
    yield {"code": _ALLELIC_FREQUENCY, "valueQuantity": stated}


def _pdl1(truth: Truth, day: date) -> Resource:
    display = (
        "Cells.programmed cell death ligand 1/100 viable tumor cells in Tissue by Immune stain"
    )
    return laboratory(
        f"{truth.patient_id}-pdl1",
        truth.patient_id,
        day,
        concept(coding(LOINC, "83053-9", display), text="PD-L1 tumor proportion score"),
        valueQuantity=quantity(truth.person.pdl1_pct, "%"),
    )
