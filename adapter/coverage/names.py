"""What a code is called: names of analytes, drugs, genes and treatments in its display."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from adapter.coverage.watch import Look
from adapter.definitions import Definitions
from adapter.mapping.names import TEXT, words

_SYMBOLS = re.compile(r"[^A-Za-z0-9-]+")
_MISSPELT = 0.88
_LONG = 7
"""A misspelt word is told from another word only where it is long."""


class Names:
    """The names of one look: those in words, and the symbols, whose case counts."""

    def __init__(self, look: Look, definitions: Definitions) -> None:
        self._look = look
        given = {name: (token, *look.targets) for name, token in look.words.items()}
        self._symbols: dict[str, tuple[str, ...]] = {}
        if look.names:
            system, value_set = look.names
            translated = dict(_translated(system, value_set, look.targets, definitions))
            if system == TEXT:
                given |= translated
            else:
                self._symbols = translated
        displays = dict(_displays(look, definitions))
        self._own = {**displays, **given}
        # One word of a display ("Absent") says nothing where it is not known what it is about.
        self._telling = [*given, *(name for name in displays if " " in name)]
        self._long = [name for name in given if " " not in name and len(name) >= _LONG]

    def listed(self, text: str) -> bool:
        """Whether the text names what the look is for."""
        said = _spaced(text)
        if _any(self._look.unless, said) or not self._beside(said):
            return False
        named = _any(self._telling, said) or bool(self._symbol(text))
        return named or bool(self._misspelt(said))

    def meant(self, text: str) -> tuple[tuple[str, ...], str] | None:
        """The codes that the text names, and why; None where it names none or several things."""
        said = _spaced(text)
        if _any((*self._look.unless, *self._look.doubtful), said) or not self._beside(said):
            return None
        found = [name for name in self._own if f" {name} " in said]
        if found:
            name = max(found, key=len)
            return (self._own[name], f"called {name}") if all(self._own[name]) else None
        if symbol := self._symbol(text):
            return self._symbols[symbol], f"called {symbol}"
        if misspelt := self._misspelt(said):
            return self._own[misspelt], f"called almost {misspelt}"
        return None

    def _beside(self, said: str) -> bool:
        return not self._look.beside or _any(self._look.beside, said)

    def _symbol(self, text: str) -> str:
        said = f" {_SYMBOLS.sub(' ', text)} "
        found = [symbol for symbol in self._symbols if f" {symbol} " in said]
        return found[0] if len({self._symbols[each] for each in found}) == 1 else ""

    def _misspelt(self, said: str) -> str:
        for word in said.split():
            if len(word) >= _LONG and word not in self._own:
                near = difflib.get_close_matches(word, self._long, n=1, cutoff=_MISSPELT)
                if near:
                    return near[0]
        return ""


def _displays(look: Look, definitions: Definitions) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The displays of the members; of several codes of one display, the first."""
    for name in reversed(look.value_sets):
        members = definitions.terminology.value_sets[definitions.value_set(name)]
        for token, concept in reversed(list(members.items())):
            if said := " ".join(words(concept.display)):
                yield said, (token, *look.targets)


def _translated(
    system: str, value_set: str, beside: tuple[str, ...], definitions: Definitions
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The names under which ConceptMaps from `system` know members of the value set."""
    members = definitions.terminology.value_sets[definitions.value_set(value_set)]
    for token, targets in definitions.terminology.translations.items():
        named, _, name = token.partition("|")
        found = [target for target in targets if target in members]
        if named == system and found:
            yield name, (*beside, found[0])


def _spaced(text: str) -> str:
    return f" {' '.join(words(text))} "


def _any(names: Iterable[str], said: str) -> bool:
    return any(f" {name} " in said for name in names)
