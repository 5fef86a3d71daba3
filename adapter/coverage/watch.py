"""`mappings/coverage.toml`: which outcomes a fact table gives, and what unmapped codes are called.

Data for the eyes of those who map a hospital's codes; no fact and no figure depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapter import artifacts, mapping_files
from adapter.definitions import Definitions
from adapter.errors import DefinitionError
from adapter.models import FACT_TABLES

WHERE = "mappings/coverage.toml"
_MODEL = ConfigDict(extra="forbid", frozen=True)


class Outcome(BaseModel):
    """What is reported, by which Measure, out of which fact tables."""

    model_config = _MODEL

    title: str
    measure: str
    tables: tuple[str, ...]


class Look(BaseModel):
    """What a code may have been meant for; the file says what each key means."""

    model_config = _MODEL

    table: str
    value_sets: tuple[str, ...]
    resources: tuple[str, ...] = ()
    names: tuple[str, str] | None = None
    words: Mapping[str, str] = Field(default_factory=dict)
    beside: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


class _Status(BaseModel):
    model_config = _MODEL

    silent: frozenset[str]


class _File(BaseModel):
    model_config = _MODEL

    outcome: Mapping[str, Outcome]
    stated: Mapping[str, str]
    status: _Status
    look: tuple[Look, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """The file, read and checked. `short` are short names of code systems, as letters and digits.

    `stated`: table -> the column without which a row states nothing yet. `silent`: statuses.
    """

    outcomes: Mapping[str, Outcome]
    stated: Mapping[str, str]
    silent: frozenset[str]
    looks: tuple[Look, ...]
    short: Mapping[str, str] = field(default_factory=dict)

    @property
    def tables(self) -> tuple[str, ...]:
        """The fact tables that an outcome needs, each once."""
        return tuple(
            dict.fromkeys(table for each in self.outcomes.values() for table in each.tables)
        )

    def blocked(self, table: str) -> tuple[str, ...]:
        """The ids of the outcomes that a fact missing from the table is missing from."""
        return tuple(name for name, each in self.outcomes.items() if table in each.tables)


@lru_cache(maxsize=1)
def load() -> Watch:
    """The shipped file. Raises DefinitionError naming what is wrong in it."""
    root = mapping_files.root()
    try:
        file = _File.model_validate(artifacts.read_toml(root / "coverage.toml"))
    except ValidationError as error:
        item = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in item["loc"])
        raise DefinitionError(f"{key}: {item['msg']}", where=WHERE) from error
    short: dict[str, str] = {}
    for naming in artifacts.folder(root, "NamingSystem"):
        url = next(each["value"] for each in naming["uniqueId"] if each.get("preferred"))
        short[letters(naming["id"])] = short[letters(naming["name"])] = url
    return Watch(file.outcome, file.stated, file.status.silent, file.look, short)


def check(watch: Watch, definitions: Definitions) -> None:
    """Raise DefinitionError for a table, value set, code or measure that is not there."""
    tables = {str(table.__tablename__): table for table in FACT_TABLES}
    measures = {
        file.name.removesuffix(".json")
        for file in artifacts.listing(mapping_files.root() / "Measure", ".json")
    }
    sets = [
        *(name for look in watch.looks for name in look.value_sets),
        *(look.names[1] for look in watch.looks if look.names),
    ]
    lost = [
        *({*watch.tables, *watch.stated, *(look.table for look in watch.looks)} - tables.keys()),
        *({each.measure for each in watch.outcomes.values()} - measures),
        *(name for name in sets if not definitions.terminology.knows(definitions.value_set(name))),
        *(
            f"{table}.{column}"
            for table, column in watch.stated.items()
            if table in tables and column not in tables[table].model_fields
        ),
    ]
    known = {token for members in definitions.terminology.value_sets.values() for token in members}
    codes = (code for look in watch.looks for code in (*look.words.values(), *look.targets) if code)
    lost += [code for code in codes if code not in known]
    if lost:
        raise DefinitionError(f"there is no {', '.join(sorted(set(lost)))}", where=WHERE)


_OTHER = re.compile(r"[^0-9a-z]")


def letters(text: str) -> str:
    """The letters and digits of a name in lower case: ICD-10-CM -> icd10cm."""
    return _OTHER.sub("", text.lower())
