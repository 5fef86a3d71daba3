"""Units of measure: a quantity as sent -> an exact decimal in the standard unit.

The tables are data (`mappings/unit/*.toml`): UCUM codes with their exact factor, and the strings
that are met instead. What a table does not hold is refused, never guessed. Moles become a mass only
by the molar mass that a site states, and a value without a unit has one only where the site
declares it (`mappings/site/*.toml`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from adapter.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class UnitTable:
    """One kind of quantity: its standard unit, factors by UCUM code, aliases.

    `molar` are factors for a molar mass of 1 kDa, which count for nothing until a site states its
    molar mass. `declared` is the site's unit for values that come without one, or ''; `of_range`,
    that they are in the unit of their reference range.
    """

    name: str
    standard: str
    factors: Mapping[str, Decimal]
    aliases: Mapping[str, str] = field(default_factory=dict)
    molar: Mapping[str, Decimal] = field(default_factory=dict)
    declared: str = ""
    of_range: bool = False

    def convert(self, value: Decimal, unit: str) -> Decimal:
        """`value` in the standard unit. Raises InvalidValue for a unit that is not known."""
        return value * self.factor(unit)

    def knows(self, unit: str) -> bool:
        """Whether the unit, which is not blank, has a factor."""
        return bool(unit.strip()) and self._code(unit) in self.factors

    def factor(self, unit: str) -> Decimal:
        code = self._code(unit)
        if code in self.factors:
            return self.factors[code]
        if not code:
            raise InvalidValue(
                f"no unit for {self.name}",
                hint=f'declare it in the site\'s file: [units] {self.name} = "{self.standard}"',
            )
        if code in self.molar:
            hint = f"state the molar mass in the site's file: [molar_mass_kda] {self.name} = …"
        else:
            known = ", ".join(self.factors)
            hint = f"known: {known}; add it to mappings/unit/{self.name}.toml"
        raise InvalidValue(f"unknown unit {unit!r} for {self.name}", hint=hint)

    def _code(self, unit: str) -> str:
        stated = unit.strip() or self.declared
        return self.aliases.get(stated, stated)

    def at_site(self, declared: str = "", molar_mass_kda: Decimal | None = None) -> UnitTable:
        """The table with what a site says. Raises InvalidValue where the table cannot use it."""
        factors = dict(self.factors)
        if molar_mass_kda is not None:
            if not self.molar or molar_mass_kda <= 0:
                raise InvalidValue(f"{self.name} has no use for a molar mass of {molar_mass_kda}")
            factors |= {code: factor * molar_mass_kda for code, factor in self.molar.items()}
        table = replace(self, factors=factors, declared=declared.strip())
        if table.declared:
            table.factor(table.declared)
        return table
