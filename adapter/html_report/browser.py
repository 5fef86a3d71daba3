"""A Chromium of this machine, without a window; the one module that knows the browser's driver."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from adapter.errors import UsageError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
DRIVER = "playwright"


def program() -> str | None:
    """The path of a Chromium on the PATH, None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def check_browser() -> str:
    """The path of a Chromium that can be driven. Raises UsageError, which says what to install."""
    if find_spec(DRIVER) is None:
        raise UsageError(
            f"printing needs a package that is not installed: {DRIVER}",
            hint="pip install 'raiway[pdf]'",
        )
    found = program()
    if found is None:
        raise UsageError(
            "printing needs Chromium, and none is on the PATH",
            hint=f"install it (apt-get install chromium); looked for: {', '.join(PROGRAMS)}",
        )
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """The browser, closed at the end. Raises UsageError as `check_browser` does, and where it does
    not start."""
    found = check_browser()
    from playwright.sync_api import Error, sync_playwright

    # Chromium's sandbox refuses to run as root, as in containers.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        try:
            started = driver.chromium.launch(executable_path=found, args=arguments)
        except Error as error:
            raise UsageError(
                "the browser does not start", where=Path(found).name, hint=f"run {found} by hand"
            ) from error
        try:
            yield started
        finally:
            started.close()
