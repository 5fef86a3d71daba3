"""Pseudonyms: keyed names for ids, the same wherever an id is named.

HMAC-SHA256 (RFC 2104) of `Type/id`, its first 160 bits in base32 (RFC 4648, lower case): 32
characters that FHIR allows in an id. Without the key nobody can try ids, as with a plain hash.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable

from adapter.mapping.fhirpath import MODEL

BYTES = 20
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
# Two digits at a time, which takes a third of the time of base64.b32encode.
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_PAIR, _PLACES = len(_PAIRS) - 1, range(8 * BYTES - 10, -1, -10)
REMEMBERED = 20_000
WITHHELD = "withheld"
"""Stands for a value that is there, is read, and may not be shown."""
CONDITIONAL = "urn:raiway:pseudonym"

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_LITERAL = re.compile(r"(?:.*/)?([A-Z][A-Za-z]{1,40})/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?")
_URN = re.compile(r"urn:(?:uuid|oid):([A-Za-z0-9\-.]{1,64})")
_QUERY = re.compile(r"(?:.*/)?([A-Z][A-Za-z]{1,40})\?.+", re.DOTALL)

Told = Callable[[str, str, str], None]
"""Told of each pseudonym as it is made: the resource type, the id, the pseudonym. One that was
forgotten meanwhile is told again."""


def is_id(value: object) -> bool:
    """Whether it is an id as FHIR allows them (R4, datatypes.html#id)."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


class Pseudonyms:
    """The pseudonyms of one key."""

    def __init__(self, key: bytes, told: Told | None = None) -> None:
        self._key, self._told = key, told
        self._known: dict[str, str] = {}
        self._references: dict[str, str] = {}

    def of(self, resource_type: str, resource_id: str) -> str:
        """The pseudonym of an id."""
        name = f"{resource_type}/{resource_id}"
        found = self._known.get(name)
        if found is None:
            found = self._keep(self._known, name, self._made(name))
            if self._told:
                self._told(resource_type, resource_id, found)
        return found

    def reference(self, reference: str, expected: str = "") -> str:
        """A literal reference with the pseudonym of its target; WITHHELD for what is none.

        `Type/id`, absolute or of a version, is `Type/pseudonym`, and `urn:uuid:id` is
        `urn:uuid:pseudonym`, the same where the type of its target is known. `#id` of a contained
        resource stays. A conditional one (`Patient?identifier=…`) stays conditional, since nothing
        here says whom it finds.
        """
        found = self._references.get(reference) if not expected else None
        if found is None:
            found = self._made_reference(reference, expected)
            if not expected:
                self._keep(self._references, reference, found)
        return found

    def opaque(self, text: str) -> str:
        """A keyed name for any text, the same for the same text."""
        return self._made(f"\0{text}")

    def _made_reference(self, reference: str, expected: str) -> str:
        if reference.startswith("#") and (reference == "#" or is_id(reference[1:])):
            return reference
        literal = _LITERAL.fullmatch(reference)
        if literal and MODEL.is_resource(literal[1]):
            return f"{literal[1]}/{self.of(literal[1], literal[2])}"
        if urn := _URN.fullmatch(reference):
            return f"urn:uuid:{self.of(expected, urn[1])}"
        query = _QUERY.fullmatch(reference)
        if query and MODEL.is_resource(query[1]):
            return f"{query[1]}?identifier={CONDITIONAL}|{self._made(reference)}"
        return WITHHELD

    def _made(self, name: str) -> str:
        digest = hmac.digest(self._key, name.encode(), "sha256")
        bits = int.from_bytes(digest[:BYTES])
        return "".join([_PAIRS[bits >> at & _PAIR] for at in _PLACES])

    @staticmethod
    def _keep(known: dict[str, str], name: str, made: str) -> str:
        if len(known) >= REMEMBERED:
            known.clear()
        known[name] = made
        return made
