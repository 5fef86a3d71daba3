"""Genetic variants of the tumour, in the shapes that laboratories and hospitals send.

Discrete data first: components by LOINC, answers, interpretations, the code of a gene-specific
test. Text is read only for what is missing then, flagged `from_text` and with a low confidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from adapter.mapping import attachments, changes, clinical_text, genes, variant_text
from adapter.mapping.changes import Change
from adapter.mapping.clinical_text import Assertion
from adapter.mapping.context import Columns, Context, Row, label
from adapter.mapping.genes import Gene
from adapter.mapping.variant_text import TextResult

TEXT_CONFIDENCE = 0.5
"""What is read from text yields to any discrete result."""

_TOLD = {Assertion.AFFIRMED: "present", Assertion.NEGATED: "absent"}
_CLASS = re.compile(r"\bclass\s*(II|III|2|3)\b", re.IGNORECASE)


def variant_result(row: Row, context: Context) -> Iterator[Columns]:
    """Observation -> variant_result: a row for each gene; two genes found changed are one fusion.

    call: present, absent, no_call, indeterminate, unknown; `studied` for a gene in the scope of a
    panel, which is tested and, if no result names it, absent.
    """
    told = context.recurring(row, _told)
    dates = context.effective(row)
    if told.in_words:
        context.doubt("from_text", TEXT_CONFIDENCE)
    yield from _flagged([({**columns, **dates}, flag) for columns, flag in told.rows], context)


def report_text(row: Row, context: Context) -> Iterator[Columns]:
    """DiagnosticReport -> variant_result, from what its text says was found or not found."""
    texts = [row["conclusion"] or "", *attachments.texts(row["attachments"] or ())]
    found = variant_text.results("\n".join(texts), context)
    told = [each for each in found if each.assertion in _TOLD]
    if told:
        context.doubt("from_text", TEXT_CONFIDENCE)
        shared = {"method": "text", **context.effective(row)}
        yield from _flagged([_of_text(each, "", shared) for each in told], context)


def implication(row: Row, context: Context) -> Iterator[Columns]:
    """Observation -> implication: what it says of a variant, which the reader of facts joins."""
    found = context.concept("significance", row["significance"] or row["value"])
    if found and row["variant_id"]:
        yield {"variant_id": row["variant_id"], "significance": label(found.label)}


def _flagged(rows: list[tuple[Columns, str]], context: Context) -> Iterator[Columns]:
    """The rows, each with the flag that is its own."""
    common = list(context.flags)
    for columns, flag in rows:
        context.flags = [*common, flag] if flag else common
        yield columns


class _Told(NamedTuple):
    """Rows without their dates, each with the flag that is its own; in_words: read from text."""

    rows: list[tuple[Columns, str]]
    in_words: bool = False


def _told(row: Row, context: Context) -> _Told:
    found = _genes(row, context)
    words = _in_words(row, found, context)
    change = changes.read(row, [gene.symbol for gene in found], context)
    change = change or (words.change if words else change)
    call = _call(row, words, context)
    if not found and change.gene:
        found = [genes.named(change.gene, context) or Gene(change.gene)]
    shared = _shared(row, change, call, context)
    told = list(_from_words(row, call, context)) if not found else []
    if told:
        return _Told([_of_text(each, call, shared) for each in told], in_words=True)
    if call == "present" and len(found) > 1:
        return _Told([({**shared, **_one_row(found, change)}, "")])
    return _Told([_of_gene(gene, shared) for gene in found or [Gene("")]])


def _of_gene(gene: Gene, shared: Columns) -> tuple[Columns, str]:
    flag = "gene_display_differs" if gene.misnamed else ""
    return {**shared, "gene": gene.symbol, "hgnc": gene.hgnc}, flag


def _genes(row: Row, context: Context) -> list[Gene]:
    """The genes of the components; without one, that of a gene-specific test.

    Few genes have such a code. Under a local code that a site maps, the test's name tells the gene.
    """
    found = genes.of_codings(row["genes"] or (), context)
    found = found or genes.of_texts(row["gene_texts"] or (), context)
    found = found or genes.of_test(row["code"] or (), context)
    if found:
        return found
    named = variant_text.genes_in(
        row["code_text"] or "", *(row["code_display"] or ()), context=context
    )
    return named if len(named) == 1 else []


def _in_words(row: Row, found: list[Gene], context: Context) -> TextResult | None:
    """What a value in words says of the one gene that the Observation is about."""
    if len(found) != 1 or not row["words"]:
        return None
    said = variant_text.results(f"{found[0].symbol}: {row['words']}", context)
    own = [each for each in said if each.gene == found[0]]
    return max(own, key=lambda each: bool(each.change), default=None)


def _call(row: Row, words: TextResult | None, context: Context) -> str:
    """The value's answer before the interpretation's, and words last."""
    for tokens in (row["call"], row["interpretation"]):
        if answer := context.concept("variant-call", tokens):
            return label(answer.label)
    if context.concept("variant-scope", row["code"]):
        return "studied"
    told = words.assertion if words else clinical_text.answer(row["words"] or "")
    return _TOLD.get(told, "unknown")


def _shared(row: Row, change: Change, call: str, context: Context) -> Columns:
    vaf = row["vaf"]
    if vaf is not None:
        vaf = context.units["fraction"].convert(Decimal(str(vaf)), row["vaf_unit"] or "1")
    significance = context.concept("significance", row["significance"])
    method = context.concept("variant-method", row["code"])
    return {
        "call": call,
        "label": row["label"] or next(iter(row["gene_texts"] or ()), ""),
        "p_hgvs": change.p_hgvs,
        "c_hgvs": change.c_hgvs,
        "g_hgvs": change.g_hgvs,
        "kind": _kind(row, change, context),
        "vaf_fraction": vaf,
        "origin": row["origin"] or "",
        "significance": label(significance.label) if significance else "",
        "method": row["method"] or (method.label if method else ""),
    }


def _kind(row: Row, change: Change, context: Context) -> str:
    marks = [*(row["type_of_change"] or ()), *(row["components"] or ()), *(row["code"] or ())]
    if row["copy_number"]:
        return "CNV"
    if context.concept("variant-fusion", marks):
        return "fusion"
    return _kind_of(change)


def _kind_of(change: Change) -> str:
    if change.c_hgvs.startswith("c.-") and not change.p_hgvs:
        return "promoter"
    if not change:
        return "unspecified"
    described = change.c_hgvs + change.p_hgvs + change.g_hgvs
    return "indel" if re.search(r"del|ins|dup|fs", described) else "SNV"


def _one_row(found: list[Gene], change: Change) -> Columns:
    """Several genes that are found changed together: a fusion, unless the change is within one."""
    if change.p_hgvs:
        first = next((gene for gene in found if gene.symbol == change.gene), found[0])
        return {"gene": first.symbol, "hgnc": first.hgnc}
    first, *others = found
    partner = "/".join(gene.symbol for gene in others)
    return {"gene": first.symbol, "hgnc": first.hgnc, "partner": partner, "kind": "fusion"}


def _from_words(row: Row, call: str, context: Context) -> Iterator[TextResult]:
    """What label, value and notes say of genes, as far as it agrees with the stated answer."""
    if call in ("no_call", "indeterminate", "studied"):
        return
    agrees = {
        "present": {Assertion.AFFIRMED, Assertion.UNSTATED},
        "absent": {Assertion.NEGATED, Assertion.UNSTATED},
    }.get(call, set(_TOLD))
    texts = [row["label"] or "", row["words"] or "", *(row["notes"] or ())]
    for each in variant_text.results("\n".join(texts), context):
        if each.assertion in agrees:
            yield each


def _of_text(found: TextResult, call: str, shared: Columns) -> tuple[Columns, str]:
    """Columns and flag: BRAF of class II or III is any change but V600E."""
    change, braf_class = found.change, _CLASS.search(found.clause)
    columns = {
        **shared,
        "call": _TOLD.get(found.assertion, call),
        "gene": found.gene.symbol,
        "hgnc": found.gene.hgnc,
        "p_hgvs": change.p_hgvs,
        "c_hgvs": change.c_hgvs,
        "kind": found.kind or _kind_of(change),
        "partner": found.partner,
    }
    return columns, f"class_{braf_class[1].lower()}" if braf_class else ""
