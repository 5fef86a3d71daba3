"""Codes, displays and units: what is of a known code system, or read whole, stays."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from adapter import artifacts
from adapter.definitions import Definitions
from adapter.mapping.terminology import Terminology
from adapter.privacy.faithful import Readers
from adapter.privacy.pseudonyms import WITHHELD, Pseudonyms
from adapter.privacy.rules import Systems
from adapter.privacy.texts import NOTHING, Reading, TextReader
from adapter.privacy.vocabulary import Vocabulary

SYSTEM_WITHHELD = "urn:raiway:withheld"
LABEL = 10
"""Characters of a keyed label; two of a site's some hundred methods hardly share one."""
REMEMBERED = 50_000
_URI = "urn:ietf:rfc:3986"

Coded = tuple[dict[str, Any], tuple[str, ...]]
"""What may stay of a Coding, and the names of its elements of which something went."""


class Codes:
    """The codes of one site's terminology."""

    def __init__(
        self, definitions: Definitions, systems: Systems, known: Vocabulary, names: Pseudonyms
    ) -> None:
        terminology = definitions.terminology
        self._terminology, self._systems, self._known = terminology, systems, known
        self._readers = Readers(definitions)
        self._names, self._texts = names, TextReader(known)
        self._displays = dict(_displays(terminology))
        self._tokens = {*self._displays, *terminology.translations}
        urls = {*systems.patterns, *systems.codes, *(t.partition("|")[0] for t in self._tokens)}
        self._urls = urls | terminology.systems.keys()
        self._memo: dict[tuple[Any, Any, Any], Coded] = {}
        self._readings: dict[str, Reading] = {}
        self._units: dict[str, bool] = {}

    def reading(self, text: str) -> Reading:
        """What may stay of a text; short ones recur and are remembered."""
        found = self._readings.get(text)
        if found is None:
            found = self._read_text(text)
            if len(text) <= 200:
                _bounded(self._readings)[text] = found
        return found

    def _read_text(self, text: str) -> Reading:
        found = self._texts.read(text)
        if found.whole or not found.says or self._readers.agree(text, found.shown(None)):
            return found
        return replace(found, says=False)

    def coding(self, node: Mapping[str, Any]) -> Coded:
        """What may stay of a Coding."""
        key = (node.get("system"), node.get("code"), node.get("display"))
        try:
            found = self._memo.get(key)
        except TypeError:
            # A list or an object where a text belongs.
            return {"system": SYSTEM_WITHHELD, "code": WITHHELD}, ("code",)
        if found is None:
            found = _bounded(self._memo)[key] = self._coding(*key)
        stays, gone = found
        return dict(stays), gone

    def knows_extension(self, url: object) -> bool:
        """Whether a ConceptMap translates the extension's URL, as that of an activity."""
        return f"{_URI}|{url}" in self._tokens

    def holds(self, node: Mapping[str, Any]) -> bool:
        """Whether the Coding is of a known code system, and of the form of its codes."""
        system, code = node.get("system"), node.get("code")
        return isinstance(system, str) and isinstance(code, str) and self._of_form(system, code)

    def system(self, url: str) -> str:
        """A code system's URL, if it is known."""
        return url if url in self._urls else SYSTEM_WITHHELD

    def unit(self, text: str) -> bool:
        """Whether it is a unit that is known, or one of UCUM."""
        found = self._units.get(text)
        if found is None:
            stated = text.strip()
            found = (
                not stated
                or stated in self._known.units
                or stated.lower() in self._known.phrases
                or self._systems.unit.fullmatch(stated) is not None
            )
            _bounded(self._units)[text] = found
        return found

    def label(self, text: str) -> str:
        """The text if it is read whole, else a keyed label for it: the same for the same text."""
        reading = self.reading(text)
        whole = reading.whole and not reading.bare and not any(reading.dates)
        return text if whole else self._label(text)

    def _label(self, text: str) -> str:
        return f"{WITHHELD}-{self._names.opaque(text)[:LABEL]}"

    def _coding(self, system: object, code: object, display: object) -> Coded:
        stays: dict[str, Any] = {}
        gone: list[str] = []
        known = isinstance(system, str) and system in self._urls
        token = f"{system if isinstance(system, str) else ''}|{code}"
        of_form = isinstance(code, str) and (
            self._of_form(str(system or ""), code) or self._read(code)
        )
        if system is not None:
            stays["system"] = system if known else SYSTEM_WITHHELD
            gone += [] if known else ["system"]
        if of_form:
            stays["code"] = code
        elif code is not None:
            # In no system of a code's own form: a name or a number that somebody typed.
            stays |= {"system": SYSTEM_WITHHELD, "code": self._label(token)}
            gone.append("code")
        if isinstance(display, str) and display:
            shown = self._display(token, display, of_form=of_form)
            if shown:
                stays["display"] = shown
            gone += ["display"] if shown != display else []
        return stays, tuple(dict.fromkeys(gone))

    def _of_form(self, system: str, code: str) -> bool:
        """Whether the code is known, or of the form of its system's codes."""
        preferred = f"{self._terminology.systems.get(system, system)}|{code}"
        if preferred in self._tokens or f"{system}|{code}" in self._tokens:
            return True
        for url in (system, preferred.partition("|")[0]):
            pattern = self._systems.patterns.get(url)
            if pattern and pattern.fullmatch(code) and artifacts.check_digit_holds(url, code):
                return True
            if code in self._systems.codes.get(url, ()):
                return True
        return False

    def _read(self, code: str) -> bool:
        """Whether it is a change of a gene, a unit or a name that readers of text read whole."""
        reading = self.reading(code)
        letters = any(letter.isalpha() for letter in code)
        return letters and reading.whole and reading.says and not any(reading.dates)

    def _is_symbol(self, token: str, display: str) -> bool:
        """Whether it is the display of a code system of which no value set holds all."""
        system = self._terminology.spellings(token)[0].partition("|")[0]
        pattern = self._systems.displays.get(system)
        return pattern is not None and pattern.fullmatch(display) is not None

    def _display(self, token: str, display: str, *, of_form: bool) -> str:
        """The display if it is read whole, else ours for the code, else what may stay of it."""
        reading = self.reading(display)
        if reading.bare or any(reading.dates):
            return ""
        if reading.whole or (of_form and self._is_symbol(token, display)):
            return display
        ours = self._displays.get(self._terminology.spellings(token)[0]) if of_form else None
        if ours or not reading.says:
            return ours or ("" if of_form else NOTHING)
        return reading.shown(None)


def _displays(terminology: Terminology) -> Iterator[tuple[str, str]]:
    for members in terminology.value_sets.values():
        for token, concept in members.items():
            yield token, concept.display


def _bounded(memo: dict[Any, Any]) -> dict[Any, Any]:
    """The memo, emptied where it has grown too large."""
    if len(memo) >= REMEMBERED:
        memo.clear()
    return memo


CONTENT_TYPE = re.compile(r"(?:text|application|image|audio|video)/[a-z0-9.+-]{2,30}")
"""Of an Attachment: what may stay of its contentType."""
