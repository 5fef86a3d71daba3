"""The names that figures can have, from mappings/CodeSystem/figure.json.

A concept's code is a figure's name or a family of names with placeholders: `{day}` is a number of
days, `{change}` a pair such as `prior_to_3m`, `{limit}` is low or high,
`{groups}` driver or arm, `{cause}` progression or death, and `{category}` and
`{window}` are whatever the data or the study say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from adapter.elements import Json

PLACEHOLDERS = {
    "day": r"\d+",
    "change": r"[a-z0-9]+_to_[a-z0-9]+",
    "limit": r"(?:low|high)",
    "groups": r"(?:driver|arm)",
    "cause": r"(?:progression|death)",
    "category": r".+",
    "window": r"[a-z0-9_]+",
}


@dataclass(frozen=True, slots=True)
class FigureFamily:
    """unit: UCUM. integer: a count. open: data decides the names, so an absent one is 0."""

    code: str
    pattern: re.Pattern[str]
    unit: str
    integer: bool
    open: bool


@dataclass(frozen=True, slots=True)
class FigureFamilies:
    """All families, the most specific first."""

    families: tuple[FigureFamily, ...]

    @classmethod
    def from_code_system(cls, system: Json) -> FigureFamilies:
        """The concepts of `urn:raiway:figure`. Raises KeyError for an unknown placeholder."""
        return cls(tuple(_family(concept) for concept in system["concept"]))

    def of(self, name: str) -> FigureFamily | None:
        """The family of a figure; of one with `{category}` still in it, too."""
        return next((family for family in self.families if family.pattern.fullmatch(name)), None)


def _family(concept: Json) -> FigureFamily:
    properties = {
        item["code"]: next(value for key, value in item.items() if key.startswith("value"))
        for item in concept.get("property", ())
    }
    code = concept["code"]
    return FigureFamily(
        code,
        re.compile(_pattern(code)),
        properties["unit"],
        bool(properties.get("integer", False)),
        bool(properties.get("open", False)),
    )


def _pattern(code: str) -> str:
    parts = re.split(r"\{(\w+)\}", code)
    return "".join(
        PLACEHOLDERS[part] if place % 2 else re.escape(part) for place, part in enumerate(parts)
    )
