"""A standard code in another writing: a wrong check digit, no dash, a strange URL of its system."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from adapter.artifacts import LOINC, SNOMED, check_digit_holds
from adapter.coverage.watch import letters
from adapter.mapping.terminology import Terminology

_HEAD = re.compile(r"^(?:urn:oid:|https?://)?(?:www\.)?", re.IGNORECASE)
_ALIKE = 0.85
_ONE_DIGIT = 0.85
_TELLING = 6
"""A code without a system is one of a standard system where it has as many characters or a dash."""


class Codes:
    """The codes of value sets, found by what a sender may have made of them."""

    def __init__(
        self, tokens: Iterable[str], terminology: Terminology, short: Mapping[str, str]
    ) -> None:
        self._systems = terminology.systems
        self._short = short
        self._tokens = sorted(set(tokens))
        self._plain: dict[str, list[str]] = {}
        for token in self._tokens:
            self._plain.setdefault(_plain(token.partition("|")[2]), []).append(token)

    def meant(self, system: str, code: str) -> tuple[str, str] | None:
        """The `system|code` that was meant, and why; None where nothing says so."""
        own = self._systems.get(system, system)
        if f"{own}|{code}" in self._tokens or not _plain(code):
            return None
        return self._written_otherwise(own, code) or self._mistyped(own, code)

    def _written_otherwise(self, system: str, code: str) -> tuple[str, str] | None:
        for token in self._plain.get(_plain(code), ()):
            standard, _, proper = token.partition("|")
            if system == standard:
                blank = code.strip() == proper
                return token, "without the blanks" if blank else f"{proper} written otherwise"
            if not system:
                if "-" in proper or len(_plain(code)) >= _TELLING:
                    return token, f"without a system; the code is one of {standard}"
            elif self._is_spelling(system, standard):
                return token, f"its system reads like {standard}"
        return None

    def _mistyped(self, system: str, code: str) -> tuple[str, str] | None:
        """A wrong check digit is proof that the code is none, so that a near one may be meant."""
        if system not in (LOINC, SNOMED) or check_digit_holds(system, code):
            return None
        own = [token.partition("|")[2] for token in self._tokens if token.startswith(f"{system}|")]
        if system == LOINC:
            found = [each for each in own if each.partition("-")[0] == code.partition("-")[0]]
        else:
            found = difflib.get_close_matches(code, own, n=1, cutoff=_ONE_DIGIT)
        return (f"{system}|{found[0]}", "wrong check digit") if found else None

    def _is_spelling(self, system: str, standard: str) -> bool:
        if system in self._systems.values():
            return False
        said = letters(_HEAD.sub("", system))
        if self._short.get(said) == standard:
            return True
        spelled = [spelling for spelling, url in self._systems.items() if url == standard]
        known = [letters(_HEAD.sub("", each)) for each in (standard, *spelled)]
        return any(_alike(said, each) for each in known)


def _alike(one: str, other: str) -> bool:
    # Of numbers alone, as in an OID, a digit makes another system.
    if one.isdigit() or other.isdigit():
        return one == other
    return difflib.SequenceMatcher(None, one, other).ratio() >= _ALIKE


def _plain(code: str) -> str:
    return letters(code).lstrip("0")
