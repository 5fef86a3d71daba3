"""What the actions of the rules work with: the mode, the codes, the pseudonyms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from adapter.privacy.codings import Codes
from adapter.privacy.pseudonyms import WITHHELD, Pseudonyms
from adapter.privacy.run import Run
from adapter.privacy_mode import Mode


@dataclass(frozen=True, slots=True)
class Setting:
    """One mode at one site. restricted: three digits of ZIP codes that say too much. as_of: the day
    at which ages are taken. shifts: whether dates are shifted."""

    mode: Mode
    codes: Codes
    names: Pseudonyms
    restricted: frozenset[str]
    as_of: date
    shifts: bool = False


def withheld(value: Any, run: Run, path: str, reason: str) -> str | None:
    """WITHHELD for what is there and of another form than it should be; None for null."""
    if value is None:
        return None
    run.count(path, reason or "of no form that belongs there")
    return WITHHELD
