"""The columns of the fact tables, as `adapter.models` states them, read from its text.

What maps and scans needs no more than that, and importing the models, with all that they stand on,
takes longer than scanning a gigabyte. A test compares both.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

COMMON = "FactRow"
"""The class of what every fact row carries."""
_TYPES: dict[str, type[Any]] = {
    each.__name__: each for each in (str, int, float, bool, date, Decimal)
}


class Column(NamedTuple):
    """kind: the type of its values. default: the value of a row that states none."""

    kind: type[Any]
    default: Any


@cache
def fact_tables() -> Mapping[str, Mapping[str, Column]]:
    """Table -> its columns, in order: first those that all have."""
    found: dict[str, dict[str, Column]] = {}
    tables: dict[str, dict[str, Column]] = {}
    for stated in ast.parse(files("adapter").joinpath("models.py").read_text("utf-8")).body:
        if not isinstance(stated, ast.ClassDef):
            continue
        base = next((each.id for each in stated.bases if isinstance(each, ast.Name)), "")
        if stated.name == COMMON or base in found:
            found[stated.name] = {**found.get(base, {}), **dict(_columns(stated))}
            if name := _table_name(stated):
                tables[name] = found[stated.name]
    return tables


@cache
def own_columns(table: str) -> Mapping[str, Column]:
    """The columns of a fact table but for those that all have."""
    common = set.intersection(*(set(columns) for columns in fact_tables().values()))
    return {name: each for name, each in fact_tables()[table].items() if name not in common}


def _table_name(stated: ast.ClassDef) -> str:
    for each in stated.body:
        match each:
            case ast.Assign([ast.Name("__tablename__")], ast.Constant(str(name))):
                return name
    return ""


def _columns(stated: ast.ClassDef) -> Iterator[tuple[str, Column]]:
    for each in stated.body:
        match each:
            case ast.AnnAssign(ast.Name(name), annotation, value):
                kind = ast.unparse(annotation).removesuffix(" | None")
                default = value.value if isinstance(value, ast.Constant) else None
                yield name, Column(_TYPES[kind], default)
