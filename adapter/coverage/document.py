"""The coverage report as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from adapter.coverage.report import Coverage, Entry, Score
from adapter.coverage.watch import Watch

Json = dict[str, Any]


def document(found: Coverage, watch: Watch) -> Json:
    """The report as an object; percentages are null where no record is relevant."""
    return {
        "coverage": {
            "overall": _score(found.overall),
            "outcomes": {
                name: {"title": watch.outcomes[name].title, **_score(score)}
                for name, score in found.outcomes.items()
            },
        },
        "patients": found.patients,
        "patients_touched": found.patients_touched,
        "unmapped": [_entry(entry) for entry in found.entries],
        "quarantine": [{"reason": reason, "lines": n} for reason, n in found.quarantine.items()],
        "links_to_nothing": [asdict(each) for each in found.dangling],
        "unused": [asdict(each) for each in found.unused],
    }


def _score(score: Score) -> Json:
    percent = score.percent
    return {
        "mapped": score.mapped,
        "unmapped": score.unmapped,
        "percent": None if percent is None else round(percent, 3),
    }


def _entry(entry: Entry) -> Json:
    suggestion = entry.suggestion
    return {
        "site": entry.site,
        "kind": entry.kind,
        "system": entry.system,
        "code": entry.code,
        "display": entry.display,
        "table": entry.table,
        "resource_types": list(entry.resource_types),
        "patients": entry.patients,
        "records": entry.records,
        "blocks": list(entry.blocks),
        "suggestion": {
            "why": suggestion.why,
            "targets": [asdict(target) for target in suggestion.targets],
        }
        if suggestion
        else None,
    }
