"""Clinical text in pieces: clauses, which a cue does not reach beyond, and sentences of prose."""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST = 2_000
"""Characters of a sentence that is read."""
_BLANKS = re.compile(r"[^\S\n]+")
# No end: the point of "V. a.", "p.o.", "ca." and of "3. Mai". A question keeps its mark, a cue.
_END_OF_CLAUSE = re.compile(
    r"[;\n]+|(?<=\?)(?=\s|$)|!(?=\s|$)"
    r"|(?<!\b[^\W\d_])(?<!\bca)(?<!\bSt)(?<!\bDr)(?<!\bvs)(?<!\bbzw)(?<!\binkl)(?<!\bggf)"
    r"(?<!\bevtl)(?<!\bapprox)(?<!\bmax)"
    r"\.(?=\s|$)(?!\s+(?:Jan|Feb|M[aä]r|Apr|Mai|Ju[nl]|Aug|Sep|Okt|Nov|Dez))"
)
# A line that breaks off: behind a comma or a little word, or before a word in lower case.
_BROKEN_OFF = re.compile(
    r"(,|\b(?:an?|and|any|been|for|in|new|no|not|of|or|the|with|without|am|auf|das|dem|der|des|die"
    r"|eine?[nrs]?|für|hinweis|im|keine?[nrs]?|mit|nicht|oder|ohne|und|von|zu|com|d[aeo]s?|em|não"
    r"|ou|para|por|sem)) ?\n\s*(?=\S)",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r" ?\n ?(?=[a-zß-öø-ÿ]{2})")
_FULL_LINE = re.compile(r"(?m)^(.{50,}[^.;:!?\s]) ?\n ?(?=[^\W_])(?![^\n.:]{1,30}:)(?!\d+[.)]\s)")


def clauses(text: str) -> Iterator[str]:
    """The text in pieces that a cue does not reach beyond: `;`, line ends, full stops.

    White space is one space each. Results are often written one a line; prose is for `sentences`.
    """
    whole = _GOES_ON.sub(" ", _BROKEN_OFF.sub(r"\1 ", _lines(text)))
    for piece in _END_OF_CLAUSE.split(whole):
        if words := piece.split():
            yield " ".join(words)


def sentences(text: str) -> Iterator[str]:
    """The clauses of prose, of which full lines without a full stop go on in the next.

    What is longer than any sentence is no prose, and left out.
    """
    for clause in clauses(_FULL_LINE.sub(r"\1 ", _lines(text))):
        if len(clause) <= LONGEST:
            yield clause


def _lines(text: str) -> str:
    return _BLANKS.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
