"""The narrative of a summary: its counts and scores as a table of safe XHTML, for eyes.

Written from the report itself, so that it can show nothing that the report hides, and last of
all, so that every form of a report has the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from adapter.elements import DATA_ABSENT_REASON, Json, code_of, extension_value

XHTML = "http://www.w3.org/1999/xhtml"
HEADS = ("Group", "Stratum", "Counts", "Score")
NOTHING = "-"


def narrative(report: Mapping[str, Any]) -> Json:
    """The Narrative of a summary MeasureReport in the DEQM form; every text in it is escaped."""
    period, reporter = report.get("period", {}), report.get("reporter", {})
    named = reporter.get("display") or reporter.get("reference") or "nobody named"
    days = " to ".join(str(period.get(end, "?")) for end in ("start", "end"))
    text = f"{report.get('measure')}, {days}, reported by {named}"
    body = "".join(_row(cells) for cells in rows(report))
    heads = "".join(f"<th>{head}</th>" for head in HEADS)
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    return {
        "status": "generated",
        "div": f'<div xmlns="{XHTML}"><p>{_safe(text)}</p>{table}</div>',
    }


def _row(cells: tuple[str, ...]) -> str:
    # An empty cell would come back from XML as `<td/>`, and a quote as itself.
    return "<tr>" + "".join(f"<td>{_safe(cell or NOTHING)}</td>" for cell in cells) + "</tr>"


def _safe(text: str) -> str:
    """The text between tags."""
    return escape(text, quote=False)


def rows(report: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The cells below `HEADS`: a row for each group and stratum of a summary."""
    for group in report.get("group", ()):
        name = _named(group.get("code", {}))
        yield (name, "all", *_figures(group))
        for stratifier in group.get("stratifier", ()):
            for stratum in stratifier.get("stratum", ()):
                yield (name, _stratum(stratum), *_figures(stratum))


def _stratum(stratum: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{_named(component.get('code', {}))} {_named(component.get('value', {}))}"
        for component in stratum.get("component", ())
    )


def _named(concept: Mapping[str, Any]) -> str:
    return code_of(concept) or str(concept.get("text", ""))


def _figures(element: Mapping[str, Any]) -> tuple[str, str]:
    """Counts and score of a group or stratum; what is hidden is named so."""
    counts = [
        f"{_named(population.get('code', {}))} {_count(population)}"
        for population in element.get("population", ())
    ]
    score = element.get("measureScore")
    return ", ".join(counts), _score(score) if score else ""


def _count(population: Mapping[str, Any]) -> str:
    if "count" in population:
        return str(population["count"])
    return str(extension_value(population.get("_count", {}), DATA_ABSENT_REASON) or "absent")


def _score(score: Mapping[str, Any]) -> str:
    """The score with its unit; a pure number has none."""
    unit = score.get("unit", "1")
    parts = (score.get("comparator"), score.get("value"), None if unit == "1" else unit)
    return " ".join(str(part) for part in parts if part is not None)
