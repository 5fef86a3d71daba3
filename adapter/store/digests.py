"""What the store knows of a patient as one digest, and of all patients as the data's version.

Both are made of `resource.facts_hash`, which stands for all that a resource has put into the store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, false, func, literal_column, select, true

from adapter.models import LinkRow, ResourceRow
from adapter.store.columns import table_of
from adapter.store.connect import Transaction

Owner = tuple[str, str]
"""(patient_key, site); the key of what belongs to a site, such as a Medication, is empty."""

PREFIX = 2
"""Patients whose keys begin with the same characters are a block. Keys are hexadecimal digits of a
hash, so a store has up to 256 blocks of about the same size."""


class Span(NamedTuple):
    """The patient keys from `first` up to, but without, `before`; None: no end."""

    first: str
    before: str | None

    def holds(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """The condition on a column of patient keys."""
        upper = true() if self.before is None else column < self.before
        return and_(column >= self.first, upper)


ALL = Span("", None)
OF_SITES = Span("", " ")
"""What belongs to no patient."""


def block_of(patient_key: str) -> str:
    """The block of a patient."""
    return patient_key[:PREFIX]


def spans(transaction: Transaction, resources: int) -> list[Span]:
    """All blocks in spans of at least so many resources each (the last: what is left)."""
    key = table_of(ResourceRow).columns.patient_key
    block = func.substr(key, literal_column("1"), literal_column(str(PREFIX))).label("block")
    counted = select(block, func.count().label("n")).where(key != "").group_by(block)
    rows = [row for batch in transaction.batches(counted) for row in zip(*batch, strict=True)]
    firsts, waiting = [], resources
    for name, n in sorted(rows):
        if waiting >= resources:
            firsts.append(name)
            waiting = 0
        waiting += n
    ends = [*firsts, None][1:]
    return [Span(first, before) for first, before in zip(firsts, ends, strict=True)]


def digests(
    transaction: Transaction, sites: Sequence[str] = (), span: Span = ALL
) -> dict[Owner, str]:
    """What is known of each patient in the span at the sites (none named: all), in order.

    Thirty-two digits, made of the patient's resources and of the Medications that they refer to:
    all else that `Store.patients` gives of a patient is the patient's own.
    """
    linked: dict[Owner, list[str]] = {}
    for owner, facts_hash in _rows(transaction, _linked(sites, span)):
        linked.setdefault(owner, []).append(facts_hash)
    found: dict[Owner, str] = {}
    for owner, rows in groupby(_rows(transaction, _own(sites, span)), key=itemgetter(0)):
        hashes = sorted([facts_hash for _, facts_hash in rows])
        hashes += sorted(linked.get(owner, ()))
        found[owner] = hashlib.sha256("".join(hashes).encode()).hexdigest()[:32]
    return found


def block_versions(found: Mapping[Owner, str]) -> dict[str, str]:
    """A digest of each block, from those of its patients; whole blocks must be given."""
    versions = {}
    for block, lines in groupby(sorted(found.items()), key=lambda line: block_of(line[0][0])):
        text = "\n".join("|".join((*owner, digest)) for owner, digest in lines)
        versions[block] = hashlib.sha256(text.encode()).hexdigest()
    return versions


def version(blocks: Iterable[tuple[str, str]]) -> str:
    """The version of the data, from those of all blocks."""
    text = "\n".join("|".join(each) for each in sorted(blocks))
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(transaction: Transaction, sites: Sequence[str]) -> str:
    """SHA-256 of all that the sites' resources (none named: all sites) have put into the store.

    The same facts give the same 64 digits in any order of loading and on both engines; what is
    not content (where a fact was read from, by which run) is left out.
    """
    return version(block_versions(digests(transaction, sites)).items())


def _own(sites: Sequence[str], span: Span) -> Select[Any]:
    resource = table_of(ResourceRow).columns
    found = select(resource.patient_key, resource.site, resource.facts_hash)
    found = found.where(resource.retracted.is_(false()), span.holds(resource.patient_key))
    if sites:
        found = found.where(resource.site.in_(sites))
    return found.order_by(resource.patient_key, resource.site)


def _linked(sites: Sequence[str], span: Span) -> Select[Any]:
    link, target = table_of(LinkRow).columns, table_of(ResourceRow).columns
    same = and_(
        target.site == link.site,
        target.resource_type == link.target_type,
        target.resource_id == link.target_id,
    )
    found = select(link.patient_key, link.site, target.facts_hash)
    found = found.select_from(link.site.table.join(target.site.table, same))
    found = found.where(link.role == "medication", span.holds(link.patient_key))
    return found.where(link.site.in_(sites)) if sites else found


def _rows(transaction: Transaction, statement: Select[Any]) -> Iterator[tuple[Owner, str]]:
    for keys, sites, hashes in transaction.batches(statement):
        yield from zip(zip(keys, sites, strict=True), hashes, strict=True)
