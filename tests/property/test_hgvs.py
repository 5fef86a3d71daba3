"""Descriptions of changes: one change however it is written, and no text breaks the reading."""

from __future__ import annotations

import re
from datetime import UTC

from hypothesis import assume, given
from hypothesis import strategies as st

from adapter.definitions import load
from adapter.mapping.clinical_text import Assertion, Mention, answer, assertions
from adapter.mapping.context import Context
from adapter.mapping.hgvs import (
    THREE_TO_ONE,
    coding_change,
    genomic_change,
    is_synonymous,
    protein_change,
    substitution,
)
from adapter.mapping.variant_text import results

_RESIDUES = st.sampled_from([name for name in THREE_TO_ONE if name != "Ter"])
_READ = re.compile(
    r"=|[A-Z]\d+([A-Z*=]|[A-Z]_or_[A-Z]|[A-Z]?fs(\*[\d?]+)?)"
    r"|[A-Z]\d+(_[A-Z]\d+)?(del|dup|(del)?ins[A-Z]*\*?)"
)


@given(before=_RESIDUES, place=st.integers(1, 3000), after=_RESIDUES, predicted=st.booleans())
def test_three_letters_and_one_letter_are_one_change(
    before: str, place: int, after: str, predicted: bool
) -> None:
    short = f"{THREE_TO_ONE[before]}{place}{THREE_TO_ONE[after]}"
    long = f"{before}{place}{after}"
    long = f"NP_004324.2:p.({long})" if predicted else f"p.{long}"
    read = protein_change(long)
    assert read == protein_change(f"p.{short}") == protein_change(short)
    assert is_synonymous(read) == (before == after)
    assert read == short or before == after


@given(text=st.one_of(st.text(max_size=40), st.from_regex(r"p\.\(?[A-Za-z]{1,3}\d{1,4}\w{0,8}\)?")))
def test_any_text_is_a_change_in_one_form_or_none(text: str) -> None:
    read = protein_change(text)
    assert read == "" or _READ.fullmatch(read)
    assert protein_change(read) == read or "_or_" in read
    coding = coding_change(text)
    assert coding == "" or coding_change(coding) == coding


@given(place=st.integers(1, 250_000_000), bases=st.permutations("ACGT"))
def test_an_spdi_is_one_base_behind_its_hgvs(place: int, bases: list[str]) -> None:
    ref, alt, *_ = bases
    change = substitution(place, ref, alt)
    sequence = "NC_000007.14"
    assert genomic_change(f"{sequence}:{change}") == (sequence, change)
    assert genomic_change(f"{sequence}:{place - 1}:{ref}:{alt}") == (sequence, change)


_WORDS = st.sampled_from(
    [
        "BRAF",
        "NRAS",
        "V600E",
        "p.Q61R",
        "RET",
        "CCDC6-RET",
        "no",
        "not",
        "detected",
        ",",
        ";",
        ".",
        ":",
        "mutation",
        "fusion",
        "wild",
        "type",
        "positive",
        "negative",
        "kein",
        "nachgewiesen",
        "sem",
        "não",
        "if",
        "recommended",
        "but",
        "inhibitor",
        "testing",
        "und",
        "and",
    ]
)


@given(words=st.lists(_WORDS, max_size=14))
def test_any_sentence_is_read_and_each_statement_once(words: list[str]) -> None:
    known = load()
    context = Context(known.terminology, known.units, UTC, known.value_set, [], [])
    found = list(results(" ".join(words), context))
    assert len(set(found)) == len(found)
    subjects = {
        (each.gene.symbol, str(each.change), each.partner, each.assertion) for each in found
    }
    for symbol, change, partner, told in subjects:
        if told is Assertion.AFFIRMED:
            assert (symbol, change, partner, Assertion.NEGATED) not in subjects


@given(text=st.text(max_size=60), places=st.lists(st.integers(0, 60), max_size=4))
def test_every_mention_gets_one_assertion(text: str, places: list[int]) -> None:
    assume("\n" not in text)
    mentions = [Mention(place, place + 3) for place in sorted(set(places))]
    assert len(assertions(text, mentions)) == len(mentions)
    assert answer(text) in Assertion
