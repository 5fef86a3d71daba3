"""The end of a run: manifest, then watermarks, so that none moves before its files are committed.

Each step may be done twice: killed in between, the next pull does all of it again.
"""

from __future__ import annotations

from dataclasses import asdict

from adapter.pull.crawl.windows import moment
from adapter.pull.landing import run_manifest
from adapter.pull.landing.run_folder import Landing
from adapter.pull.outcome import Outcome, TypeOutcome


def close(landing: Landing, outcome: Outcome) -> None:
    """End a run with this outcome. Raises LandingError; the run can then be closed again."""
    count(landing, outcome)
    state = landing.state
    state.closing = {"types": [asdict(each) for each in outcome.types.values()]}
    state.save()
    run_manifest.write(landing, outcome)
    _move_watermarks(landing, outcome)
    state.finished = True
    state.save()


def kept(landing: Landing) -> Outcome | None:
    """The outcome of a run that was being closed when it was killed; None for any other run."""
    closing = landing.state.closing
    if closing is None:
        return None
    types = [TypeOutcome(**each) for each in closing["types"]]
    return Outcome({each.resource_type: each for each in types})


def count(landing: Landing, outcome: Outcome) -> None:
    """Take the counts from what lies in the folder: it may be the work of several processes."""
    gone = landing.tombstones
    found = {each.resource_type for each in landing.files if each.lines}
    for name in (*found, *landing.refused, *gone):
        outcome.of(name)
    for name, each in outcome.types.items():
        each.rows = landing.rows(name)
        each.refused = landing.refused[name]
        each.deleted = gone[name]


def _move_watermarks(landing: Landing, outcome: Outcome) -> None:
    site, asked = landing.site, landing.state.asked
    for name, each in outcome.types.items():
        if each.failed is not None:
            continue
        site.rows[name] = each.rows
        held = site.watermarks.get(name)
        if each.watermark is None or (held and _leaves_a_gap(held, asked["since"].get(name))):
            continue
        if held is None or moment(each.watermark) > moment(held):
            site.watermarks[name] = each.watermark
    site.save()


def _leaves_a_gap(held: str, since: str | None) -> bool:
    """Whether changes between the last good pull and the start of this one were not asked for."""
    return since is not None and moment(since) > moment(held)
