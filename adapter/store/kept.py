"""What was derived of single patients, kept so that only who changed is derived again.

It is kept with the digest of the facts that it was derived from, and counts only while the store
holds the same facts. So nothing has to be invalidated, and a store may lose all of it: the table is
no part of the schema, and is made when something is first kept.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import select
from sqlalchemy.schema import CreateTable
from sqlmodel import Field, SQLModel

from adapter.store.columns import table_of
from adapter.store.connect import Transaction
from adapter.store.digests import Span
from adapter.store.stage import lock, put

DEFINITIONS = 8
"""Of so many definitions a site's cells are kept; of more, those kept first go."""

Place = tuple[str, str]
"""site, block"""


class KeptCellsRow(SQLModel, table=True):
    """A block of a site's patients; `content` is a packed `KeptBlock`. made: a UTC instant."""

    __tablename__ = "kept_cells"
    site: str = Field(primary_key=True)
    definition: str = Field(primary_key=True)
    block: str = Field(primary_key=True)
    made: str = ""
    content: str = ""


@dataclass(frozen=True, slots=True)
class KeptBlock:
    """common: texts that patients share. patients: key -> digest of the facts, and what was
    derived from them: numbers, such as places in `common`."""

    common: list[str]
    patients: dict[str, tuple[str, list[int], list[int]]]

    def packed(self) -> str:
        """As it is stored: JSON, compressed, in base 64."""
        content = zlib.compress(orjson.dumps((self.common, self.patients)), 1)
        return base64.b64encode(content).decode()

    @classmethod
    def unpacked(cls, content: str) -> KeptBlock:
        """What `packed` made."""
        return cls(*orjson.loads(zlib.decompress(base64.b64decode(content))))


def kept(
    transaction: Transaction, definition: str, span: Span
) -> Iterator[tuple[Place, KeptBlock]]:
    """The blocks in a span of patient keys, of all sites, that are kept under a definition."""
    columns = table_of(KeptCellsRow).columns
    if not any(transaction.batches(_FIND[transaction.engine])):
        return
    found = select(columns.site, columns.block, columns.content)
    found = found.where(columns.definition == definition, span.holds(columns.block))
    for batch in transaction.batches(found):
        for site, block, content in zip(*batch, strict=True):
            yield (site, block), KeptBlock.unpacked(content)


def keep(transaction: Transaction, definition: str, packed: Mapping[Place, str], made: str) -> None:
    """Keep blocks, each instead of what was kept of it; drop the oldest definitions of a site."""
    lock(transaction)
    transaction.execute(CreateTable(table_of(KeptCellsRow), if_not_exists=True))
    put(
        transaction,
        [
            KeptCellsRow(site=site, definition=definition, block=block, made=made, content=content)
            for (site, block), content in packed.items()
        ],
    )
    for site in sorted({site for site, _ in packed}):
        _drop_oldest(transaction, site)


def _drop_oldest(transaction: Transaction, site: str) -> None:
    columns = table_of(KeptCellsRow).columns
    found = select(columns.definition, columns.made).where(columns.site == site).distinct()
    made: dict[str, str] = {}
    for names, instants in transaction.batches(found):
        for name, instant in zip(names, instants, strict=True):
            made[name] = max(instant, made.get(name, ""))
    oldest = sorted(made, key=lambda name: (made[name], name))[:-DEFINITIONS]
    if oldest:
        dropped = columns.site.table.delete()
        transaction.execute(dropped.where(columns.site == site, columns.definition.in_(oldest)))


_FIND = {
    "sqlite": "SELECT name FROM sqlite_master WHERE name = 'kept_cells'",
    "postgresql": "SELECT relname::text FROM pg_class WHERE oid = to_regclass('kept_cells')",
}
