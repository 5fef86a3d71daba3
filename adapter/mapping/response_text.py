"""Responses in words: RECIST letters and phrases, and progression in a report's conclusion."""

from __future__ import annotations

import re

# The order matters only for reading: a text that names two of them names none.
_NAMED = (
    ("PD", r"\bPD\b(?!-?L1)|\bprogressive disease\b|\bprogression\b|\bprogressed\b|\bprogress\b"),
    ("CR", r"\bCR\b|\bcomplete (?:response|remission)\b|\bvollremission\b"),
    ("PR", r"\bPR\b|\bpartial (?:response|remission)\b|\bteilremission\b"),
    ("SD", r"\bSD\b|\bstable disease\b|\bno change\b|\bkeine änderung\b"),
    ("MR", r"\bMR\b|\b(?:minor|minimal) response\b"),
    ("NE", r"\bNE\b|\bnot evaluable\b|\binevaluable\b"),
)
_RESPONSES = tuple(
    # Letters in capitals only ("pr" is a word's beginning), words in any case.
    (name, re.compile(pattern.replace(rf"\b{name}\b", rf"(?-i:\b{name}\b)"), re.IGNORECASE))
    for name, pattern in _NAMED
)
_NEGATED = re.compile(
    r"\b(?:no|not|without|neither|kein\w*|ohne|nicht|sem|denies|negative for|free of"
    r"|rule[sd]? out)\b",
    re.IGNORECASE,
)
_UNSURE = re.compile(
    r"\b(?:if|possible|possibly|suspicious|suspected|concern\w*|question\w*|may|might|could|risk"
    r"|versus|vs|prior|previous\w*|history|criteria|until|upon|after|free survival)\b",
    re.IGNORECASE,
)
_PROGRESSION = re.compile(
    r"\b(?:interval|disease|tumou?r|structural|radiographic) progression\b|\bprogressive disease\b"
    r"|\bprogression of (?:the )?(?:disease|metasta\w+|thyroid\w*|tumou?r|known|lung|pulmonary"
    r"|nodal)"
    r"|\bnew (?:metasta\w+|lesions?)\b|\btumorprogress\w*\b|\bkrankheitsprogress\w*\b",
    re.IGNORECASE,
)
PROGRESSION_HINTS = ("progress", "new metasta", "new lesion")
"""In any case, one of these stands in each text that states progression (see relevance)."""
_SENTENCE = re.compile(r"[;\n]|\.(?=\s|$)|\bbut\b|\bhowever\b")


def response(text: str) -> str:
    """The one response that a value's text names, or ''; a negated word names none."""
    named = {
        name
        for name, pattern in _RESPONSES
        for found in pattern.finditer(text)
        if not _NEGATED.search(text[: found.start()])
    }
    return named.pop() if len(named) == 1 else ""


def states_progression(text: str) -> bool:
    """Whether a sentence of a report states progression, neither denied nor merely possible."""
    return any(
        _PROGRESSION.search(sentence)
        and not _NEGATED.search(sentence)
        and not _UNSURE.search(sentence)
        for sentence in _SENTENCE.split(text)
    )
