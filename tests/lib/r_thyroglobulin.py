"""What R says about paired changes and censored lines (tests/judges/r/thyroglobulin_paired.R)."""

from __future__ import annotations

import json
import math

from tests.lib.needs import ROOT

FOLDER = ROOT / "tests/judges/r"
SCRIPT = FOLDER / "thyroglobulin_paired.R"

EXPECTED: dict[str, list[float]] = {
    name: value
    for name, value in json.loads(
        (FOLDER / "thyroglobulin_paired.json").read_text(encoding="utf-8")
    ).items()
    if isinstance(value, list)
}

# fmt: off
BEFORE = (412, 88.5, 1530, 23.7, 64, 245, 311, 12.4, 890, 37.2, 156, 2050, 4.6, 520, 6120)
AFTER = (96.4, 30.1, 402, 9.8, 41.5, 118, 190, 0.9, 1460, 15, 92, 3380, 1.1, 702, 8900)
# fmt: on
CHANGE = [math.log(after / before) for before, after in zip(BEFORE, AFTER, strict=True)]
"""ln(after / before) of the reference cohort at 3 months, the pair below both limits left out."""
