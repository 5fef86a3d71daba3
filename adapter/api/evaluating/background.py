"""`Prefer: respond-async`: kick off, poll, cancel (FHIR R5 async-bundle.html).

Failures are told as a synchronous request would have had them: status and OperationOutcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from fastapi import Request
from sqlalchemy import Row
from starlette.responses import Response

from adapter.api.evaluating.answers import parameters, references
from adapter.api.evaluating.evaluator import Evaluator, Planned
from adapter.api.evaluating.jobs import OPEN, Ended
from adapter.api.evaluating.progress import Progress
from adapter.api.evaluating.runner import Task
from adapter.api.evaluating.storing import complete, give_up, pending_report
from adapter.api.fhir.bundles import response_bundle
from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.reply import http_date, no_content, reply
from adapter.api.security.audit import audit
from adapter.api.security.principal import Principal
from adapter.elements import Json

POLL_SECONDS = "2"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the result is to be given. several: as the Parameters of `$evaluate`. stored: whether
    the report is stored; minimal: then without its content."""

    several: bool
    stored: bool = False
    minimal: bool = False


def kick_off(evaluator: Evaluator, planned: Planned, wanted: Wanted, who: Principal) -> Response:
    """202, and the URL where the result is asked for. Raises FhirFailure 429."""
    tidy(evaluator)
    held = ""
    if wanted.stored:
        pending = pending_report(planned, evaluator.context.settings)
        held = evaluator.reports.create(pending, who.id).id
    limits = evaluator.context.settings.server.limits
    try:
        key = evaluator.jobs.add(_owner(who), evaluator.runner.worker, limits.jobs_waiting, held)
    except FhirFailure:
        _gave_up(evaluator, held, who.id)
        raise

    def work(progress: Progress) -> Ended:
        return _ended(evaluator, planned, wanted, (held, who.id), progress)

    evaluator.runner.start(key, Task(work, lambda: _gave_up(evaluator, held, who.id)))
    return no_content(202, {"Content-Location": f"{evaluator.context.base}/$jobs/{key}"})


def poll(request: Request, evaluator: Evaluator, key: str, who: Principal) -> Response:
    """202 while it runs, then the Bundle. Raises FhirFailure as the evaluation did, or 404."""
    tidy(evaluator)
    found = evaluator.jobs.find(key, _owner(who))
    if found.state in OPEN:
        progress = f"{found.state}, {found.percent} %"
        return no_content(202, {"X-Progress": progress, "Retry-After": POLL_SECONDS})
    if found.state == "failed":
        headers = {"Retry-After": POLL_SECONDS} if found.status == 503 else {}
        raise FhirFailure(found.status, found.issue, found.diagnostics, headers=headers)
    expires = datetime.fromtimestamp(evaluator.jobs.expires(found), UTC)
    headers = {"Expires": http_date(expires), "Cache-Control": "private"}
    result = orjson.loads(found.result)
    audit(request, who, "R", references(result))
    return reply(request, result, headers=headers)


def cancel(evaluator: Evaluator, key: str, who: Principal) -> Response:
    """202: what is being done stops, what is done is forgotten. Raises FhirFailure 404."""
    found = evaluator.jobs.cancel(key, _owner(who))
    evaluator.runner.call_off(key)
    if found.state in OPEN:
        _gave_up(evaluator, found.report, who.id)
    return no_content(202)


def tidy(evaluator: Evaluator) -> None:
    """Make errors of the jobs, and of their pending reports, whose process has died."""
    for lost in evaluator.jobs.give_up_lost():
        _gave_up(evaluator, lost.report, _by(lost))


def _ended(
    evaluator: Evaluator,
    planned: Planned,
    wanted: Wanted,
    held: tuple[str, str],
    progress: Progress,
) -> Ended:
    """held: the id of the pending report ('' for none), and by whom it is."""
    results = evaluator.background(planned, progress)
    progress.told(0)
    if wanted.several:
        return _done(parameters(results, evaluator.context.base), 200)
    key, by = held
    if not key:
        return _done(results.single, 200)
    stored = complete(evaluator.reports, key, results.single, by)
    location = location_of(evaluator, stored.id, stored.version)
    return _done(None if wanted.minimal else stored.resource, 201, location)


def _done(resource: Json | None, status: int, location: str = "") -> Ended:
    response = {"status": {200: "200 OK", 201: "201 Created"}[status]}
    entry: Json = {"resource": resource} if resource else {}
    entry["response"] = {**response, **({"location": location} if location else {})}
    found = response_bundle("batch-response", [entry])
    return Ended(status, location, orjson.dumps(found))


def location_of(evaluator: Evaluator, key: str, version: int) -> str:
    """The URL of a version of a stored report."""
    return f"{evaluator.context.base}/MeasureReport/{key}/_history/{version}"


def _gave_up(evaluator: Evaluator, held: str, by: str) -> None:
    if held:
        give_up(evaluator.reports, held, by)


def _owner(who: Principal) -> str:
    return f"{who.kind}:{who.id}"


def _by(found: Row[tuple[str, ...]]) -> str:
    return str(found.owner).partition(":")[2]
