"""Which words, numbers and descriptions may stay in a text: what the readers of text act upon.

Words are data (`mappings/privacy/words.toml`), names of genes, drugs and analytes are those of the
ConceptMaps, units those of `mappings/unit/`. A digit stays only as a part of a measured number, a
change of a gene, a nuclide, or as a small number beside a word that stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from adapter.mapping.names import words
from adapter.mapping.terminology import Terminology
from adapter.mapping.units import UnitTable

NAMED = ("urn:raiway:text|", "urn:raiway:gene-symbol|", "urn:raiway:thyroid-morphology|")
"""Sources of ConceptMaps whose codes are names as they stand in texts."""
LONGEST_WHOLE = 80
SHORT_UNITS = frozenset({"1", "a", "d", "g", "m", "L", "mo", "wk", "rad", "AM", "PM"})
"""Units that are too short, or too much of a word, to make a measure of a number before them."""

_AA1 = "[ACDEFGHIKLMNPQRSTVWY]"
_AA3 = "(?:Ala|Arg|Asn|Asp|Cys|Gln|Glu|Gly|His|Ile|Leu|Lys|Met|Phe|Pro|Ser|Thr|Trp|Tyr|Val|Ter|Sec)"
_AA = f"(?:{_AA3}|{_AA1})"
_BASES = "[ACGTacgt]{1,20}"
_AT = r"[-*]?\d{1,9}(?:[+-]\d{1,5})?"
_PROTEIN = (
    rf"{_AA}\d{{1,4}}(?:_{_AA}\d{{1,4}})?(?:(?:delins|ins|dup|del){_AA}{{0,10}}"
    rf"|{_AA}?fs(?:(?:\*|Ter|X)\d{{0,3}})?|{_AA}|[*=?])?(?:/{_AA1}(?![A-Za-z]))?"
)
_DNA = (
    rf"{_AT}(?:_{_AT})?(?:{_BASES}>{_BASES}|delins{_BASES}|del(?:{_BASES})?(?:ins{_BASES})?"
    rf"|dup(?:{_BASES})?|ins{_BASES}|inv|(?:{_BASES})?\[\d{{1,3}}\]|[=?])"
)
CHANGE = (
    rf"p\.\s?\(?(?:{_PROTEIN}|0\??|[=?])\)?"
    rf"|[cgmn]\.{_DNA}"
    rf"|{_AA3}\d{{2,4}}(?:{_AA3}|[*=])|{_AA1}\d{{2,4}}[ACDEFGHIKLMNPQRSTVWYX*](?:/{_AA1})?"
    r"|(?:N[CGMPRTW]|X[MPR])_\d{3,12}(?:\.\d{1,3})?(?::\d{1,9}:[ACGT]*:[ACGT]*)?"
    r"|(?:LRG_|ENS[TPG])\d{1,12}(?:[tp]\d{1,3})?(?:\.\d{1,3})?|rs\d{3,10}|chr(?:\d\d?|[XYM])"
    # Nuclides.
    r"|(?:[IJij]|[Ii]od|[Jj]od|[Ii]od(?:ine?|ide|id|o)|[Jj]odid)[\s-]?(?:12[345]|131)"
    r"|(?:12[345]|131)[\s-]?[IJij]|177[\s-]?Lu|Lu[\s-]?177|99m[\s-]?Tc|Tc[\s-]?99m|18[\s-]?F|F[\s-]?18"
    # A scheme of doses in a day, 1-0-1.
    r"|\d-\d-\d(?:-\d)?(?!-)"
    r"|GRCh3[78](?:\.p\d\d?)?|hg(?:19|38)|HGNC:\d{1,6}|LA\d{1,6}-\d|(?:RET|NTRK)/PTC\d?"
)
"""A change of a gene, or where it lies, as HGVS and its neighbours write it."""


@dataclass(frozen=True, slots=True)
class Words:
    """`mappings/privacy/words.toml`: entries in lower case, `*` for any further letters."""

    findings: frozenset[str] = frozenset()
    frames: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Vocabulary:
    """What may stay in a text.

    names: what a ConceptMap calls something, in lower case; displays: of our own terminology, as
    whole texts in lower case; units: as they are written.
    """

    words: Words
    names: frozenset[str]
    displays: frozenset[str]
    units: frozenset[str]
    phrases: frozenset[str] = field(default=frozenset())

    def stays(self, word: str) -> bool:
        """Whether the word (letters only) may stay."""
        low = word.lower()
        return (
            low in self._exact
            or self._stems.fullmatch(low) is not None
            or (not low.isascii() and " ".join(words(low)) in self._exact)
        )

    def says(self, word: str) -> bool:
        """Whether the word by itself says something that a reader looks for."""
        low = word.lower()
        known = low if low.isascii() else " ".join(words(low))
        return (
            low in self._findings
            or known in self._findings
            or self._finding_stems.fullmatch(low) is not None
        )

    @cached_property
    def measure(self) -> str:
        """A pattern: a number that could be measured, and its unit."""
        units = sorted((u for u in self.units if u not in SHORT_UNITS), key=len, reverse=True)
        one_of = "|".join(re.escape(unit) for unit in units)
        return rf"\d{{1,6}}(?:[.,]\d{{1,5}}){{0,2}}\s*-?\s*(?:(?:{one_of})(?![\w/])|%)"

    @cached_property
    def _exact(self) -> frozenset[str]:
        own = (*self.words.findings, *self.words.frames, *self.words.labels)
        units = (part.lower() for unit in self.units for part in re.findall(r"[^\W\d_]+", unit))
        texts = (*self.names, *self.phrases)
        named = (part for text in texts for part in re.findall(r"[^\W\d_]+", text))
        return frozenset((*(word.lower() for word in own), *units, *named))

    @cached_property
    def _findings(self) -> frozenset[str]:
        named = (part for name in self.names for part in re.findall(r"[^\W\d_]{3,}", name))
        return frozenset((*self.words.findings, *(w.lower() for w in self.words.labels), *named))

    @cached_property
    def _stems(self) -> re.Pattern[str]:
        return _any_of((*self.words.findings, *self.words.frames))

    @cached_property
    def _finding_stems(self) -> re.Pattern[str]:
        return _any_of(self.words.findings)


def vocabulary(
    words: Words, terminology: Terminology, units: Mapping[str, UnitTable]
) -> Vocabulary:
    """The vocabulary of the definitions of a site."""
    written = frozenset(unit for table in units.values() for unit in _written(table))
    return Vocabulary(
        words,
        names=frozenset(_names(terminology)),
        displays=frozenset(_displays(terminology)),
        units=frozenset(unit for unit in written if not re.search(r"\s|\dx", unit)),
        phrases=frozenset(unit.lower() for unit in written),
    )


def _written(table: UnitTable) -> Iterator[str]:
    yield from table.factors
    yield from table.aliases
    yield from table.molar


def _names(terminology: Terminology) -> Iterator[str]:
    """Names in texts, and the symbols and names of what the value sets of genes and drugs hold."""
    for token in (*terminology.translations, *_tokens(terminology)):
        if token.startswith(NAMED):
            yield token.partition("|")[2].lower()
    for members in terminology.value_sets.values():
        yield from (c.display.lower() for c in members.values() if re.fullmatch(r"\S+", c.display))


def _tokens(terminology: Terminology) -> Iterator[str]:
    for members in terminology.value_sets.values():
        yield from members


def _displays(terminology: Terminology) -> Iterator[str]:
    for members in terminology.value_sets.values():
        yield from (concept.display.lower() for concept in members.values() if concept.display)


def _any_of(entries: Iterable[str]) -> re.Pattern[str]:
    """A pattern of the entries with a star: up to 24 letters more."""
    stems = sorted(entry for entry in entries if "*" in entry)
    return re.compile(
        "|".join(re.escape(s).replace(r"\*", r"[^\W\d_]{0,24}") for s in stems) or "$."
    )
