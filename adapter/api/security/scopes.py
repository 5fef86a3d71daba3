"""SMART's scopes on the serving side: what is granted, and what a grant allows.

SMART App Launch 2.2.0, "Scopes and Launch Context": `system/MeasureReport.rs` (v2) and
`system/MeasureReport.read` (v1). A scope that a query narrows (`…?status=final`) is never granted,
since nothing here enforces the query. People's sessions hold the same scopes under `user/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from adapter.pull.auth.scopes import Scope, parsed

EVERYTHING = "system/*.cruds"
_ORDER = "cruds"
_V1 = {"read": frozenset("rs"), "write": frozenset("cud"), "*": frozenset("cruds")}


def granted(asked: str, registered: Iterable[str]) -> tuple[str, ...]:
    """The part of the asked scopes, separated by blanks, that is registered, in the order asked.

    A scope keeps its spelling where all of it is granted; else it is cut down, in v2's letters.
    """
    held = [scope for text in registered if (scope := _plain(text))]
    found = (cut for text in asked.split() for cut in _cut(_plain(text), held))
    return tuple(dict.fromkeys(found))


def allows(scopes: Iterable[str], of: str, interaction: str) -> bool:
    """Do these scopes allow the interaction (one of c r u d s) on the resource type `of`?"""
    held = (_plain(text.replace("user/", "system/", 1)) for text in scopes)
    return any(scope and scope.of in {"*", of} and interaction in scope.may for scope in held)


def is_scope(text: str) -> bool:
    """Is it a system scope that can be registered?"""
    return _plain(text) is not None


def _plain(text: str) -> Scope | None:
    scope = parsed(text)
    return None if scope is None or scope.narrowed else scope


def _cut(asked: Scope | None, held: list[Scope]) -> Iterator[str]:
    """What of one asked scope is held, for each resource type apart."""
    if asked is None:
        return
    may: dict[str, frozenset[str]] = {}
    for scope in held:
        if of := _narrower(asked.of, scope.of):
            may[of] = may.get(of, frozenset()) | (asked.may & scope.may)
    for of, letters in may.items():
        if letters:
            yield _text(of, letters, asked)


def _narrower(asked: str, held: str) -> str:
    if held in {"*", asked}:
        return asked
    return held if asked == "*" else ""


def _text(of: str, may: frozenset[str], asked: Scope) -> str:
    stated = asked.text.rpartition(".")[2]
    if may == asked.may or may == _V1.get(stated):
        return f"system/{of}.{stated}"
    return f"system/{of}.{''.join(letter for letter in _ORDER if letter in may)}"
