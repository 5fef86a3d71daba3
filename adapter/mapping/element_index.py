"""An index of elements by what they hold, for the many columns that pick one each by its code.

A genomic variant states twelve things in components, each under its LOINC code: going through all
components once for each column would be twelve times the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from adapter.mapping.closures import Found, Run, elements, member, then, this

Index = dict[tuple[object, ...], list[Any]]


def by_values(
    owner: Sequence[str], inner: Sequence[str], names: Sequence[str]
) -> Callable[[Any], Index]:
    """The owner's elements by the values that any of their inner elements has for the names.

    Of the index, `[('x', 'y')]` is `owner.where(inner.exists(names[0] = 'x' and names[1] = 'y'))`.
    """
    find_owner, find_inner = _path(owner), _path(inner)
    members = [member(name) for name in names]

    def index(focus: Any) -> Index:
        found: Index = {}
        for element in elements(find_owner(focus)):
            inner = find_inner(element)
            one = inner[0] if inner.__class__ is list and len(inner) == 1 else inner
            alone = one.__class__ is dict
            for key in (_key(one, names, members),) if alone else _keys(inner, names, members):
                found.setdefault(key, []).append(element)
        return found

    return index


def _path(names: Sequence[str]) -> Run:
    run: Run = this
    for name in names:
        run = then(run, member(name))
    return run


def _keys(
    inner: Found, names: Sequence[str], members: Sequence[Run]
) -> Iterable[tuple[object, ...]]:
    return {_key(each, names, members) for each in elements(inner)}


def _key(element: Any, names: Sequence[str], members: Sequence[Run]) -> tuple[object, ...]:
    """The element's one value for each name; None for another number, or what is no literal."""
    if isinstance(element, dict):
        values = tuple(map(element.get, names))
        for value in values:
            if value.__class__ is not str:
                break
        else:
            return values
    return tuple(_literal(step(element)) for step in members)


def _literal(found: Found) -> object:
    if isinstance(found, list):
        found = found[0] if len(found) == 1 else None
    return None if isinstance(found, (dict, list)) else found
