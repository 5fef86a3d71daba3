"""Mapped resources into the store: of each resource's versions the greatest rank holds.

Each batch is reduced to one version a resource, staged, compared with what the store holds, and
what is greater replaces it, all in one transaction: order, batching and repetition do not matter.
Only a version that another mapping made other facts of (`facts_hash`) is replaced at equal rank.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Table,
    TableClause,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    tuple_,
)

from adapter.mapping.mapped import MappedResource, Stamp, TypedRow
from adapter.models import FACT_TABLES, FactRow, ResourceRow, UnmappedCodeRow
from adapter.store.columns import default_text, staged_value, table_of, travel
from adapter.store.connect import Transaction
from adapter.store.stage import Cell, lock, stage, storable
from adapter.store.undecided import undecidable, undecided_in_store

KEY = ("site", "resource_type", "resource_id")

STAMP = tuple(field.name for field in fields(Stamp) if field.name != "retracted")
RESOURCE = (*STAMP, "retracted", "facts_hash", "run_id")

# What a fact row states itself; the other common columns come from its resource.
STATED = ("ordinal", "confidence", "flags")
UNMAPPED = ("kind", "code_system", "code", "display", "table_name")

# Marks a version that states nothing and is kept only where it supersedes one in the store.
SILENT = "silent"

# No code is longer, but a sender may put anything where a code belongs.
KEY_LENGTH = 250

# Each resource of a batch has a number, which its staged facts name instead of its key.
NUMBER = "n"


@dataclass(frozen=True, slots=True)
class LoadCounts:
    """What became of the resources of a batch; each is counted once.

    A silent version that supersedes nothing is not counted.
    retracted: tombstones that came into the store. older: versions that a greater one beats.
    undecided: where versions stand that differ from another one in nothing but their content, so
    that nothing says which is newer; the greater content hash holds, in any order of loading.
    """

    new: int = 0
    replaced: int = 0
    unchanged: int = 0
    older: int = 0
    retracted: int = 0
    undecided: tuple[str, ...] = ()

    def __add__(self, other: LoadCounts) -> LoadCounts:
        return LoadCounts(
            self.new + other.new,
            self.replaced + other.replaced,
            self.unchanged + other.unchanged,
            self.older + other.older,
            self.retracted + other.retracted,
            self.undecided + other.undecided,
        )


def load(
    transaction: Transaction,
    batch: Sequence[MappedResource],
    run_id: str,
    silent: Sequence[MappedResource] = (),
) -> LoadCounts:
    """Bring a batch into the store, and let `silent` versions supersede; the caller commits."""
    if not batch and not silent:
        return LoadCounts()
    holding, passed_over = _greatest([*batch, *silent])
    passing = {id(mapped) for mapped in silent}
    marks = ["1" if id(mapped) in passing else "0" for mapped in holding]
    resources, facts = _stage_all(transaction, holding, marks, run_id)
    lock(transaction)
    if transaction.engine == "postgresql":
        # Without statistics of the temporary table the planner reads whole fact tables.
        transaction.execute(f"ANALYZE {resources.name}")
    transaction.execute(delete(resources).where(_says_nothing_new(resources)))
    merged, displacing = _compare(transaction, resources)
    if displacing or merged.older:
        merged = replace(merged, undecided=tuple(undecided_in_store(transaction, resources)))
    transaction.execute(delete(resources).where(_stays(resources)))
    if displacing:
        for table in TARGETS:
            _delete(transaction, table, resources)
    for table, rows in facts.items():
        _insert(transaction, table, resources, rows)
    _insert(transaction, table_of(ResourceRow), resources)
    return passed_over + merged


def _greatest(batch: Iterable[MappedResource]) -> tuple[list[MappedResource], LoadCounts]:
    """The version of each resource that holds within the batch, and how many do not."""
    holding: dict[tuple[str, str, str], MappedResource] = {}
    older = unchanged = 0
    undecided: list[str] = []
    for mapped in batch:
        stamp = mapped.stamp
        key = (stamp.site, stamp.resource_type, stamp.resource_id)
        held = holding.setdefault(key, mapped)
        if held is mapped:
            continue
        if stamp.rank == held.stamp.rank:
            unchanged += 1
            continue
        older += 1
        if undecidable(mapped, held):
            undecided.append(stamp.source)
        if stamp.rank > held.stamp.rank:
            holding[key] = mapped
    counts = LoadCounts(unchanged=unchanged, older=older, undecided=tuple(undecided))
    return list(holding.values()), counts


def _stage_all(
    transaction: Transaction, holding: Sequence[MappedResource], marks: Sequence[str], run_id: str
) -> tuple[TableClause, dict[Table, TableClause]]:
    """Stage the resources and, for each table that gets rows, their facts."""
    resources: list[list[Cell]] = []
    facts: dict[str, list[list[Cell]]] = {}
    for at, (mapped, silent) in enumerate(zip(holding, marks, strict=True)):
        number = str(at)
        stated = _facts(mapped)
        retracted = "1" if mapped.stamp.retracted else "0"
        beside = [retracted, _facts_hash(mapped, stated), run_id]
        resources.append([number, silent, *_stamp(mapped.stamp), *beside])
        for name, cells in stated:
            facts.setdefault(name, []).append([number, *cells])
    return stage(transaction, "resource", [NUMBER, SILENT, *RESOURCE], resources), {
        _TABLES[name]: stage(transaction, name, [NUMBER, *_names(name)], rows)
        for name, rows in facts.items()
    }


def _facts(mapped: MappedResource) -> list[tuple[str, list[Cell]]]:
    """(table, cells in the order of `_names`) for each row; a tombstone has none."""
    if mapped.stamp.retracted:
        return []
    rows = [(row.table, _cells(row)) for row in mapped.rows]
    codes = {(each.kind, _key(each.code_system), _key(each.code)): each for each in mapped.unmapped}
    return rows + [(_UNMAPPED, [*key, each.display, each.table]) for key, each in codes.items()]


def _key(text: str) -> str:
    """The text as part of a key, as it will be stored: PostgreSQL's keys may have 2,700 bytes."""
    return storable(text[:KEY_LENGTH])


