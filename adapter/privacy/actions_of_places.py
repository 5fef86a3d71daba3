"""Actions for the parts of an address."""

from __future__ import annotations

import re
from typing import Any

from adapter.privacy.actions_of_numbers import drop
from adapter.privacy.run import Run, Step
from adapter.privacy.setting import Setting
from adapter.privacy_mode import Mode

_PLACE = re.compile(r"[^\W\d_](?:[^\W\d_]|[ .'\u2019()/-]){0,59}")
_ZIP = re.compile(r"(\d{3})\d{2}(?:-?\d{4})?")
_POSTCODE = re.compile(
    r"\d{3,6}(?:-\d{3,4})?|[A-Z]\d[A-Z] ?\d[A-Z]\d|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}"
)


def place(of: Setting, _: str, path: str) -> Step:
    """A place smaller than a state; gone in Safe Harbor."""
    return drop(of, "", path) if of.mode is Mode.SAFE_HARBOR else region(of, "", path)


def region(of: Setting, _: str, path: str) -> Step:
    """A state or a country."""

    def region(value: Any, run: Run) -> Any:
        if isinstance(value, str) and _PLACE.fullmatch(value):
            return value
        run.count(path, "no name of a place")
        return None

    return region


def postcode(of: Setting, _: str, path: str) -> Step:
    """A postal code; in Safe Harbor three digits of a ZIP code."""
    if of.mode is Mode.SAFE_HARBOR:
        return zip3(of, "", path)

    def postcode(value: Any, run: Run) -> Any:
        if isinstance(value, str) and _POSTCODE.fullmatch(value):
            return value
        run.count(path, "no postal code")
        return None

    return postcode


def zip3(of: Setting, _: str, path: str) -> Step:
    """Three digits of a ZIP code, 000 where few people live there; gone for any other code."""

    def zip3(value: Any, run: Run) -> Any:
        found = _ZIP.fullmatch(value) if isinstance(value, str) else None
        run.count(path, "postal code")
        if found is None:
            return None
        return "000" if found[1] in of.restricted else found[1]

    return zip3
