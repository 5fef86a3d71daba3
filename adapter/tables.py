"""Tables of text, as commands print them and reports show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a title; the first column names the row. `notes` stand below."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    notes: tuple[str, ...] = ()


def counted(n: int, one: str, many: str = "") -> str:
    """`1 line`, `2,000 lines`; `many` where an s does not make the plural."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
