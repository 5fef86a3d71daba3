"""SMART's system scopes: which to ask for, and whether enough was granted (A5).

SMART App Launch 2.2.0, "Scopes and Launch Context": `system/Patient.rs` (v2, letters of cruds) and
`system/Patient.read` (v1). `read` is r and s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SCOPE = re.compile(r"system/([A-Za-z]+|\*)\.(read|write|\*|c?r?u?d?s?)(\?\S+)?")
_V1 = {"read": frozenset("rs"), "write": frozenset("cud"), "*": frozenset("cruds")}
_WANTED = frozenset("rs")


@dataclass(frozen=True, slots=True)
class Scope:
    """A system scope: a type or *, and what may be done with it.

    Attributes:
        narrowed: does a query cut it down (`?category=laboratory`)?
    """

    text: str
    of: str
    may: frozenset[str]
    narrowed: bool

    def covers(self, other: Scope) -> bool:
        """Does this grant all that the other does?"""
        if self.narrowed and self.text != other.text:
            return False
        return self.of in {"*", other.of} and self.may >= other.may


def parsed(text: str) -> Scope | None:
    """The system scope; None for any other, such as `openid`."""
    found = _SCOPE.fullmatch(text)
    if not found or not found[2]:
        return None
    return Scope(text, found[1], _V1.get(found[2], frozenset(found[2])), found[3] is not None)


def reading(of: str, *, v2: bool) -> Scope:
    """The scope to read and search a type."""
    return Scope(f"system/{of}.{'rs' if v2 else 'read'}", of, _WANTED, narrowed=False)


@dataclass(frozen=True, slots=True)
class Offered:
    """What the server says of scopes: whether it knows v2, and which it has, where it lists any."""

    v2: bool
    supported: frozenset[str] | None

    def derived(self, types: Iterable[str]) -> tuple[list[Scope], list[str]]:
        """One scope for each type, and the types for which the server offers none.

        A type is asked for in the spelling that the server lists, where it lists any.
        """
        # A server that lists only `openid` and the like says nothing about types.
        offered = [scope for text in self.supported or () if (scope := parsed(text))]
        asked, not_offered = [], []
        for of in dict.fromkeys(types):
            wanted = reading(of, v2=self.v2)
            fitting = [scope for scope in offered if scope.covers(wanted)]
            if offered and not fitting:
                not_offered.append(of)
            elif offered and not any(_is_v2(scope) is self.v2 for scope in fitting):
                asked.append(reading(of, v2=not self.v2))
            else:
                asked.append(wanted)
        return asked, not_offered


def _is_v2(scope: Scope) -> bool:
    return scope.text.partition("?")[0].rpartition(".")[2] not in _V1


def missing(required: Iterable[Scope], granted: str) -> list[str]:
    """The required scopes that the granted ones, separated by blanks, do not cover."""
    have = [scope for text in granted.split() if (scope := parsed(text))]
    return [want.text for want in required if not any(scope.covers(want) for scope in have)]
