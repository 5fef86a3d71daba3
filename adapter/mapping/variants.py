"""Genetic variants and biomarkers of the tumour."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from adapter.mapping import hgvs
from adapter.mapping.context import Columns, Context, Row, label


def variant_result(row: Row, context: Context) -> Iterator[Columns]:
    """Observation -> variant_result, one row for each gene."""
    call = context.concept("variant-call", row["call"])
    gene = context.concept("gene", [_hgnc(token) for token in row["gene"] or ()])
    symbol = gene.display if gene else row["gene_text"] or row["gene_display"] or ""
    if gene and row["gene_display"] and row["gene_display"] != gene.display:
        context.flags.append("gene_display_differs")
    p_hgvs = hgvs.protein_change(row["p_hgvs"])
    vaf = row["vaf"]
    if vaf is not None:
        vaf = context.units["fraction"].convert(Decimal(str(vaf)), row["vaf_unit"] or "1")
    yield {
        "call": label(call.label) if call else "unknown",
        "gene": symbol,
        "hgnc": gene.token.partition("|")[2] if gene else "",
        "label": row["label"] or row["gene_text"] or "",
        "p_hgvs": p_hgvs,
        "c_hgvs": hgvs.coding_change(row["c_hgvs"]),
        "g_hgvs": row["g_hgvs"] or "",
        "kind": _variant_kind(row, p_hgvs),
        "vaf_fraction": vaf,
        "origin": row["origin"] or "",
        "method": row["method"] or "",
        **context.effective(row),
    }


def _hgnc(token: str) -> str:
    """Bare HGNC numbers occur: `…|1097` is `…|HGNC:1097`."""
    system, _, code = token.partition("|")
    return f"{system}|HGNC:{code}" if code.isdigit() else token


def _variant_kind(row: Row, p_hgvs: str) -> str:
    if row["copy_number"]:
        return "CNV"
    coding = hgvs.coding_change(row["c_hgvs"])
    if coding.startswith("c.-") and not p_hgvs:
        return "promoter"
    if coding or p_hgvs or row["g_hgvs"]:
        return "indel" if re.search(r"del|ins|dup|fs", coding + p_hgvs) else "SNV"
    return "unspecified"


def biomarker(row: Row, context: Context) -> Iterator[Columns]:
    """Observation -> biomarker."""
    concept = context.concept("biomarker", row["code"])
    if concept is None or row["value"] is None:
        return
    percent = concept.label == "PDL1"
    unit = row["value_unit"] or ""
    value = Decimal(str(row["value"]))
    yield {
        "marker": concept.label,
        "code": concept.token.partition("|")[2],
        "value": context.units["percent"].convert(value, unit) if percent else value,
        "unit": context.units["percent"].standard if percent else unit,
        **context.effective(row),
    }
