"""Definitions beside the reference: named in a TOML file, or every point of a grid of values."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

from adapter import artifacts, mapping_files
from adapter.definitions import changed, typed, value_of
from adapter.errors import DefinitionError, UsageError
from analytics.study import STRICT, Study

MOST = 256
"""Definitions in one run: more than anybody reads, and each derives every patient anew."""
LISTS = """--set 'finish_rules=["last_drug_day"],["therapeutic_rai"]'"""
SET = f"--set KEY=V1,V2,…; lists are TOML: {LISTS}"


@dataclass(frozen=True, slots=True)
class Variant:
    """A definition by what it changes of the reference one. `where` names it in errors."""

    name: str
    changes: Mapping[str, Any]
    where: str = "--set"

    def of(self, study: Study) -> Study:
        """The changed study. Raises DefinitionError naming the variant, the key and the value."""
        try:
            return changed(study, self.changes, self.where)
        except DefinitionError as error:
            gap = " " if self.where == "--set" else ": "
            said = f"{self.where}{gap}{said_of(self.changes)}"
            raise DefinitionError(error.what, where=said, hint=error.hint or SET) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A variant as a grid file states it."""

    __pydantic_config__: ClassVar[Any] = STRICT
    name: str
    set: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridFile:
    """A grid file: the variants of one study, and the figures to show (none named: headline)."""

    __pydantic_config__: ClassVar[Any] = STRICT
    id: str
    study: str
    title: str
    figures: tuple[str, ...] = ()
    variants: tuple[Named, ...]


def grid_file(name: str) -> GridFile:
    """The grid file at this path, or the shipped one of this id.

    Raises UsageError where there is none, DefinitionError where it does not hold together.
    """
    path, shipped = Path(name), mapping_files.root() / "sensitivity" / f"{name}.toml"
    if path.is_file():
        found = typed(GridFile, artifacts.read_toml(path), name)
    elif name in shipped_grids():
        found = typed(GridFile, artifacts.read_toml(shipped), f"mappings/sensitivity/{name}.toml")
    else:
        known = ", ".join(shipped_grids())
        raise UsageError(f"no grid {name!r}", hint=f"a TOML file, or one of: {known}")
    names = [each.name for each in found.variants]
    if twice := sorted({each for each in names if names.count(each) > 1}):
        raise DefinitionError(f"two variants are named {', '.join(twice)}", where=name)
    return found


def of_file(file: GridFile, where: str) -> list[Variant]:
    """The file's variants; `where` names the file in errors."""
    return [Variant(each.name, each.set, f"{where}: {each.name}") for each in file.variants]


def shipped_grids() -> list[str]:
    """The ids of the grid files under `mappings/sensitivity/`."""
    folder = mapping_files.root() / "sensitivity"
    return [file.name.removesuffix(".toml") for file in artifacts.listing(folder, ".toml")]


def axes(settings: Iterable[str]) -> dict[str, list[Any]]:
    """Key -> values, of settings `KEY=V1,V2,…`. Raises UsageError for one without key or value."""
    found: dict[str, list[Any]] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        values = _values(text)
        if not equals or not key or not values:
            raise UsageError(f"--set {setting}: no value", hint=SET)
        if key in found:
            raise UsageError(f"--set {key} is given twice", hint="name all its values in one")
        found[key] = values
    return found


def _values(text: str) -> list[Any]:
    """Values between commas: TOML, else each as it stands (`abstract,rcv,half`)."""
    try:
        stated = tomllib.loads(f"values = [{text}]")
    except tomllib.TOMLDecodeError:
        stated = {}
    if list(stated) == ["values"]:
        return list(stated["values"])
    return [value_of(part.strip()) for part in text.split(",") if part.strip()]


def crossed(named: Sequence[Variant], values: Mapping[str, Sequence[Any]]) -> list[Variant]:
    """Every combination of the values, each with every named variant (none: by itself).

    Raises UsageError where there are too many, or a variant and an axis change the same key.
    """
    n = max(len(named), 1)
    for choices in values.values():
        n *= len(choices)
    if n > MOST:
        raise UsageError(f"{n:,} definitions, more than {MOST}", hint="take fewer values or keys")
    if not values:
        return list(named)
    points = [dict(zip(values, point, strict=True)) for point in product(*values.values())]
    if not named:
        return [Variant(said_of(point), point) for point in points]
    return [_both(variant, point) for variant in named for point in points]


def _both(variant: Variant, point: Mapping[str, Any]) -> Variant:
    if twice := sorted(variant.changes.keys() & point.keys()):
        raise UsageError(
            f"--set {', '.join(twice)}: variant {variant.name!r} changes it too",
            hint="leave it out, or take a grid file without it",
        )
    changes = {**variant.changes, **point}
    return Variant(f"{variant.name}; {said_of(point)}", changes, variant.where)


def said_of(changes: Mapping[str, Any]) -> str:
    """`tg_profile=rcv, horizon_days=183`: the changes as they could be set by hand."""
    return ", ".join(f"{key}={_said(value)}" for key, value in changes.items()) or "nothing"


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_said, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_said(each)}' for key, each in value.items())}}}"
    return str(value)
