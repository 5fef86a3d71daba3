"""What exactly is changed in a gene, from all that a variant says of it.

Coordinates and ClinVar ids come before the protein change that is stated, since transcripts number
BRAF V600E differently; a dbSNP id names a place, not an allele, and comes last. Which description
means which recurrent change is data: ConceptMap `hotspot` (`GENE:change` under any other name).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from adapter.mapping import hgvs
from adapter.mapping.context import Context, Row
from adapter.mapping.mapped import Unmapped

HGVS, DBSNP = "http://varnomen.hgvs.org", "http://www.ncbi.nlm.nih.gov/projects/SNP"
CHROMOSOME = "urn:raiway:chromosome"
_ASSEMBLIES = {"LA14029-5": "GRCh37", "LA26806-2": "GRCh38"}
_ZERO_BASED = "LA30100-4"
_SAYS_NOTHING = frozenset({"", "?", "p.?", "p.(?)", "p.0", "p.0?"})


@dataclass(frozen=True, slots=True)
class Change:
    """`gene` is the symbol where only the change tells it. p_hgvs is one-letter, without `p.`."""

    gene: str = ""
    p_hgvs: str = ""
    c_hgvs: str = ""
    g_hgvs: str = ""

    def __bool__(self) -> bool:
        return bool(self.p_hgvs or self.c_hgvs or self.g_hgvs)


def read(row: Row, symbols: Iterable[str], context: Context) -> Change:
    """The change of a variant Observation whose genes have these symbols."""
    genomic = _genomic(row, context)
    coding = hgvs.coding_change(row["c_hgvs"]) or _misplaced(row["g_hgvs"])
    stated = Change("", hgvs.protein_change(row["p_hgvs"]), coding, genomic or row["g_hgvs"] or "")
    if ":c." in stated.g_hgvs:
        stated = Change("", stated.p_hgvs, stated.c_hgvs)
    exact = _hotspot([f"{HGVS}|{genomic}", *_without(DBSNP, row["variant_ids"])], context)
    if exact:
        return _with(exact, stated, context)
    found = _hotspot(_names(row, stated, symbols), context)
    if found or stated.p_hgvs:
        return _merged(found, stated) if found else stated
    if (row["p_hgvs"] or "").strip() not in _SAYS_NOTHING:
        context.unmapped.append(Unmapped("value", HGVS, row["p_hgvs"]))
        context.flags.append("change_not_read")
    return _last_resort(row, stated, context)


def of_text(symbol: str, text: str, context: Context) -> Change:
    """The change that a text of one or two descriptions states for a gene."""
    stated = Change(symbol, hgvs.protein_change(text), hgvs.coding_change(text))
    keys = [stated.c_hgvs, *text.split()]
    found = _hotspot([f"{HGVS}|{symbol}:{key}" for key in keys if key], context)
    return _merged(found, stated) if found else stated


def _last_resort(row: Row, stated: Change, context: Context) -> Change:
    """What the test is for, and what is known to vary at the place of a dbSNP id."""
    if stated:
        return stated
    if tested := _hotspot(row["code"] or (), context):
        return tested
    placed = _hotspot(row["variant_ids"] or (), context)
    if placed:
        context.flags.append("change_from_dbsnp")
    return placed or stated


def _with(exact: Change, stated: Change, context: Context) -> Change:
    if stated.p_hgvs and exact.p_hgvs and stated.p_hgvs != exact.p_hgvs:
        context.flags.append("protein_numbering_differs")
    return _merged(exact, stated)


def _merged(found: Change, stated: Change) -> Change:
    return Change(found.gene, found.p_hgvs, found.c_hgvs or stated.c_hgvs, stated.g_hgvs)


def _names(row: Row, stated: Change, symbols: Iterable[str]) -> Iterator[str]:
    """The change under the name of its gene or transcript, without the version."""
    for symbol in symbols:
        yield f"{HGVS}|{symbol}:{stated.c_hgvs}"
        yield f"{HGVS}|{symbol}:{stated.p_hgvs}"
    for text in (row["c_hgvs"], row["g_hgvs"]):
        yield f"{HGVS}|{hgvs.accession(text)}:{stated.c_hgvs}"
    yield f"{HGVS}|{hgvs.accession(row['p_hgvs'])}:p.{stated.p_hgvs}"


def _hotspot(tokens: Iterable[str], context: Context) -> Change | None:
    found = context.concept("hotspot", list(tokens))
    if found is None:
        return None
    gene, _, change = found.token.partition("|")[2].partition(":")
    if change.startswith("p."):
        return Change(gene, change.removeprefix("p."))
    return Change(gene, "", change)


def _without(system: str, tokens: Iterable[str] | None) -> Iterator[str]:
    return (token for token in tokens or () if not _is_of(system, token))


def _is_of(system: str, token: str) -> bool:
    return token.partition("|")[2].startswith("rs") or token.startswith(system)


def _misplaced(g_hgvs: str | None) -> str:
    return hgvs.coding_change(g_hgvs) if g_hgvs and ":c." in g_hgvs else ""


def _genomic(row: Row, context: Context) -> str:
    """`NC_000007.13:g.140453136A>T` from a g.HGVS, an SPDI or coordinates; or ''."""
    spdi = (token.partition("|")[2] for token in row["variant_ids"] or ())
    for text in (row["g_hgvs"], *spdi):
        sequence, change = hgvs.genomic_change(text)
        if change:
            return _on(sequence, change, row, context)
    place, bases = row["place"], (row["ref_allele"], row["alt_allele"])
    if place is None or not all(base and base in "ACGT" for base in bases):
        return ""
    first = int(place) + (1 if row["counted_from"] == _ZERO_BASED else 0)
    sequence = row["sequence"] if (row["sequence"] or "").startswith("NC_") else row["chromosome"]
    return _on(sequence or "", hgvs.substitution(first, *bases), row, context)


def _on(sequence: str, change: str, row: Row, context: Context) -> str:
    """The change on its accession; a chromosome needs the assembly to have one."""
    if not sequence or sequence.startswith("NC_"):
        return f"{sequence}:{change}" if sequence else ""
    assembly = _ASSEMBLIES.get(row["assembly_code"] or "", row["assembly"] or "")
    token = f"{CHROMOSOME}|{assembly} {sequence.removeprefix('chr')}"
    translated = context.terminology.spellings(token)[1:]
    return f"{translated[0].partition('|')[2]}:{change}" if translated else f"{sequence}:{change}"
