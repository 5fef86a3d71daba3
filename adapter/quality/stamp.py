"""An evaluation with the quality gate's result on it, which reports and pages then show."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adapter.quality.gate import check
from adapter.quality.rules import shipped

if TYPE_CHECKING:
    from adapter.evaluate import Evaluation
    from adapter.store import Store


def runs_so_far(store: Store) -> str:
    """A name of how many ingests and replays began, and when the last one ended. Until it changes,
    the gate finds the same in the same facts."""
    runs = store.runs()
    ends = [run.ended.isoformat() for run in runs if run.ended]
    return f"{len(runs)} {max(ends, default='')}"


def stamped(store: Store, evaluation: Evaluation, made: datetime | None = None) -> Evaluation:
    """The evaluation with the gate of its study; unchanged where the study has no rules.

    made: when the report is made, if not now: nothing can be dated after it. Raises StoreError.
    """
    rules = shipped(evaluation.study.id)
    if rules is None:
        return evaluation
    figures, today = evaluation.estimates.overall, (made or datetime.now(UTC)).date()
    return replace(evaluation, gate=check(store, figures, rules, evaluation.request.sites, today))
