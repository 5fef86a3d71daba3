"""What makes a resource of each type worth parsing, as it shows in the bytes of its line.

Most views ask for a code of a value set, which `gates` reads from their `where`. One that asks for
none says so in its extension `relevance` (mappings/StructureDefinition/relevance.json); one that
says nothing has every resource of its type parsed. Nothing here may be narrower than `map`: a
property test compares both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from adapter.errors import DefinitionError
from adapter.mapping import iodine_text, response_text
from adapter.mapping.gates import gates
from adapter.mapping.genes import SYMBOL
from adapter.mapping.names import TEXT
from adapter.mapping.terminology import Terminology
from adapter.mapping.view import View

EXTENSION = "https://raiway.example/fhir/StructureDefinition/relevance"
GENE = "https://raiway.example/fhir/ValueSet/gene"
SHORT = 5
"""A name of fewer letters is looked for as a whole word."""

# Between letters of a text stands anything but these; `\n` in JSON is a backslash and an n.
_BEFORE, _AFTER = rb"(^|[^a-z0-9]|\\[bfnrt])", rb"($|[^a-z0-9])"
_GAP = rb"([\s_-]|\\[bfnrt]|[\x80-\xff]{2,3})?"

WHEN = frozenset({"every", "target", "person", "medication", "beside"})


@dataclass(frozen=True, slots=True)
class Hint:
    """A regular expression on bytes that hyperscan takes. any_case: also in the other case."""

    pattern: bytes
    any_case: bool = False


@dataclass(frozen=True, slots=True)
class Relevance:
    """Of one resource type: its lines that hold a hint are parsed.

    every: all are. keys: what else may ask for a line later on: `target` (a link names it),
    `person` (its patient has facts), `medication` (the Medication it refers to is of interest).
    text: names and words count, so that a line with accented letters is parsed too.
    """

    hints: frozenset[Hint] = frozenset()
    keys: frozenset[str] = frozenset()
    every: bool = False
    text: bool = False

    def __or__(self, other: Relevance) -> Relevance:
        return Relevance(
            self.hints | other.hints,
            self.keys | other.keys,
            self.every or other.every,
            self.text or other.text,
        )


def by_type(
    views: Iterable[tuple[View, Mapping[str, Any]]], terminology: Terminology
) -> dict[str, Relevance]:
    """The relevance of each resource type, from its views and their resources.

    Raises DefinitionError for an extension that says what is not known here.
    """
    found: dict[str, list[Relevance]] = {}
    for view, definition in views:
        found.setdefault(view.resource, []).append(_relevance(view, definition, terminology))
    return {name: reduce(Relevance.__or__, each) for name, each in found.items()}


def _relevance(view: View, definition: Mapping[str, Any], terminology: Terminology) -> Relevance:
    stated = [each for each in definition.get("extension", ()) if each.get("url") == EXTENSION]
    if stated:
        parts = [_stated(part, terminology) for each in stated for part in each["extension"]]
        return reduce(Relevance.__or__, parts)
    asked = gates(view)
    if asked is None:
        return Relevance(every=True)
    return Relevance(frozenset(hint for url in asked for hint in _codes(url, terminology)))


def _stated(part: Mapping[str, Any], terminology: Terminology) -> Relevance:
    match part:
        case {"url": "codes", "valueCanonical": url} if terminology.knows(url):
            return Relevance(frozenset(_codes(url, terminology)))
        case {"url": "names", "valueCanonical": url} if terminology.knows(url):
            return Relevance(frozenset(_names(url, terminology)), text=True)
        case {"url": "text", "valueCode": kind} if kind in _TEXTS:
            return Relevance(frozenset(_text(kind, terminology)), text=True)
        case {"url": "word", "valueString": word}:
            return Relevance(frozenset([_word(word)]))
        case {"url": "when", "valueCode": code} if code in WHEN:
            keys = frozenset() if code in ("every", "beside") else frozenset([code])
            return Relevance(keys=keys, every=code == "every")
        case _:
            raise DefinitionError(f"the extension relevance does not know {dict(part)}")


def _codes(url: str, terminology: Terminology) -> Iterator[Hint]:
    """Each code as a JSON string, whatever its system: `map` looks at that."""
    for token in terminology.tokens(url):
        system, _, code = token.partition("|")
        if system not in (TEXT, SYMBOL):
            yield Hint(b'"' + re.escape(code.encode()) + b'"')


def _names(url: str, terminology: Terminology) -> Iterator[Hint]:
    for token in terminology.tokens(url):
        system, _, name = token.partition("|")
        if system == TEXT:
            yield _word(max(name.split(), key=len))


def _word(word: str) -> Hint:
    pattern = re.escape(word.lower().encode())
    whole = len(word) < SHORT
    return Hint(_BEFORE + pattern + _AFTER if whole else pattern, any_case=True)


def _text(kind: str, terminology: Terminology) -> Iterator[Hint]:
    if kind == "genes":
        for token in terminology.tokens(GENE):
            system, _, name = token.partition("|")
            if system == SYMBOL:
                yield Hint(re.escape(name.encode()))
    for hint in _TEXTS[kind]:
        yield Hint(hint.encode().replace(b"~", _GAP), any_case=True)


_TEXTS: Mapping[str, Sequence[str]] = {
    "activity": iodine_text.ACTIVITY_HINTS,
    "nuclide": iodine_text.NUCLIDE_HINTS,
    "progression": response_text.PROGRESSION_HINTS,
    "attachment": (r'"data"\s*:\s*"',),
    "genes": (),
}
"""Kind of text -> regular expressions of which it holds one, wherever it says what counts.

`~` stands for what may lie between two words. An attachment's text is base64.
"""
