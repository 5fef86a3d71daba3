"""The invented patients of five sites, and what R's survival says of their rows together."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any

from tests.lib.needs import ROOT
from tests.lib.pooling import DRIVERS, Row

FOLDER = ROOT / "tests" / "judges" / "r"
SCRIPT = FOLDER / "pooling.R"
EXPECTED = FOLDER / "pooling.json"
DAYS = (7, 24, 40, 40, 91, 92, 96, 97, 150, 183, 184, 192)


@cache
def five_sites() -> tuple[tuple[Row, ...], ...]:
    """Unequal sites with ties; the third has no patient of one driver."""
    draw = random.Random(20261125)
    sites = []
    for place, n in enumerate((41, 9, 23, 64, 33)):
        known = DRIVERS[:3] if place == 2 else DRIVERS
        rows = []
        for _ in range(n):
            event = draw.random() < 0.45 + 0.05 * place
            row = Row(draw.choice(known), draw.choice(DAYS), event, draw.randrange(10_000))
            rows.append(row)
        sites.append(tuple(rows))
    return tuple(sites)


def csv_of(sites: tuple[tuple[Row, ...], ...]) -> str:
    """The rows as the script reads them."""
    lines = ["site,driver,time,event"]
    for place, rows in enumerate(sites):
        lines += [f"{place},{row.driver},{row.day},{int(row.event)}" for row in rows]
    return "\n".join(lines) + "\n"


@cache
def expected() -> dict[str, Any]:
    """R's answers as stored."""
    found: dict[str, Any] = json.loads(EXPECTED.read_bytes())
    return found
