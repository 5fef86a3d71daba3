"""The columns of the fact tables, for data frames and export: kind, unit and meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from adapter.episode_table import Column, Kind
from adapter.errors import UsageError
from adapter.models import FACT_TABLES, FactRow
from adapter.store.columns import python_type, table_of

if TYPE_CHECKING:
    from adapter.store import Store

KINDS: Mapping[type[Any], Kind] = {
    str: "text",
    int: "whole",
    float: "number",
    Decimal: "number",
    date: "day",
    bool: "flag",
}
# The end of a name -> unit (UCUM) and meaning. What is of no such name is explained by its table.
ENDINGS = {
    "_earliest": ("", "the first day that the date may mean"),
    "_latest": ("", "the last day that the date may mean"),
    "_precision": ("", "year, month, day or instant"),
    "_mbq": ("MBq", "activity"),
    "_mm": ("mm", "length"),
    "_pct": ("%", "percentage"),
    "_fraction": ("1", "fraction"),
    "_sent": ("", "as it was sent"),
}
SHARED = {
    "site": "site",
    "resource_type": "FHIR resource type",
    "resource_id": "FHIR resource id",
    "ordinal": "number of the row within the resource",
    "patient_key": "the store's key of the patient",
    "version_id": "version of the resource",
    "last_updated": "when the server took that version",
    "status": "status of the resource",
    "source": "file and line, or URL",
    "content_hash": "SHA-256 of the resource",
    "confidence": "1 for what is coded, less for what was read from text",
    "flags": "what was assumed or doubtful, by ;",
}


def fact_model(name: str) -> type[FactRow]:
    """The fact table of this name. Raises UsageError for another."""
    found = {str(model.__tablename__): model for model in FACT_TABLES}
    if name not in found:
        raise UsageError(f"no fact table {name!r}", hint=f"there are {', '.join(found)}")
    return found[name]


def fact_columns(model: type[FactRow]) -> list[Column]:
    """All columns of a fact table, in the store's order."""
    return [
        Column(
            column.name,
            KINDS[python_type(column)],
            *_described(column.name),
            attrgetter(column.name),
        )
        for column in table_of(model).columns
    ]


def fact_rows(store: Store, model: type[FactRow], sites: Sequence[str] = ()) -> Iterator[FactRow]:
    """The rows of the sites (none named: all), ordered by key."""
    if not sites:
        yield from store.rows(model)
    for site in sites:
        yield from store.rows(model, site=site)


def _described(name: str) -> tuple[str, str]:
    if name in SHARED:
        return "", SHARED[name]
    return next((found for end, found in ENDINGS.items() if name.endswith(end)), ("", ""))
