"""Names of drugs and analytes in text, found word by word.

The names are data: ConceptMaps from `urn:raiway:text` (lower case, no accents) to the standard
code. A name counts only as a whole word or words. Text comes last: what it gives is flagged.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from adapter.mapping.clinical_text import kinds_of_cue
from adapter.mapping.terminology import Concept, Terminology

TEXT = "urn:raiway:text"
MOST_WORDS = 3
"""The longest name that is looked for has three words."""
LONGEST = 2_000
"""Characters of a text that are read; a drug's or analyte's name stands at its beginning."""
GUARDS = frozenset({"hypothetical", "negative", "no", "not", "refused", "tentative", "withheld"})
"""Kinds of cue of which one makes a text doubtful that names a drug."""
_WORD = re.compile(r"[a-z0-9]+")


def words(text: str) -> list[str]:
    """The words in lower case without accents: 'Dabrafénib 75 mg' -> dabrafenib, 75, mg."""
    plain = text[:LONGEST].lower()
    if not plain.isascii():
        apart = unicodedata.normalize("NFKD", plain.replace("ß", "ss"))
        plain = "".join(c for c in apart if not unicodedata.combining(c)).lower()
    return _WORD.findall(plain)


def named(terminology: Terminology, value_set: str, text: str) -> list[Concept]:
    """The concepts of the value set (its url) whose names stand in the text."""
    return distinct(_named(terminology, value_set, words(text)))


def _named(terminology: Terminology, url: str, found: list[str]) -> Iterator[Concept]:
    members, names = terminology.value_sets[url], terminology.tokens(url)
    for length in range(1, MOST_WORDS + 1):
        for start in range(len(found) - length + 1):
            token = f"{TEXT}|{' '.join(found[start : start + length])}"
            if token in names:
                targets = terminology.spellings(token)
                yield from (members[target] for target in targets if target in members)


def distinct(concepts: Iterable[Concept]) -> list[Concept]:
    """The concepts, each display once."""
    first: dict[str, Concept] = {}
    for concept in concepts:
        first.setdefault(concept.display, concept)
    return list(first.values())


def guarded(text: str) -> bool:
    """Whether a cue anywhere in the text may deny, plan or compare the drug that it names."""
    return not GUARDS.isdisjoint(kinds_of_cue(text[:LONGEST]))
