"""What a store knows of its own coverage: records that state facts, codes that nothing maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, false, func, select, union

from adapter.models import FACT_TABLES, LinkRow, ResourceRow, UnmappedCodeRow
from adapter.store.columns import table_of
from adapter.store.connect import Transaction

KEY = ("site", "resource_type", "resource_id")
UNMAPPED = ("kind", "code_system", "code", "display", "table_name", *KEY, "patient_key")

# A link of this role leads from a report to results, of which most are none of ours.
_REPORT = "report"

_TABLES: dict[str, Table] = {str(model.__tablename__): table_of(model) for model in FACT_TABLES}


@dataclass(frozen=True, slots=True)
class CoverageCounts:
    """`mapped`: outcome -> resources that state a fact for it and have nothing there unmapped; ''
    counts them over all outcomes. `dangling`: target type, role, links, patients of links whose
    target the store does not have."""

    mapped: dict[str, int]
    patients: frozenset[str]
    dangling: list[tuple[str, str, int, int]]


def counts(
    transaction: Transaction,
    outcomes: Mapping[str, Sequence[str]],
    stated: Mapping[str, str],
    sites: Sequence[str],
) -> CoverageCounts:
    """outcomes: their fact tables. stated: table -> the column that is filled where a row states a
    fact. sites: only these (none named: all)."""
    tables = list(dict.fromkeys(table for each in outcomes.values() for table in each))
    by_outcome = {
        name: _mapped(transaction, each, stated, sites, lacking=each)
        for name, each in outcomes.items()
    }
    overall = _mapped(transaction, tables, stated, sites, lacking=())
    return CoverageCounts(
        {**by_outcome, "": overall},
        _patients(transaction, tables, stated, sites),
        _dangling(transaction, sites),
    )


def unmapped(transaction: Transaction, sites: Sequence[str]) -> Iterator[dict[str, str]]:
    """The codes, units and values that nothing maps, once for each resource: UNMAPPED."""
    columns = table_of(UnmappedCodeRow).columns
    found = select(*(columns[name] for name in UNMAPPED)).where(*_at(columns.site, sites))
    for batch in transaction.batches(found):
        for row in zip(*batch, strict=True):
            yield dict(zip(UNMAPPED, row, strict=True))


def _mapped(
    transaction: Transaction,
    tables: Sequence[str],
    stated: Mapping[str, str],
    sites: Sequence[str],
    *,
    lacking: Sequence[str],
) -> int:
    """The resources of the tables without an unmapped code that keeps rows out of `lacking` (none
    named: out of any table)."""
    stating = union(*(_resources(name, stated, sites, KEY) for name in tables)).subquery()
    codes = table_of(UnmappedCodeRow).columns
    without = select(*(codes[name] for name in KEY))
    if lacking:
        without = without.where(codes.table_name.in_(lacking))
    whole = select(*(stating.columns[name] for name in KEY)).except_(without).subquery()
    (batch,) = transaction.batches(select(func.count()).select_from(whole))
    count: int = batch[0][0]
    return count


def _patients(
    transaction: Transaction, tables: Sequence[str], stated: Mapping[str, str], sites: Sequence[str]
) -> frozenset[str]:
    found = union(*(_resources(name, stated, sites, ("patient_key",)) for name in tables))
    keys = (key for batch in transaction.batches(found) for key in batch[0])
    return frozenset(key for key in keys if key)


def _dangling(transaction: Transaction, sites: Sequence[str]) -> list[tuple[str, str, int, int]]:
    link, resource = table_of(LinkRow).columns, table_of(ResourceRow).columns
    target = and_(
        resource.site == link.site,
        resource.resource_type == link.target_type,
        resource.resource_id == link.target_id,
        resource.retracted.is_(false()),
    )
    found = (
        select(
            link.target_type,
            link.role,
            func.count().label("links"),
            func.count(link.patient_key.distinct()).label("patients"),
        )
        .select_from(link.site.table.outerjoin(resource.site.table, target))
        .where(resource.site.is_(None), link.role != _REPORT, *_at(link.site, sites))
        .group_by(link.target_type, link.role)
        .order_by(link.target_type, link.role)
    )
    return [row for batch in transaction.batches(found) for row in zip(*batch, strict=True)]


def _resources(
    name: str, stated: Mapping[str, str], sites: Sequence[str], columns: Sequence[str]
) -> Select[Any]:
    table = _TABLES[name]
    found = select(*(table.columns[each] for each in columns)).where(
        *_at(table.columns.site, sites)
    )
    return found.where(table.columns[stated[name]] != "") if name in stated else found


def _at(site: ColumnElement[Any], sites: Sequence[str]) -> list[ColumnElement[bool]]:
    return [site.in_(sites)] if sites else []
