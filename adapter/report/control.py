"""What a report says of its disclosure control (pooling.md section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from adapter.elements import Json, extension
from adapter.measures.definition import MeasureDefinition

POLICY = "Library/disclosure-policy"

Mode = Literal["none", "secure-share", "masked-cells", "rounded", "withheld"]
Poolable = Literal["exact", "bounds-only", "no"]


@dataclass(frozen=True, slots=True)
class Control:
    """policy: its id, '' for none, and version. threshold and rounding: 0 where there is none.

    suppressed: hidden counts and cells of the report, None where nothing is said of them. How many
    patients they hold is never said: that would be one more sum over hidden cells.
    """

    policy: str = ""
    version: str = "1"
    mode: Mode = "none"
    threshold: int = 0
    rounding: int = 0
    suppressed: int | None = None
    poolable: Poolable = "exact"

    def extension(self, measure: MeasureDefinition) -> Json:
        """The extension `disclosure-control` of a report of `measure`."""
        name = f"{POLICY}-{self.policy}" if self.policy else POLICY
        parts = [
            extension("policy", "Canonical", f"{measure.base}/{name}|{self.version}"),
            extension("mode", "Code", self.mode),
        ]
        if self.threshold:
            parts.append(extension("threshold", "PositiveInt", self.threshold))
        if self.rounding:
            parts.append(extension("rounding", "PositiveInt", self.rounding))
        if self.suppressed is not None:
            parts.append(extension("suppressedCells", "UnsignedInt", self.suppressed))
        parts.append(extension("poolable", "Code", self.poolable))
        return {"url": measure.extension_url("disclosure-control"), "extension": parts}