def _cells(row: TypedRow) -> list[Cell]:
    layout = _layout(row.table)
    if strange := row.columns.keys() - layout.keys():
        raise KeyError(f"{row.table} has no column {', '.join(sorted(strange))}")
    cells: list[Cell] = [str(row.ordinal), repr(float(row.confidence)), ",".join(row.flags)]
    value_of = row.columns.get
    for name, (to_text, default) in layout.items():
        value = value_of(name)
        cells.append(default if value is None else to_text(value) if to_text else value)
    return cells


def _names(table: str) -> tuple[str, ...]:
    """The columns of a table that its staged rows state."""
    return UNMAPPED if table == _UNMAPPED else (*STATED, *_layout(table))


@cache
def _layout(table: str) -> dict[str, tuple[Callable[[Any], str] | None, Cell]]:
    """A fact table's own columns: how each becomes text, and the text for want of a value."""
    return {
        each.name: (travel(each).to_text, default_text(each))
        for each in _TABLES[table].columns
        if each.name not in FactRow.model_fields
    }


def _facts_hash(mapped: MappedResource, stated: list[tuple[str, list[Cell]]]) -> str:
    """A hash of all that the version puts into the store, its place in the input apart."""
    stamp = mapped.stamp
    head = (stamp.patient_key, stamp.version_id, stamp.last_updated, stamp.status)
    text = repr((head, stamp.content_hash, stamp.retracted, stated))
    return hashlib.sha256(text.encode()).hexdigest()


def _same_resource(one: Table, other: TableClause) -> ColumnElement[bool]:
    return and_(*(one.columns[name] == other.columns[name] for name in KEY))


def _compare(transaction: Transaction, resources: TableClause) -> tuple[LoadCounts, bool]:
    """What will become of the staged resources; whether any displaces what the store holds."""
    held, coming = table_of(ResourceRow).columns, resources.columns
    outcome = case(
        (held.rank.is_(None), literal_column("'new'")),
        (coming.rank < held.rank, literal_column("'older'")),
        (_same_version(resources), literal_column("'unchanged'")),
        else_=literal_column("'replaced'"),
    )
    joined = resources.outerjoin(held.rank.table, _same_resource(held.rank.table, resources))
    counted = (
        select(outcome.label("outcome"), coming.retracted, func.count().label("resources"))
        .select_from(joined)
        .group_by(literal_column("outcome"), coming.retracted)
    )
    counts = Counter[str]()
    displacing = False
    for batch in transaction.batches(counted):
        for became, retracted, number in zip(*batch, strict=True):
            displacing = displacing or became == "replaced"
            enters = became in {"new", "replaced"}
            counts["retracted" if enters and retracted == "1" else became] += number
    found = LoadCounts(
        counts["new"], counts["replaced"], counts["unchanged"], counts["older"], counts["retracted"]
    )
    return found, displacing


def _same_version(resources: TableClause) -> ColumnElement[bool]:
    held, coming = table_of(ResourceRow).columns, resources.columns
    return and_(coming.rank == held.rank, coming.facts_hash == held.facts_hash)


def _stays(resources: TableClause) -> ColumnElement[bool]:
    """Whether the store keeps what it holds of a staged resource."""
    held, coming = table_of(ResourceRow), resources.columns
    beaten = or_(coming.rank < held.columns.rank, _same_version(resources))
    return exists(select(held.columns.rank).where(_same_resource(held, resources), beaten))


def _says_nothing_new(resources: TableClause) -> ColumnElement[bool]:
    """Whether a silent version supersedes nothing in the store."""
    held = table_of(ResourceRow)
    known = exists(select(held.columns.rank).where(_same_resource(held, resources)))
    return and_(resources.columns[SILENT] == "1", ~known)


def _delete(transaction: Transaction, table: Table, resources: TableClause) -> None:
    staged = select(*(resources.columns[name] for name in KEY))
    key = tuple_(*(table.columns[name] for name in KEY))
    transaction.execute(delete(table).where(key.in_(staged)))


def _insert(
    transaction: Transaction, into: Table, resources: TableClause, rows: TableClause | None = None
) -> None:
    """Insert what is staged: own columns from `rows`, where given, all others from the resource."""
    source = rows if rows is not None else resources
    cells = [
        staged_value(
            each,
            (source if each.name in source.columns else resources).columns[each.name],
            transaction.engine,
        )
        for each in into.columns
    ]
    chosen = select(*cells).select_from(resources)
    if rows is not None:
        chosen = chosen.join(rows, rows.columns[NUMBER] == resources.columns[NUMBER])
    transaction.execute(insert(into).from_select(into.columns.keys(), chosen))


TARGETS = (*map(table_of, FACT_TABLES), table_of(UnmappedCodeRow), table_of(ResourceRow))
_TABLES = {table.name: table for table in TARGETS}
_UNMAPPED = table_of(UnmappedCodeRow).name
_stamp = attrgetter(*STAMP)
