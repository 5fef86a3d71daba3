"""Mapped resources into the store: of each resource's versions the greatest rank holds.

Each batch is reduced to one version a resource, staged, compared with what the store holds, and
what is greater replaces it, all in one transaction: order, batching and repetition do not matter.
Only a version that another mapping made other facts of (`facts_hash`) is replaced at equal rank.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

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

from adapter.models import FACT_TABLES, ResourceRow, UnmappedCodeRow
from adapter.store.columns import staged_value, table_of
from adapter.store.connect import Transaction
from adapter.store.prepare import NUMBER, SILENT, Prepared
from adapter.store.stage import lock, stage_arrow
from adapter.store.texts import column_of
from adapter.store.undecided import Version, undecidable, undecided_in_store

KEY = ("site", "resource_type", "resource_id")


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


def load(transaction: Transaction, batch: Prepared, run_id: str) -> LoadCounts:
    """Bring a batch into the store; the caller commits."""
    if not len(batch):
        return LoadCounts()
    holding, passed_over = _greatest(batch)
    resources, facts = _stage_all(transaction, holding, run_id)
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


def _greatest(batch: Prepared) -> tuple[Prepared, LoadCounts]:
    """The batch with the version of each resource that holds in it, and how many do not."""
    keys = list(zip(*(batch.texts(name) for name in KEY), strict=True))
    if len(set(keys)) == len(keys):
        return batch, LoadCounts()
    columns = (batch.texts(name) for name in ("rank", "content_hash", "retracted", SILENT))
    versions = [Version(*each) for each in zip(*columns, strict=True)]
    sources = batch.texts("source")
    holding: dict[tuple[str, ...], int] = {}
    older = unchanged = 0
    undecided: list[str] = []
    for at, (key, version) in enumerate(zip(keys, versions, strict=True)):
        held = holding.setdefault(key, at)
        if held == at:
            continue
        if version.rank == versions[held].rank:
            unchanged += 1
            continue
        older += 1
        if undecidable(version, versions[held]):
            undecided.append(sources[at])
        if version.rank > versions[held].rank:
            holding[key] = at
    counts = LoadCounts(unchanged=unchanged, older=older, undecided=tuple(undecided))
    # The facts of the others name resources that are not there.
    return replace(batch, resources=batch.resources.take(list(holding.values()))), counts


def _stage_all(
    transaction: Transaction, batch: Prepared, run_id: str
) -> tuple[TableClause, dict[Table, TableClause]]:
    """Stage the resources and, for each table that gets rows, their facts."""
    of_run = column_of([run_id] * len(batch))
    resources = batch.resources.append_column("run_id", of_run)
    return stage_arrow(transaction, "resource", resources), {
        _TABLES[name]: stage_arrow(transaction, name, rows) for name, rows in batch.facts.items()
    }


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
