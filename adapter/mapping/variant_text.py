"""Genetic results in free text: which gene, which change, and whether it was found.

A gene without a change counts only where a cue says what was found; drugs and tests that are named
after a gene ("BRAF inhibitor", "TERT testing") are no results.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from adapter.mapping import changes
from adapter.mapping.changes import Change
from adapter.mapping.clauses import clauses
from adapter.mapping.clinical_text import Assertion, Mention, assertions
from adapter.mapping.context import Context
from adapter.mapping.genes import Gene, named

_GENE = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Z]-[A-Z]{3}|[A-Z]{3,4}(?=[A-Z]\d{2,4}[A-Z*]\b)|[A-Z][A-Z0-9]{2,})"
    r"(?![a-z0-9])"
)
_CHANGE = re.compile(
    r"(?<![A-Za-z0-9])\(?(?:"
    r"p\.\s?\(?(?:=|[A-Z][a-z]{0,2}\d{1,4}[A-Za-z0-9_=*]*(?:/[A-Z](?![A-Za-z0-9]))?)"
    r"|c\.[-*\d_+]+[A-Za-z>]+"
    r"|(?:[A-Z][a-z]{2}\d{2,4}[A-Z][a-z]{2}|[A-Z]\d{2,4}[A-Z*](?:/[A-Z])?)"
    r")\)?(?![A-Za-z0-9])"
)
_GLUED = re.compile(r"(?<=[A-Z])(?=[A-Z]\d{2,4}[A-Z*](?![A-Za-z0-9]))")
_JOIN = re.compile(r"\s*(?:::|[-\u2013/])\s*")
_FUSED = re.compile(r"::|fusion|fusão|rearrang|translo[ck]|rearranjo|RET/PTC", re.IGNORECASE)
_DRUG = re.compile(
    r"[\s-]*(?:/\s*MEK[\s-]*)?(?:V600\w?[\s-]*)?(?:kinase[\s-]*)?"
    r"(?:inhibit|hemm|inibi|blockade|target|directed|gerichtet)",
    re.IGNORECASE,
)
_TEST = re.compile(
    r"[\s-]*(?:gene?[\s-]*)?(?:mutation\w*[\s-]*)?"
    r"(?:test|analy|anális|sequen[cz]|status|assay|panel|bestimmung|untersuchung|pesquisa)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TextResult:
    """One gene (and partner of a fusion) in a clause, its change, and what is said of it."""

    gene: Gene
    change: Change
    assertion: Assertion
    kind: str = ""
    partner: str = ""
    clause: str = field(default="", compare=False)


@dataclass(slots=True)
class _Named:
    """A gene's name in a clause, and its changes with their span: what is said is said of them."""

    gene: Gene
    start: int
    end: int
    described: str = ""
    at: tuple[int, int] | None = None
    partner: str = ""
    test: bool = False

    @property
    def mention(self) -> Mention:
        start, end = self.at or (self.start, self.end)
        return Mention(start, end, specific=bool(self.described or self.partner))


def results(text: str, context: Context) -> Sequence[TextResult]:
    """What the text says of genes, each statement once. Clauses that contradict each other say
    nothing."""
    return context.once("genes in words", text, lambda words: tuple(_results(words, context)))


def _results(text: str, context: Context) -> Iterator[TextResult]:
    found = [each for clause in clauses(text) for each in _of_clause(clause, context)]
    told: dict[tuple[str, str, str], set[Assertion]] = {}
    for each in found:
        told.setdefault(_subject(each), set()).add(each.assertion)
    for each in dict.fromkeys(found):
        if not {Assertion.AFFIRMED, Assertion.NEGATED} <= told[_subject(each)]:
            yield each


def genes_in(*names: str, context: Context) -> list[Gene]:
    """The genes that names of tests name, each once."""
    return list(dict.fromkeys(each.gene for name in names for each in _genes(name, context)))


def _subject(found: TextResult) -> tuple[str, str, str]:
    return found.gene.symbol, found.change.p_hgvs or found.change.c_hgvs, found.partner


def _of_clause(clause: str, context: Context) -> Iterator[TextResult]:
    clause = _GLUED.sub(" ", clause)
    genes = _genes(clause, context)
    if not genes:
        return
    genes = _described(clause, _fused(clause, genes))
    genes = [each for each in genes if each.described or not each.test]
    said = assertions(clause, [each.mention for each in genes])
    for each, assertion in zip(genes, said, strict=True):
        change = changes.of_text(each.gene.symbol, each.described, context)
        if each.described and not change:
            continue
        kind = "fusion" if each.partner else ""
        yield TextResult(each.gene, change, assertion, kind, each.partner, clause)


def _genes(clause: str, context: Context) -> list[_Named]:
    """The genes in their order, without those that name a drug."""
    found = []
    for name in _GENE.finditer(clause):
        gene, after = named(name.group(), context), clause[name.end() :]
        if gene and not _DRUG.match(after) and clause[: name.start()].lower()[-5:] != "anti-":
            found.append(_Named(gene, name.start(), name.end(), test=bool(_TEST.match(after))))
    return found


def _fused(clause: str, genes: list[_Named]) -> list[_Named]:
    """Two genes joined in one word are one fusion, where the clause speaks of fusions."""
    if not _FUSED.search(clause):
        return genes
    merged: list[_Named] = []
    for gene in genes:
        last = merged[-1] if merged else None
        if last and not last.partner and _JOIN.fullmatch(clause[last.end : gene.start]):
            last.end, last.partner = gene.end, gene.gene.symbol
        else:
            merged.append(gene)
    return merged


def _described(clause: str, genes: list[_Named]) -> list[_Named]:
    """Each change given to the nearest gene before it, or else to the next one after it."""
    for change in _CHANGE.finditer(clause):
        before = [each for each in genes if each.start < change.start()]
        after = [each for each in genes if each.start > change.start()]
        if not (before or after):
            continue
        owner = before[-1] if before else after[0]
        owner.described = f"{owner.described} {change.group().strip('()')}".strip()
        if not _DRUG.match(clause[change.end() :]):
            start, _ = owner.at or change.span()
            owner.at = start, change.end()
        else:
            genes = [each for each in genes if each is not owner]
    return genes
