"""What a site's store asks for among the lines that its ingest left aside (see mapping.scan)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sqlalchemy import select

from adapter.mapping import digest
from adapter.mapping.digest import Digests
from adapter.models import (
    FACT_TABLES,
    DeathRow,
    LinkRow,
    MedicationRow,
    OccurrenceRow,
    PatientRow,
    QuarantineRow,
    ResourceRow,
    VisitRow,
)
from adapter.store.columns import table_of
from adapter.store.connect import Transaction

# Everybody has these; who has any other fact is of interest.
_ANYBODY = (PatientRow, DeathRow, VisitRow, OccurrenceRow, LinkRow, MedicationRow)


def interest(transaction: Transaction, site: str) -> Digests:
    """The digests, sorted, of what the site's store asks for.

    Every version of a resource that it holds, since a newer one may take back what that stated, or
    that lies in quarantine, since a newer one may have mended it; what its links name; the
    Medications of interest; whoever has facts.
    """
    found = list(_asked(transaction, site))
    return np.unique(np.concatenate(found)) if found else digest.NONE


def _asked(transaction: Transaction, site: str) -> Iterator[Digests]:
    held, link = table_of(ResourceRow).columns, table_of(LinkRow).columns
    waiting = table_of(QuarantineRow).columns
    for kind, named, of in (
        (held.resource_type, held.resource_id, held.site),
        (link.target_type, link.target_id, link.site),
        (waiting.resource_type, waiting.resource_id, waiting.site),
    ):
        for kinds, ids in transaction.batches(select(kind, named).where(of == site)):
            for name in set(kinds):
                yield digest.of(name, [i for k, i in zip(kinds, ids, strict=True) if k == name])
    medication = table_of(MedicationRow).columns
    chosen = select(medication.resource_id).where(medication.site == site)
    for (ids,) in transaction.batches(chosen):
        yield digest.of("medication", ids)
    for model in FACT_TABLES:
        if model not in _ANYBODY:
            fact = table_of(model).columns
            persons = select(fact.patient_key).where(fact.site == site).distinct()
            for (keys,) in transaction.batches(persons):
                yield digest.of("person", keys)
