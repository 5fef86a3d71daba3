"""A text of a patient's with nothing left in it but what the readers of text act upon.

Every word that the vocabulary does not hold becomes `xxx`, every such number `…`; case, line ends,
punctuation and roughly the length stay, since sentences are read by them. So what was said in words
is said still, and a name, a place or the number of a record is gone, wherever in the text it stood.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from adapter.mapping.lab_text import lab_text
from adapter.privacy.vocabulary import CHANGE, LONGEST_WHOLE, SHORT_UNITS, Vocabulary

NOTHING = "…"
"""Stands for a text, or a number, of which nothing may stay: that there was one is a fact too."""
SHORTEST, LONGEST = 2, 10
"""Letters of what stands for a word: near enough to tell a full line, and no name's own length."""
_MONTHS = (
    r"(?:jan|feb|mar|m[aä]r|apr|abr|ma[iy]|jun|jul|aug|ago|sep|set|oct|okt|out|nov|dec|dez)[a-zç]*"
)
_DATE = (
    r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?(?![\w-])"
    r"|(?:0?[1-9]|[12]\d|3[01])\.(?:0?[1-9]|1[0-2])\.(?:19|20)\d\d(?!\w)"
    r"|(?:0?[1-9]|1[0-2])[./](?:19|20)\d\d(?!\w)"
    rf"|(?i:{_MONTHS})\.? (?:19|20)\d\d(?!\w)"
    r"|(?:19|20)\d\d(?![\w.,]*\d)(?!\w)"
)
_TYPED = re.compile(r"(\d\d?)\.(\d\d?)\.(\d{4})")
_JOINERS = (
    *("-", "\u2013", "+", "&", "x", "\u00d7", "/", ":"),
    *("to", "bis", "a", "or", "oder", "ou", "and", "und", "e", "of"),
)
_GROUPS = {"": 2, "x": 2, "\u00d7": 2}
_JOINED = {"kept": dict.fromkeys(_JOINERS, 4) | {"": 2}, "number": _GROUPS}
"""Before a measure or a number that stays: what joins another number to it, and how long that may
be: 100-150 mCi, 2 x 100 mCi, 3 700 MBq."""
_NUCLIDES = re.compile(r"123|124|125|131|177|223|99")
_BARE = re.compile(r"\s*[\d.,]+\s*")
_BASES = re.compile(r"[ACGT]{1,20}")
_HARMLESS = frozenset(
    ".,;:!?()[]{}<>=+-*/%&'\"|~^_\u2013\u2019\u00d7\u00b7\u2265\u2264\u00b1#\n\u2026"
)
SIGNIFICANT = 6
"""Digits of the largest number that is still a measured value."""

Dates = Callable[[str], str]
"""A FHIR date as it may be shown; '' for none."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A text in pieces. dates: which of them are dates, as FHIR writes them, or '' for others.

    whole: nothing of it had to go. says: something in it is what a reader looks for. bare: it is a
    number and nothing else, which is a value where a value belongs, and else may be a record's.
    """

    pieces: tuple[str, ...]
    dates: tuple[str, ...]
    whole: bool
    says: bool
    bare: bool = False

    def shown(self, dates: Dates | None) -> str:
        """The text that may stay; its dates as `dates` shows them, None: as they are."""
        if dates is None:
            return "".join(self.pieces)
        pairs = zip(self.pieces, self.dates, strict=True)
        return "".join((dates(day) or NOTHING) if day else piece for piece, day in pairs)


_Piece = tuple[str, str]
"""What a piece of a text is (date, kept, number, word, space, mark), and the piece."""


