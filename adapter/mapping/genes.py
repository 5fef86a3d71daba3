"""Genes as they are sent: HGNC ids under any spelling, Entrez ids, symbols, aliases.

The code is trusted over the display. A gene that no value set holds keeps the name it came with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from adapter.mapping.context import Context

HGNC, SYMBOL = "http://www.genenames.org", "urn:raiway:gene-symbol"


@dataclass(frozen=True, slots=True)
class Gene:
    """The approved symbol with its HGNC id, or a name as sent without one.

    `misnamed`: the display that came with the code is another gene's.
    """

    symbol: str
    hgnc: str = ""
    misnamed: bool = field(default=False, compare=False)


def named(name: str, context: Context) -> Gene | None:
    """The gene of this symbol or alias; None for any other text."""
    return context.once("gene", f"{SYMBOL}|{name.strip()}", lambda token: _known([token], context))


def of_codings(codings: Iterable[str], context: Context) -> list[Gene]:
    """The genes of `system|code|display` codings, each once, in their order."""
    found = (
        context.once("gene coding", coding, lambda each: _of_coding(each, context))
        for coding in codings
    )
    return list(dict.fromkeys(gene for gene in found if gene))


def of_texts(texts: Iterable[str], context: Context) -> list[Gene]:
    """The genes of texts that each name one; a text that is no symbol stays as it is."""
    return list(dict.fromkeys(named(text, context) or Gene(text) for text in texts if text))


def of_test(tokens: Iterable[str], context: Context) -> list[Gene]:
    """The gene that a gene-specific test is about."""
    found = _known(tokens, context)
    return [found] if found else []


def _of_coding(coding: str, context: Context) -> Gene | None:
    system, code, display = coding.split("|", 2)
    gene = _known(_spellings(system, code), context)
    if gene is None:
        name = display or code
        return named(name, context) or (Gene(name) if name else None)
    misnamed = bool(display) and display != gene.symbol and named(display, context) != gene
    return replace(gene, misnamed=misnamed)


def _spellings(system: str, code: str) -> Iterator[str]:
    yield f"{system}|{code}"
    if code.isdigit():
        yield f"{system}|HGNC:{code}"
    if code.upper().startswith("HGNC:"):
        yield f"{HGNC}|{code.upper()}"


def _known(tokens: Iterable[str], context: Context) -> Gene | None:
    concept = context.concept("gene", list(tokens))
    return Gene(concept.display, concept.token.partition("|")[2]) if concept else None
