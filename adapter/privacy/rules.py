"""What may stay of each element: `mappings/privacy/*.toml`, and a site's own rules over it.

Every rule is checked when it is loaded: an unknown action, data type or key stops the program.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from adapter import artifacts, mapping_files
from adapter.errors import DefinitionError
from adapter.privacy.vocabulary import Words

ACTIONS = frozenset({
    "attachment", "birth", "code", "contained", "drop", "flag", "id", "instant", "keep", "label",
    "named", "place", "ref", "region", "shift", "system", "text", "time", "unit", "updated",
    "value", "verbatim", "version", "year", "zip", "zip3",
})  # fmt: skip
BUILTIN = "builtin"
FOLDER = "privacy"

Rule = str | tuple[str, ...] | Mapping[str, Any]
"""An action (`ref:Patient`, `drop: why`), a data type, the codes that may stay, or a part's own
rules."""
Table = Mapping[str, Rule]


@dataclass(frozen=True, slots=True)
class Systems:
    """Code systems: url -> how their codes look, or the codes themselves; extensions; units.

    of_persons: the last part of an extension's URL -> the URL, for those that a site must name.
    """

    patterns: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    codes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    displays: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    extensions: frozenset[str] = frozenset()
    of_persons: Mapping[str, str] = field(default_factory=dict)
    parts: frozenset[str] = frozenset()
    unit: re.Pattern[str] = re.compile("")


@dataclass(frozen=True, slots=True)
class Rules:
    """The allow-list. resources and datatypes: name -> element -> rule."""

    resources: Mapping[str, Table]
    datatypes: Mapping[str, Table]
    systems: Systems
    words: Words
    restricted_zip3: frozenset[str]

    def rule(self, path: str) -> Rule | None:
        """The rule of `Type.element.element`, or None where nothing lists it."""
        name, *elements = path.split(".")
        found: Any = self.resources.get(name, self.datatypes.get(name))
        for element in elements:
            if isinstance(found, str):
                found = self.datatypes.get(found)
            found = found.get(element) if isinstance(found, Mapping) else None
        rule: Rule | None = found
        return rule


@lru_cache(maxsize=8)
def load(own: Path | None = None) -> Rules:
    """The shipped rules, with those of a site's own file over them. Raises DefinitionError."""
    root = mapping_files.root() / FOLDER
    resources = artifacts.read_toml(root / "resources.toml")
    datatypes = artifacts.read_toml(root / "datatypes.toml")
    local: tuple[str, ...] = ()
    if own is not None:
        stated = artifacts.read_toml(own)
        local = tuple(stated.pop("code_systems", ()))
        _override(resources, datatypes, stated, str(own))
    for table in (resources, datatypes):
        for name, rule in table.items():
            _check(rule, name, datatypes)
    return Rules(
        _frozen(resources),
        _frozen(datatypes),
        _systems(root, local),
        _words(root),
        frozenset(artifacts.read_toml(root / "zip3.toml")["restricted"]),
    )


def _override(
    resources: dict[str, Any], datatypes: dict[str, Any], own: Mapping[str, Any], where: str
) -> None:
    for name, table in own.items():
        known = resources if name not in datatypes else datatypes
        if not isinstance(table, Mapping):
            raise DefinitionError(f"{name} is no table of elements", where=where)
        _merge(known.setdefault(name, {}), table)


def _merge(into: dict[str, Any], own: Mapping[str, Any]) -> None:
    for name, rule in own.items():
        if isinstance(rule, Mapping) and isinstance(into.get(name), dict):
            _merge(into[name], rule)
        else:
            into[name] = rule


def _check(rule: Any, path: str, datatypes: Mapping[str, Any]) -> None:
    if isinstance(rule, Mapping):
        for name, inner in rule.items():
            _check(inner, f"{path}.{name}", datatypes)
    elif isinstance(rule, list):
        if not all(isinstance(code, str) for code in rule):
            raise DefinitionError(f"{path}: a code that is no text", where=f"mappings/{FOLDER}")
    elif not isinstance(rule, str) or not (rule.partition(":")[0] in ACTIONS or rule in datatypes):
        raise DefinitionError(
            f"{path}: no such rule {rule!r}",
            where=f"mappings/{FOLDER}",
            hint=f"one of {', '.join(sorted(ACTIONS))}, a list of codes, or a data type",
        )


def _frozen(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _frozen_rule(rule) for name, rule in table.items()}


def _frozen_rule(rule: Any) -> Any:
    if isinstance(rule, Mapping):
        return _frozen(rule)
    return tuple(rule) if isinstance(rule, list) else rule


def _systems(root: Traversable, local: tuple[str, ...]) -> Systems:
    stated = artifacts.read_toml(root / "systems.toml")
    artifacts.refuse_unknown(
        stated,
        {"patterns", "codes", "displays", "extensions", "ucum"},
        f"mappings/{FOLDER}/systems.toml",
    )
    patterns = {url: re.compile(pattern) for url, pattern in stated["patterns"].items()}
    patterns |= dict.fromkeys(local, _LOCAL)
    prefixes = "|".join(map(re.escape, stated["ucum"]["prefixes"].split()))
    atoms = "|".join(sorted(map(re.escape, stated["ucum"]["atoms"].split()), key=len, reverse=True))
    unit = rf"(?:{prefixes})?(?:{atoms})-?\d?"
    return Systems(
        patterns,
        {url: frozenset(codes.split()) for url, codes in stated["codes"].items()},
        {url: re.compile(pattern) for url, pattern in stated["displays"].items()},
        frozenset(stated["extensions"]["urls"]),
        {url.rpartition("/")[2]: url for url in stated["extensions"]["of_persons"]},
        frozenset(stated["extensions"]["parts"]),
        re.compile(rf"/?{unit}(?:[./]{unit}){{0,3}}"),
    )


_LOCAL = re.compile(r"[A-Za-z0-9._:/^~#-]{1,40}")
"""A code of a local system that the site itself lists: without blanks."""


_ENTRY = re.compile(r"\*?[^\W\d_]+(?:'[^\W\d_]+)?\*?")


def _words(root: Traversable) -> Words:
    where = f"mappings/{FOLDER}/words.toml"
    stated = artifacts.read_toml(root / "words.toml")
    artifacts.refuse_unknown(stated, {"findings", "frames", "labels"}, where)
    for name in ("findings", "frames"):
        if lost := [word for word in stated[name].split() if not _ENTRY.fullmatch(word)]:
            raise DefinitionError(f"no word of letters: {', '.join(lost)}", where=where)
    return Words(**{name: frozenset(text.split()) for name, text in stated.items()})
