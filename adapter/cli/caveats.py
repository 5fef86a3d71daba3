"""What a reader of figures must know of the store behind them: said on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapter.cli.output import Output
from adapter.cli.tables import counted

if TYPE_CHECKING:
    from adapter.store import Store

NAMED = 5


def warn_of_gaps(store: Store, sites: Sequence[str], output: Output) -> None:
    """Warn of ingests that did not end and of codes that nothing maps."""
    from adapter.cohort import gaps

    found = gaps(store, sites)
    if found.unfinished:
        runs = counted(len(found.unfinished), "ingest")
        named = "; ".join(found.unfinished[:NAMED])
        output.warn(f"{runs} did not end, data may be missing (site {named}): ingest again")
    if found.unmapped:
        met = counted(sum(found.unmapped.values()), "code, unit or value", "codes, units or values")
        named = "; ".join(f"{code} ({n:,})" for code, n in list(found.unmapped.items())[:NAMED])
        more = len(found.unmapped) - NAMED
        rest = f"; and {more:,} more" if more > 0 else ""
        output.warn(f"{met} of relevant resources have no mapping: {named}{rest}")
