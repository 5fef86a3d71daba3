"""What depends on elements alone that recur from resource to resource, found once.

A laboratory sends the same codes, units, ranges and components with thousands of results. What a
view finds in them, and what follows from that, is kept under their JSON. What is of one resource
alone (its dates, who it is of and from) stands apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from operator import itemgetter
from typing import Any

import orjson

MAX_PARTS = 8192
"""Parts of rows that are kept, some kilobytes each; then it starts anew."""
LONGEST = 20_000
"""Bytes of the elements of which something is kept."""

_OWN = frozenset({
    "id", "identifier", "subject", "encounter", "issued", "performer", "specimen", "note",
    "recordedDate", "authoredOn", "birthDate", "dateWritten", "text", "content", "presentedForm",
})  # fmt: skip
_OWN_TYPES = ("DateTime", "Instant", "Period", "Date", "Timing", "Reference")


def is_own(name: str) -> bool:
    """Whether an element, by its JSON name, is likely to be of one resource alone."""
    return name.removeprefix("_") in _OWN or name.endswith(_OWN_TYPES)


class Part:
    """The cells of a row that recur, the row with the others empty, and what follows from them."""

    __slots__ = ("cells", "row", "said")

    def __init__(self, cells: dict[str, Any], row: dict[str, Any]) -> None:
        self.cells, self.row = cells, row
        self.said: dict[Any, Any] = {}


class RowOfPart(dict[str, Any]):
    """A row that knows its part."""

    __slots__ = ("part",)
    part: Part


Memo = dict[object, Any]


KeyIn = Callable[[Any], bytes | None]
"""focus -> the JSON of some of its elements, or None where there is none to go by."""


def keep(memo: dict[Any, Any], key: object, found: Any) -> None:
    """Remember what was found; the memo is bounded."""
    if len(memo) >= MAX_PARTS:
        memo.clear()
    memo[key] = found


def key_of(names: Iterable[str]) -> KeyIn:
    """The JSON of these elements, which the focus has."""
    found = list(names)
    if not found:
        return lambda _: b""
    pick = itemgetter(*found)

    def key(focus: Any) -> bytes | None:
        try:
            written = orjson.dumps(pick(focus), default=_decimal)
        except TypeError:
            return None
        return written if len(written) <= LONGEST else None

    return key


def _decimal(value: object) -> orjson.Fragment:
    """A decimal as no other value is written."""
    if isinstance(value, Decimal):
        return orjson.Fragment(f"d{value}")
    raise TypeError(type(value).__name__)
