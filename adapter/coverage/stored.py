"""Coverage evidence from a store: what its ingests recorded.

The store has no codes of resources that nothing recognised, but for those that `ingest` reports by
their names; files are the place to look for the others.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from adapter.coverage.findings import Dangling, Evidence, Finding
from adapter.coverage.quarantine import patient_of, reason_of, unit_of
from adapter.coverage.watch import Watch
from adapter.mapping.mapped import Unmapped

if TYPE_CHECKING:
    from adapter.models import QuarantineRow
    from adapter.store import Store


def evidence_of(store: Store, watch: Watch, sites: Sequence[str] = ()) -> Evidence:
    """The evidence of the sites (none named: all). Raises StoreError."""
    reasons: Counter[str] = Counter()
    findings = [_finding(row) for row in store.unmapped(sites)]
    for row in store.quarantined():
        if not sites or row.site in sites:
            reasons[reason_of(row.reason)] += 1
            if unit := unit_of(row.reason, row.path):
                findings.append(_quarantined(unit, row))
    by_outcome = {name: each.tables for name, each in watch.outcomes.items()}
    counted = store.coverage(by_outcome, watch.stated, sites)
    return Evidence(
        findings=findings,
        mapped=counted.mapped,
        relevant_patients=counted.patients,
        quarantine=reasons,
        dangling=tuple(Dangling(*each) for each in counted.dangling),
    )


def _finding(row: Mapping[str, str]) -> Finding:
    what = Unmapped(row["kind"], row["code_system"], row["code"], row["display"], row["table_name"])
    return Finding(what, row["site"], row["resource_type"], row["resource_id"], row["patient_key"])


def _quarantined(unit: Unmapped, row: QuarantineRow) -> Finding:
    patient = patient_of(_parsed(row.raw), row.site)
    return Finding(unit, row.site, row.resource_type, row.resource_id or row.source, patient)


def _parsed(raw: str) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
