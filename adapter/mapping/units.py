"""Units of measure: a quantity as sent -> an exact decimal in the standard unit.

The tables are data (`mappings/unit/*.toml`): UCUM codes with their exact factor, and the strings
that are met instead. What a table does not hold is refused, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from adapter.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class UnitTable:
    """One kind of quantity: its standard unit, factors by UCUM code, aliases."""

    name: str
    standard: str
    factors: Mapping[str, Decimal]
    aliases: Mapping[str, str] = field(default_factory=dict)

    def convert(self, value: Decimal, unit: str) -> Decimal:
        """`value` in the standard unit. Raises InvalidValue for a unit that is not known."""
        return value * self.factor(unit)

    def factor(self, unit: str) -> Decimal:
        code = unit.strip()
        code = self.aliases.get(code, code)
        if code in self.factors:
            return self.factors[code]
        if not code:
            raise InvalidValue(
                f"no unit for {self.name}", hint="declare the site's unit in mappings/site/"
            )
        raise InvalidValue(
            f"unknown unit {unit!r} for {self.name}",
            hint=f"known: {', '.join(self.factors)}; add it to mappings/unit/{self.name}.toml",
        )
