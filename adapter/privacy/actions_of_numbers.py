"""Actions for numbers and booleans, and for what goes."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from adapter.privacy.run import Hold, Run, Step
from adapter.privacy.setting import Setting, withheld

OLDEST = 90
"""Safe Harbor: all ages over 89 are one (45 CFR 164.514(b)(2)(i)(C))."""
YEARS = frozenset({"a", "year", "years"})
_NUMBER = re.compile(r"\s*[-+]?\d{1,9}(?:\.\d{1,9})?(?:[eE][-+]?\d{1,2})?\s*")
_VERSION = re.compile(r"\d{1,18}")
_NUMBERS = (int, float, Decimal)


def keep(of: Setting, _: str, path: str) -> Step:
    """A number or a boolean."""

    def keep(value: Any, run: Run) -> Any:
        if isinstance(value, _NUMBERS):
            return value
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            return value
        return withheld(value, run, path, "no number")

    return keep


def age_capped(quantity: Step, path: str) -> Step:
    """A Quantity of years, of which Safe Harbor shows none over 89 but as 90 or more."""

    def capped(value: Any, run: Run) -> Any:
        stays = quantity(value, run)
        if stays.__class__ is not dict or not YEARS & {stays.get("unit"), stays.get("code")}:
            return stays
        number = stays.get("value")
        if not isinstance(number, _NUMBERS) or number >= OLDEST:
            run.count(path, "an age over 89")
            return {**stays, "value": OLDEST, "comparator": ">="}
        return stays

    return capped


def flag(of: Setting, _: str, path: str) -> Step:
    """A boolean that turns the statement round; anything else withholds the resource."""

    def flag(value: Any, run: Run) -> Any:
        if isinstance(value, bool):
            return value
        raise Hold("an element that turns the statement round is no boolean", path)

    return flag


def drop(of: Setting, reason: str, path: str) -> Step:
    """Nothing stays; the rule says why."""
    why = reason or "dropped"

    def drop(value: Any, run: Run) -> None:
        run.count(path, why)

    return drop


def versioned(of: Setting, _: str, path: str) -> Step:
    """meta.versionId, where it is a number."""

    def version(value: Any, run: Run) -> Any:
        if isinstance(value, (str, int)) and _VERSION.fullmatch(str(value)):
            return value
        run.count(path, "version that is no number")
        return None

    return version
