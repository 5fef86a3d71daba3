"""Which standard code a code that nothing maps may mean; a person decides whether it does."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from adapter.coverage.codes import Codes
from adapter.coverage.names import Names
from adapter.coverage.watch import Look, Watch
from adapter.definitions import Definitions
from adapter.elements import UCUM
from adapter.mapping.units import UnitTable

CONCEPT = "urn:raiway:concept"
_ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class Target:
    """A standard code, with its display where the value sets have one."""

    system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The codes to map to, and what speaks for them, or where to map what no ConceptMap can."""

    targets: tuple[Target, ...]
    why: str


@dataclass(frozen=True, slots=True)
class _Sight:
    """A look with its codes and names."""

    look: Look
    codes: Codes
    names: Names
    members: frozenset[str]


class Suggester:
    """What the codes of a site may mean, by `mappings/coverage.toml` and the definitions."""

    def __init__(self, watch: Watch, definitions: Definitions) -> None:
        self._definitions = definitions
        self._sights = [_sight(look, watch, definitions) for look in watch.looks]
        self._displays: dict[str, str] = {}
        for members in definitions.terminology.value_sets.values():
            for token, concept in members.items():
                if concept.display:
                    self._displays.setdefault(token, concept.display)

    def tables(self, resource_type: str, system: str, code: str, display: str) -> Iterator[str]:
        """The fact tables that a resource of this code was probably meant for."""
        for sight in self._sights:
            if resource_type not in sight.look.resources:
                continue
            if sight.codes.meant(system, code) or sight.names.listed(display):
                yield sight.look.table

    def known(self, system: str, code: str) -> bool:
        """Whether a value set has the code, or a reviewed map says what it means."""
        terminology = self._definitions.terminology
        return self.reviewed(system, code) or any(
            terminology.contains(url, system, code) for url in terminology.value_sets
        )

    def reviewed(self, system: str, code: str) -> bool:
        """Whether a ConceptMap says that the code means nothing here (`unmatched`)."""
        terminology = self._definitions.terminology
        token = f"{terminology.systems.get(system, system)}|{code}"
        return terminology.translations.get(token) == ()

    def code(self, table: str, system: str, code: str, display: str) -> Suggestion | None:
        """What a code may mean that keeps a row out of the table."""
        sights = [sight for sight in self._sights if sight.look.table == table]
        for sight in sights:
            if meant := sight.codes.meant(system, code):
                return self._suggestion((*sight.look.targets, meant[0]), meant[1])
        for text in (display, code):
            for sight in sights:
                if named := sight.names.meant(text):
                    return self._suggestion(*named)
        for sight in sights:
            own = f"{CONCEPT}|{code.upper()}"
            if own in sight.members:
                return self._suggestion((own,), f"written {code}")
        return None

    def unit(self, name: str, unit: str) -> Suggestion | None:
        """The UCUM code that a unit of a unit table may be, and where to say so."""
        table = self._definitions.units.get(name)
        if table is None:
            return None
        if not unit:
            return Suggestion((), f'[units] {name} = "…" in the site\'s file')
        found = _unit(table, unit)
        why = f"[aliases] in mappings/unit/{name}.toml"
        return Suggestion((Target(UCUM, found),), why) if found else None

    def _suggestion(self, tokens: tuple[str, ...], why: str) -> Suggestion:
        targets = []
        for token in dict.fromkeys(tokens):
            system, _, code = token.partition("|")
            targets.append(Target(system, code, self._displays.get(token, "")))
        return Suggestion(tuple(targets), why)


def _sight(look: Look, watch: Watch, definitions: Definitions) -> _Sight:
    terminology = definitions.terminology
    members = frozenset(
        token
        for name in look.value_sets
        for token in terminology.value_sets[definitions.value_set(name)]
    )
    codes = Codes(members, terminology, watch.short)
    return _Sight(look, codes, Names(look, definitions), members)


def _unit(table: UnitTable, unit: str) -> str:
    """The code of the table that is the unit in other letters, or almost is."""
    spelled = {**{code: code for code in (*table.molar, *table.factors)}, **table.aliases}
    lower = {spelling.lower(): code for spelling, code in spelled.items()}
    near = difflib.get_close_matches(unit.lower(), lower, n=1, cutoff=_ALIKE)
    return lower[near[0]] if near else ""
