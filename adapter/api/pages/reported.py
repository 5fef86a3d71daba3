"""A MeasureReport as tables: counts and scores, and in words what it says of its disclosure."""

from __future__ import annotations

from adapter.elements import Json
from adapter.report.narrative import HEADS, rows
from adapter.tables import Table

CONTROL = "/StructureDefinition/disclosure-control"


def report_tables(report: Json) -> tuple[str, tuple[Table, ...], tuple[str, ...]]:
    """The Measure's id, the tables, and what is said of hidden counts."""
    name = str(report.get("measure", "")).rpartition("/")[2].partition("|")[0]
    table = Table("", HEADS, [tuple(cell or "-" for cell in row) for row in rows(report)])
    return name or "report", (table,), disclosure(report)


def disclosure(report: Json) -> tuple[str, ...]:
    """The mode and policy of its disclosure control; nothing where all counts are exact."""
    for extension in report.get("extension", ()):
        if str(extension.get("url", "")).endswith(CONTROL):
            parts = {part.get("url"): part for part in extension.get("extension", ())}
            mode = parts.get("mode", {}).get("valueCode", "")
            return (f"Disclosure control: {mode}.",)
    return ()
