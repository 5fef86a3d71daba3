"""Replay: what lies in quarantine through the mapping again, after the mapping was mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter import sources
from adapter.ingest import Summary, load
from adapter.mapping.mapped import Rejected
from adapter.mapping.resource import Mapper
from adapter.packed import pack
from adapter.quarantine import map_one

if TYPE_CHECKING:
    from adapter.models import QuarantineRow
    from adapter.store import Store

BATCH = 500


def replay(mapper: Mapper, store: Store, run_id: str) -> Summary:
    """Map the quarantined lines of the mapper's site again; what now maps is loaded and released.

    What still does not map stays in quarantine, under the reason that it has now.
    """
    summary = Summary()
    waiting = list(store.quarantined(mapper.site))
    for start in range(0, len(waiting), BATCH):
        _replay(waiting[start : start + BATCH], mapper, store, run_id, summary)
    return summary


def _replay(
    rows: list[QuarantineRow], mapper: Mapper, store: Store, run_id: str, summary: Summary
) -> None:
    outcomes = {
        row.quarantine_id: [
            map_one(item, mapper) for item in sources.parsed(row.source, row.raw.encode())
        ]
        for row in rows
    }
    # Loaded before released: an interruption leaves a line twice, never nowhere.
    every = [each for found in outcomes.values() for each in found]
    load(pack(every), store, run_id, summary)
    reasons = {
        quarantine_id: {each.reason for each in found if isinstance(each, Rejected)}
        for quarantine_id, found in outcomes.items()
    }
    store.release(
        [row.quarantine_id for row in rows if row.reason not in reasons[row.quarantine_id]]
    )
