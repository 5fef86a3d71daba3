"""Each plot as files of its own, for slides and papers."""

from __future__ import annotations

from pathlib import Path

from adapter.charts.svg import as_png, without_links
from adapter.errors import UsageError
from adapter.files import make_folder, write_atomically
from adapter.html_report.page import Page


def write(page: Page, folder: Path) -> list[Path]:
    """`NAME.svg` and `NAME.png` of each plot; the files. Raises UsageError."""
    make_folder(folder)
    written = []
    for plot in page.plots:
        drawn = without_links(plot.svg)
        svg, png = (folder / f"{plot.name}.{kind}" for kind in ("svg", "png"))
        write_atomically(svg, drawn)
        try:
            png.write_bytes(as_png(drawn))
        except OSError as error:
            raise UsageError(f"cannot be written: {error.strerror}", where=str(png)) from error
        written += [svg, png]
    return written
