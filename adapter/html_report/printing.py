"""A page as PDF, printed by a Chromium that gets no network."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from adapter.errors import UsageError
from adapter.html_report.browser import browser

OPEN_NUMBERS = "for (const each of document.querySelectorAll('figure > details')) each.open = true"
"""Paper has nothing to open. The resources stay closed, which are for the screen."""


def pdf(html: str) -> bytes:
    """The page on A4, each plot with its numbers below. Raises UsageError where no browser prints.

    The page lies in a folder that only its owner can read for as long as it is printed.
    """
    with TemporaryDirectory(prefix="raiway-") as folder, browser() as chromium:
        from playwright.sync_api import Error

        file = Path(folder) / "report.html"
        file.write_text(html, encoding="utf-8")
        try:
            page = chromium.new_context(offline=True).new_page()
            page.goto(file.as_uri())
            page.evaluate(OPEN_NUMBERS)
            return page.pdf(format="A4", prefer_css_page_size=True, tagged=True, outline=True)
        except Error as error:
            raise UsageError(
                "the browser did not print the page", hint="print it by hand"
            ) from error
