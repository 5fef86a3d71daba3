"""The rules of a study's quality gate, read from `mappings/quality/` or a file of one's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, get_args, get_type_hints

from adapter import artifacts, mapping_files
from adapter.definitions import typed
from adapter.errors import DefinitionError
from analytics import course
from analytics.course import PatientFacts
from analytics.quality import AnyRule, FigureRule, OrderRule, RangeRule, StatedRule, StoreRule
from analytics.study import STRICT

PERSONAL = ("", "birth", "death", "today")
"""Dates that are not of the fact itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityRules:
    """A file: the rules for one study."""

    __pydantic_config__: ClassVar[Any] = STRICT
    id: str
    study: str
    title: str
    rules: tuple[AnyRule, ...]


def shipped(study: str) -> QualityRules | None:
    """The rules of mappings/quality/ for a study; None where there are none."""
    return _all().get(study)


def own(path: Path) -> QualityRules:
    """The rules of a file. Raises DefinitionError naming each wrong key, table or column."""
    return _read(artifacts.read_toml(path), str(path))


@lru_cache(maxsize=1)
def _all() -> dict[str, QualityRules]:
    found = {}
    for file in artifacts.listing(mapping_files.root() / "quality", ".toml"):
        rules = _read(artifacts.read_toml(file), f"mappings/quality/{file.name}")
        found[rules.study] = rules
    return found


def _read(document: dict[str, Any], where: str) -> QualityRules:
    found = typed(QualityRules, document, where)
    twice = [name for name, n in Counter(rule.id for rule in found.rules).items() if n > 1]
    if problems := [f"{name}: two rules have this id" for name in twice] + list(_problems(found)):
        raise DefinitionError("; ".join(problems), where=where)
    return found


def _problems(found: QualityRules) -> Iterator[str]:
    """Tables and columns that no fact has."""
    for rule in found.rules:
        match rule:
            case RangeRule() | StatedRule():
                yield from _lost(rule.id, rule.table, (rule.column, *rule.where))
            case OrderRule():
                of_fact = [rule.not_before, rule.not_after]
                columns = (rule.column, *(name for name in of_fact if name not in PERSONAL))
                for table in rule.tables:
                    yield from _lost(rule.id, table, columns)
            case FigureRule():
                if bool(rule.missing) is bool(rule.present):
                    yield f"{rule.id}: say missing or present"
            case StoreRule():
                pass


def _lost(rule: str, table: str, columns: tuple[str, ...]) -> Iterator[str]:
    tables = {field.name for field in fields(PatientFacts)} - {"patient_key", "site"}
    if table not in tables:
        yield f"{rule}: no table {table!r}; there are: {', '.join(sorted(tables))}"
        return
    (kind, _) = get_args(get_type_hints(PatientFacts, vars(course))[table])
    known = {field.name for field in fields(kind)}
    for name in columns:
        if name not in known:
            yield f"{rule}: {table} has no column {name!r}; there are: {', '.join(sorted(known))}"
