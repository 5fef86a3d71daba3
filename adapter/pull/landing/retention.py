"""Which runs may be removed: old ones that are in a store, and only where the settings say so.

Raw lines serve replay, evidence (figure -> line of a file), and what an ingest left aside and a
later one asks for; so nothing is removed by default.
"""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapter.config import LandingSettings
from adapter.landed import INGESTED, MANIFEST
from adapter.pull.landing import folder
from adapter.pull.landing.state import FOLDER, INSTANT, run_state


def removable(path: Path, settings: LandingSettings, now: datetime) -> list[Path]:
    """The runs of a site's folder that are beyond both keep_runs and keep_days, oldest first.

    A run that no store holds is none of them, nor is one that has not ended, unless it was given up
    for another that asks for something else.
    """
    if not (settings.keep_runs or settings.keep_days):
        return []
    # A folder that is none of ours stays.
    runs = sorted(each for each in path.iterdir() if _NAME.fullmatch(each.name))
    recent = set(runs[-settings.keep_runs :] if settings.keep_runs else ())
    oldest = now - timedelta(days=settings.keep_days) if settings.keep_days else now
    return [
        each
        for each in runs
        if each not in recent and _began(each.name) < oldest and _may_go(path, each)
    ]


def remove(path: Path, runs: list[Path]) -> None:
    """Remove runs and their private state. Raises LandingError."""
    for run in runs:
        with folder.explained(run):
            # The manifest first: what is half removed is no finished run any more.
            (run / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(run)
            shutil.rmtree(path / FOLDER / run.name)


def _may_go(path: Path, run: Path) -> bool:
    private = path / FOLDER / run.name
    state = run_state(private)
    if state is None:
        return False
    return state.abandoned or (state.finished and (private / INGESTED).is_file())


def _began(name: str) -> datetime:
    return datetime.strptime(name, INSTANT).replace(tzinfo=UTC)


_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z")
