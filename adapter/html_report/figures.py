"""Each plot as files of its own, for slides, papers and programs, and an index of them.

A page holds what its level lets out and nothing else, so do these files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adapter.charts.svg import as_png, without_links
from adapter.errors import UsageError
from adapter.files import make_folder, write_atomically
from adapter.html_report.page import Page, Plot, Section

INDEX, TABLES = "figures.json", "tables.json"


def write(page: Page, folder: Path) -> list[Path]:
    """`NAME.svg`, `NAME.png` and `NAME.json` of each plot, `tables.json` with the tables of the
    page, and `figures.json`, which says what each is; the files.

    Raises UsageError where they cannot be written, and where the folder has those of the other
    level, of which some would stay.
    """
    make_folder(folder)
    _refuse_other_level(page, folder / INDEX)
    written = [path for plot in page.plots for path in _write_plot(plot, page, folder)]
    tables, index = folder / TABLES, folder / INDEX
    _write_json(tables, [each for section in page.sections for each in _tables(section)])
    _write_json(index, _index(page))
    return [*written, tables, index]


def _refuse_other_level(page: Page, index: Path) -> None:
    """Raise UsageError: what may leave must not lie among what may not."""
    try:
        level = json.loads(index.read_text(encoding="utf-8"))["level"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if level != page.level:
        raise UsageError(
            f"the folder has the figures of a report of level {level}",
            where=str(index.parent),
            hint=f"name another folder for the level {page.level}",
        )


def _write_plot(plot: Plot, page: Page, folder: Path) -> list[Path]:
    drawn = without_links(plot.svg)
    svg, png, numbers = (folder / name for name in _files(plot).values())
    write_atomically(svg, drawn)
    write_atomically(png, as_png(drawn))
    _write_json(numbers, {**_said(plot), **asdict(page.stamp), "level": page.level, **plot.data})
    return [svg, png, numbers]


def _files(plot: Plot) -> dict[str, str]:
    return {kind: f"{plot.name}.{kind}" for kind in ("svg", "png", "json")}


def _said(plot: Plot) -> dict[str, str]:
    return {"name": plot.name, "title": plot.title, "caption": plot.caption}


def _index(page: Page) -> dict[str, Any]:
    return {
        "level": page.level,
        "title": page.title,
        "banner": page.banner,
        **asdict(page.stamp),
        "figures": [{**_said(plot), "files": _files(plot)} for plot in page.plots],
        "tables": TABLES,
    }


def _tables(section: Section) -> list[dict[str, Any]]:
    """As the page shows them, cells as text."""
    return [
        {"section": section.name, **asdict(table), "rows": [list(row) for row in table.rows]}
        for table in section.tables
    ]


def _write_json(path: Path, document: Mapping[str, Any] | list[Any]) -> None:
    write_atomically(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
