"""The unit tables under `mappings/unit`."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from importlib.resources.abc import Traversable

from adapter import artifacts
from adapter.errors import DefinitionError
from adapter.mapping.units import UnitTable


def read_units(root: Traversable) -> dict[str, UnitTable]:
    """The tables by name. Raises DefinitionError."""
    tables = {}
    for file in artifacts.listing(root / "unit", ".toml"):
        where, stated = f"mappings/unit/{file.name}", artifacts.read_toml(file)
        artifacts.refuse_unknown(stated, {"standard", "factors", "aliases", "molar"}, where)
        name = file.name.removesuffix(".toml")
        try:
            factors = {code: Decimal(factor) for code, factor in stated["factors"].items()}
            molar = {code: Decimal(factor) for code, factor in stated.get("molar", {}).items()}
        except (InvalidOperation, TypeError) as error:
            raise DefinitionError("a factor is no decimal in quotes", where=where) from error
        table = UnitTable(name, stated["standard"], factors, stated.get("aliases", {}), molar)
        lost = [alias for alias, code in table.aliases.items() if code not in {**factors, **molar}]
        if factors.get(table.standard) != 1 or lost:
            raise DefinitionError(f"standard must have factor 1; lost aliases: {lost}", where=where)
        tables[name] = table
    return tables
