"""What a test needs from its surroundings, and what happens where that is missing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
"""The project's root folder."""

SHARED = ROOT.parent / "shared"
"""The reference material; a stranger's clone does not have it."""


def in_ci() -> bool:
    """Whether the run is one that may leave nothing out."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def missing(reason: str) -> NoReturn:
    """Skip the test with its reason; in CI fail instead, where a skip would go unnoticed."""
    if in_ci():
        pytest.fail(f"missing in CI: {reason}", pytrace=False)
    pytest.skip(reason)


def here(found: list[Any], reason: str, width: int = 1) -> list[Any]:
    """The cases found, for `parametrize`; where there are none, one whose test is `missing`.

    width: how many arguments a case has.
    """
    return found or [pytest.param(*[None] * width, id="missing", marks=pytest.mark.missing(reason))]


def program(name: str) -> str:
    """The path of an outside program that the test runs."""
    return shutil.which(name) or missing(f"the program {name} is not installed")