class TextReader:
    """Reads texts by one vocabulary."""

    def __init__(self, known: Vocabulary) -> None:
        self._known = known
        self._token = re.compile(
            rf"(?P<date>(?<![\w.,/-]){_DATE})"
            rf"|(?P<kept>(?<![a-z\d])(?:{CHANGE})(?![A-Za-z\d])|(?<![\w.,]){known.measure})"
            r"|(?P<number>\d+(?:[.,]\d+)*)"
            # BRAFV600E: the gene's letters end where the change begins.
            r"|(?P<word>[A-Z]{3,}(?=[A-Z]\d{2,4}[A-Z*](?![A-Za-z0-9]))"
            r"|[^\W\d_]+(?:['\u2019][^\W\d_]+)*)"
            r"|(?P<space>\s+)|(?P<mark>.)",
            re.DOTALL,
        )

    def read(self, text: str) -> Reading:
        """What may stay of the text."""
        if self._is_value(text):
            return Reading((text,), ("",), whole=True, says=True, bare=bool(_BARE.fullmatch(text)))
        found = [(each.lastgroup or "", each.group()) for each in self._token.finditer(text)]
        stays = self._staying(found)
        pieces = tuple(
            piece if kept else _instead(kind, piece)
            for (kind, piece), kept in zip(found, stays, strict=True)
        )
        dates = tuple(_fhir(piece) if kind == "date" else "" for kind, piece in found)
        says = any(
            kind == "kept" or (kind == "word" and kept and self._known.says(piece))
            for (kind, piece), kept in zip(found, stays, strict=True)
        )
        return Reading(*_merged(pieces, dates), whole=all(stays), says=says)

    def _is_value(self, text: str) -> bool:
        """Whether a value set or the grammar of numbers reads all of it."""
        if len(text) > LONGEST_WHOLE:
            return False
        low = " ".join(text.lower().split())
        if low in self._known.displays or low in self._known.names or low in self._known.phrases:
            return True
        value = lab_text(text)
        longest = SIGNIFICANT if value and value.unit not in SHORT_UNITS else len("365")
        if value is None or value.value.adjusted() >= longest:
            return False
        digits = len(value.value.as_tuple().digits)
        return digits <= 2 * SIGNIFICANT and (not value.unit or value.unit in self._known.units)

    def _staying(self, found: list[_Piece]) -> list[bool]:
        """Which pieces stay. Numbers from the right, since a unit stands behind its number."""
        stays = [self._stays_alone(kind, piece) for kind, piece in found]
        for at in range(len(found) - 1, -1, -1):
            if found[at][0] == "number":
                stays[at] = _number_stays(found, stays, at)
        return stays

    def _stays_alone(self, kind: str, piece: str) -> bool:
        if kind == "word":
            return self._known.stays(piece) or bool(_BASES.fullmatch(piece))
        if kind == "mark":
            return piece in _HARMLESS
        return kind != "number"


def _merged(
    pieces: tuple[str, ...], dates: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The pieces with those between two dates as one: what is remembered is small."""
    runs = groupby(zip(pieces, dates, strict=True), key=lambda pair: pair[1])
    merged = [("".join(piece for piece, _ in run), day) for day, run in runs]
    return tuple(piece for piece, _ in merged), tuple(day for _, day in merged)


def _number_stays(found: list[_Piece], stays: list[bool], at: int) -> bool:
    """A nuclide, a part of a measure, or one of two digits beside a word that stays."""
    number = found[at][1]
    after, between = _next(found, at)
    if after is not None and stays[after] and found[after][0] in ("kept", "number"):
        return len(number) <= _JOINED[found[after][0]].get(between, 0)
    before = _previous(found, at)
    beside = [each for each in (before, after) if each is not None]
    by_word = any(found[each][0] == "word" and stays[each] for each in beside)
    by_number = any(found[each][0] == "number" for each in beside)
    short = sum(each.isdigit() for each in number) <= 2
    return by_word and not by_number and (short or bool(_NUCLIDES.fullmatch(number)))


def _next(found: list[_Piece], at: int) -> tuple[int | None, str]:
    """The next word or number, and what joins it to this one; of a joining word what it joins."""
    between = ""
    for place in range(at + 1, len(found)):
        kind, piece = found[place]
        word = kind == "word" and piece.lower() in _JOINERS and _counts_on(found, place)
        if kind in ("space", "mark") or word:
            between += piece.strip().lower()
        else:
            return place, between
    return None, between


def _counts_on(found: list[_Piece], at: int) -> bool:
    """Whether a measure or a number comes right behind a joining word."""
    places = range(at + 1, len(found))
    following = next((found[each][0] for each in places if found[each][0] != "space"), "")
    return following in ("kept", "number")


def _previous(found: list[_Piece], at: int) -> int | None:
    places = range(at - 1, -1, -1)
    return next((each for each in places if found[each][0] not in ("space", "mark")), None)


def _instead(kind: str, piece: str) -> str:
    if kind == "word":
        rest = "x" * (min(max(len(piece), SHORTEST), LONGEST) - 1)
        return f"X{rest}" if piece[0].isupper() else f"x{rest}"
    return NOTHING if kind == "number" else " "


def _fhir(date: str) -> str:
    """The date as FHIR writes it: its day if the text has one, else its month or year."""
    if typed := _TYPED.fullmatch(date):
        day, month, year = typed.groups()
        return f"{year}-{int(month):02}-{int(day):02}"
    return date if re.match(r"\d{4}", date) else date[-4:]
