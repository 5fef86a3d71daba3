"""Tables for eyes: drawn by Rich on a terminal, aligned plain text in a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapter.tables import Table, counted

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["Table", "counted", "drawn", "plain"]

GAP = "  "


def drawn(table: Table) -> Group:
    """The table for a terminal; long codes are folded, never cut."""
    from rich import box
    from rich.console import Group
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(box=box.SIMPLE_HEAD, show_header=any(table.columns))
    for column in table.columns:
        grid.add_column(column, overflow="fold")
    for row in table.rows:
        grid.add_row(*row)
    title = [Text(table.title, style="bold")] if table.title else []
    return Group(*title, grid, *map(Text, table.notes))


def plain(table: Table) -> str:
    """The table as aligned text with a line for each row."""
    header = [table.columns] if any(table.columns) else []
    lines: list[Sequence[str]] = [*header, *table.rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    text = [
        GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    title = [table.title] if table.title else []
    return "\n".join([*title, *text, *table.notes]) + "\n"
