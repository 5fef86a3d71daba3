"""The manifest of a run: that of a Bulk Data export, with what a reader of the folder must know."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from adapter.landed import MANIFEST, RUN
from adapter.pull.landing import folder
from adapter.pull.landing.run_folder import QUARANTINE, Landing
from adapter.pull.landing.state import Committed
from adapter.pull.outcome import Outcome
from adapter.pull.transport.log import masked


def write(landing: Landing, outcome: Outcome) -> Path:
    """Write the manifest of a run, the last of its files. Raises LandingError.

    http://hl7.org/fhir/uv/bulkdata/STU2/export.html, complete status; urls are names in the folder.
    Members beyond it: sha256 and bytes of each file, and `raiway`.
    """
    state = landing.state
    gone = landing.gone.settle()
    types = dict(sorted(outcome.types.items()))
    manifest = {
        "transactionTime": state.server_time,
        "request": masked(f"{state.base_url}/"),
        "requiresAccessToken": False,
        "output": list(_listed(each for each in landing.files if each.name)),
        "deleted": list(_listed([gone] if gone else [])),
        "error": [],
        RUN: {
            "site": state.site,
            "started": state.instant,
            "software": state.software,
            "privacy": state.privacy,
            "asked": _shown(state.asked),
            "quarantine": QUARANTINE,
            "refused": dict(sorted(landing.refused.items())),
            "failed": {name: why for name, each in types.items() if (why := each.failed)},
            "watermarks": {name: at for name, each in types.items() if (at := each.watermark)},
        },
    }
    path = landing.path / MANIFEST
    folder.write_json(path, manifest)
    return path


def _listed(files: Iterable[Committed]) -> Iterable[dict[str, Any]]:
    for each in files:
        yield {
            "type": each.resource_type,
            "url": each.name,
            "count": each.lines,
            "sha256": each.sha256,
            "bytes": each.bytes,
        }


def _shown(asked: dict[str, Any]) -> dict[str, Any]:
    """What was asked, without filters, which may name a patient."""
    return {
        "mode": asked["mode"],
        "types": asked["types"],
        "since": asked["since"],
        "everything": asked["everything"],
    }
