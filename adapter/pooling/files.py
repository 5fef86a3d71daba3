"""MeasureReports from files, as `raiway pool` takes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from adapter.errors import UsageError

Json = dict[str, Any]


def read_reports(paths: Sequence[Path]) -> list[Json]:
    """The MeasureReports of the files, each one report or a Bundle of them, in their order.

    Raises UsageError for a file that cannot be read, is no JSON or holds no MeasureReport.
    """
    return [report for path in paths for report in _reports(path)]


def _reports(path: Path) -> Iterator[Json]:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise UsageError("is no JSON", where=str(path)) from error
    kind = found.get("resourceType") if isinstance(found, dict) else None
    entries = found.get("entry", ()) if kind == "Bundle" else ()
    inside = [entry.get("resource", {}) for entry in entries]
    reports = [each for each in inside if each.get("resourceType") == "MeasureReport"]
    if kind == "MeasureReport":
        reports = [found]
    if not reports:
        raise UsageError("holds no MeasureReport", where=str(path))
    yield from reports


def measure_id(reports: Sequence[Json]) -> str:
    """The id of the Measure that the first report is of. Raises UsageError where it names none."""
    canonical = str(reports[0].get("measure", ""))
    name = canonical.partition("|")[0].rpartition("/")[2]
    if not name:
        raise UsageError("the first report names no measure")
    return name
