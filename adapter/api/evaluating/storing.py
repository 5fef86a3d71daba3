"""Reports of our own in the repository: as a whole, or pending until they are made."""

from __future__ import annotations

from adapter.api.evaluating.evaluator import Planned
from adapter.api.evaluating.progress import Cancelled
from adapter.api.reports.repository import ReportRepository
from adapter.api.reports.stored import Stored
from adapter.config import Settings
from adapter.elements import Json

PENDING, FAILED = "pending", "error"


def pending_report(planned: Planned, settings: Settings) -> Json:
    """A report that says what it will be of, and states no result."""
    asked = planned.asked
    return {
        "resourceType": "MeasureReport",
        "status": PENDING,
        "type": asked.kind,
        "measure": asked.measures[0].canonical,
        "date": planned.made.isoformat(timespec="seconds"),
        "reporter": {"reference": asked.reporter or settings.report.reporter},
        "period": {"start": str(asked.request.start), "end": str(asked.request.end)},
    }


def complete(reports: ReportRepository, key: str, report: Json, by: str) -> Stored:
    """Put the report in the place of the pending one. Raises Cancelled where that was given up."""
    with reports.changing() as transaction:
        if not _pending(transaction.current(key)):
            raise Cancelled
        return transaction.update(key, report, None, by)


def give_up(reports: ReportRepository, key: str, by: str) -> None:
    """Say that the pending report will not be made; any other stays as it is."""
    with reports.changing() as transaction:
        held = transaction.current(key)
        if held is not None and _pending(held):
            transaction.update(key, {**held.resource, "status": FAILED}, None, by)


def _pending(held: Stored | None) -> bool:
    return held is not None and held.resource.get("status") == PENDING
