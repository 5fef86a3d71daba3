"""How laboratories write a change, read into one form: protein, coding and genomic.

HGVS nomenclature (varnomen.hgvs.org) in one or three letters, with accession, gene, parentheses or
none of them, and the shorthand that reports use: `NP_004324.2:p.(Val600Glu)`, `p.V600E` and
`BRAF V600E` are all `V600E`. The shorthand is why this is a module of our own: general HGVS parsers
refuse most of it. Nothing here knows a gene or a hotspot; those are data (`mappings/ConceptMap`).
"""

from __future__ import annotations

import re
from functools import lru_cache

THREE_TO_ONE = {
    "Ala": "A", "Arg": "R", "Asn": "N", "Asp": "D", "Cys": "C", "Gln": "Q", "Glu": "E",
    "Gly": "G", "His": "H", "Ile": "I", "Leu": "L", "Lys": "K", "Met": "M", "Phe": "F",
    "Pro": "P", "Ser": "S", "Thr": "T", "Trp": "W", "Tyr": "Y", "Val": "V", "Ter": "*",
}  # fmt: skip
SYNONYMOUS = "="
RECENT = 1024
"""Descriptions that are remembered: the hotspots recur."""

_RESIDUE = "[ACDEFGHIKLMNPQRSTVWY]"
_THREE = re.compile("|".join(THREE_TO_ONE), re.IGNORECASE)
_BEFORE_PROTEIN = re.compile(r"^(?:.*[:\s(]|)p\.\s?|^.*:|^[A-Z][A-Z0-9-]+\s+(?=\S+$)", re.DOTALL)
_SMALL = re.compile(r"[a-z]\d+[a-z*]")
_SUBSTITUTION = re.compile(rf"({_RESIDUE})(\d+)({_RESIDUE}|\*|X|=)")
_AMBIGUOUS = re.compile(
    rf"(?P<site>{_RESIDUE}\d+)(?P<one>{_RESIDUE})\s*(?:/|\||or)\s*(?:(?P=site))?(?P<other>{_RESIDUE})"
)
_SPAN = re.compile(
    rf"({_RESIDUE}\d+(?:_{_RESIDUE}\d+)?)(del|dup|ins{_RESIDUE}+\*?|delins(?:{_RESIDUE}+\*?|\*))"
)
_FRAME = re.compile(rf"({_RESIDUE}\d+)({_RESIDUE})?fs(?:[*X](\d+|\?))?")
_CODING = re.compile(
    r"(?:\b[cn]\.|^)(?P<place>[-*]?\d+(?:[+-]\d+)?(?:_[-*]?\d+(?:[+-]\d+)?)?)"
    r"(?P<change>[ACGT]+>[ACGT]+|del[ACGT]*ins[ACGT]+|del[ACGT]*|dup[ACGT]*|ins[ACGT]+|=)",
    re.IGNORECASE,
)
_GENOMIC = re.compile(
    r"(?P<sequence>NC_\d{6}\.\d+|(?:chr)?(?:\d{1,2}|[XY])):g\.(?P<change>[\d_]+[A-Za-z>=]+)"
)
_SPDI = re.compile(r"(?P<sequence>NC_\d{6}\.\d+):(?P<before>\d+):(?P<ref>[ACGT]):(?P<alt>[ACGT])")


@lru_cache(maxsize=RECENT)
def protein_change(text: str | None) -> str:
    """The change in one letter, without accession, `p.` and parentheses; '' if there is none.

    `V600E/K` is `V600E_or_K`: it proves neither. `V600` alone says no change. A change that alters
    nothing ends with `=`.
    """
    if not text:
        return ""
    change = _THREE.sub(_one_letter, _BEFORE_PROTEIN.sub("", text.strip(), count=1)).strip("()[] ")
    if change in ("=", "(="):
        return SYNONYMOUS
    if _SMALL.fullmatch(change):
        change = change.upper()
    for read in (_substitution, _either, _span, _frameshift):
        if found := read(change):
            return found
    return ""


def _one_letter(residue: re.Match[str]) -> str:
    return THREE_TO_ONE[residue.group().capitalize()]


def _substitution(change: str) -> str:
    found = _SUBSTITUTION.fullmatch(change)
    if not found:
        return ""
    before, place, after = found.groups()
    after = {"X": "*", before: SYNONYMOUS}.get(after, after)
    return f"{before}{place}{after}"


def _either(change: str) -> str:
    found = _AMBIGUOUS.fullmatch(change)
    return f"{found['site']}{found['one']}_or_{found['other']}" if found else ""


def _span(change: str) -> str:
    return change if _SPAN.fullmatch(change) else ""


def _frameshift(change: str) -> str:
    found = _FRAME.fullmatch(change)
    if not found:
        return ""
    place, after, stop = found.groups()
    return f"{place}{after or ''}fs{f'*{stop}' if stop else ''}"


@lru_cache(maxsize=RECENT)
def coding_change(text: str | None) -> str:
    """The c. description without its transcript: `NM_004333.6:c.1799T>A` -> `c.1799T>A`; or ''.

    Older reports count upstream bases from 1: `c.1-124C>T` is `c.-124C>T`.
    """
    found = _CODING.search(text.strip().rpartition(":")[2]) if text else None
    if not found:
        return ""
    place = re.sub(r"^1-(?=\d)", "-", found["place"])
    change = re.sub(r"[acgt](?=[acgt]*>)|(?<=>)[acgt]+", _upper, found["change"])
    return f"c.{place}{re.sub('del[ACGT]+ins', 'delins', change)}"


def _upper(bases: re.Match[str]) -> str:
    return bases.group().upper()


def accession(text: str | None) -> str:
    """The sequence that a description is on, without its version: `NM_004333`; or ''."""
    found = re.match(r"\s*([NX][MRP]_\d+)", text or "")
    return found.group(1) if found else ""


@lru_cache(maxsize=RECENT)
def genomic_change(text: str | None) -> tuple[str, str]:
    """(sequence, g. description) of `NC_000007.13:g.140453136A>T`, of the same with a chromosome
    for a sequence, or of an SPDI, which counts from 0; ('', '') if it is none of them."""
    stated = (text or "").strip()
    if found := _GENOMIC.fullmatch(stated):
        return found["sequence"].removeprefix("chr"), f"g.{found['change']}"
    if found := _SPDI.fullmatch(stated):
        return found["sequence"], substitution(int(found["before"]) + 1, found["ref"], found["alt"])
    return "", ""


def substitution(place: int, ref: str, alt: str) -> str:
    """One base for another, the place counted from 1: (140453136, A, T) -> `g.140453136A>T`."""
    return f"g.{place}{ref}>{alt}"


def is_synonymous(p_hgvs: str) -> bool:
    """Whether the protein stays as it is."""
    return p_hgvs.endswith(SYNONYMOUS)
