"""The operations that evaluate: `$evaluate-measure` (FHIR R4), `$evaluate` (DEQM UV), and jobs.

GET never stores anything; a POST of `$evaluate-measure` stores its report where the server is set
to and the client may create reports.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Path, Request
from starlette.responses import Response

from adapter.api.context import context_of
from adapter.api.evaluating import background
from adapter.api.evaluating.answers import parameters, references
from adapter.api.evaluating.background import Wanted
from adapter.api.evaluating.evaluator import Evaluator
from adapter.api.evaluating.given import Given, given
from adapter.api.evaluating.prefer import RESPOND_ASYNC, preferences
from adapter.api.evaluating.question import Sent
from adapter.api.fhir.failures import outcome
from adapter.api.fhir.reply import no_content, reply
from adapter.api.security.audit import audit
from adapter.api.security.principal import Principal, permitted
from adapter.elements import Json

router = APIRouter(tags=["evaluation"])
ZONE_HEADER = "Timezone"

# Who asks comes before what was sent: nothing is read for a stranger.
Who = Annotated[Principal, Depends(permitted("MeasureReport", "r"))]
Sent_ = Annotated[Given, Depends(given)]
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9.-]{1,64}$")]


@dataclass(frozen=True, slots=True)
class _Call:
    request: Request
    who: Principal
    given: Given
    instance: str
    several: bool

    @property
    def prefer(self) -> dict[str, str]:
        return preferences(self.request.headers.getlist("prefer"))

    @property
    def name(self) -> str:
        return "evaluate" if self.several else "evaluate-measure"


@router.get("/Measure/$evaluate-measure")
def evaluate_a_measure(request: Request, who: Who, sent: Sent_) -> Response:
    """A MeasureReport of the Measure that `measure` names; nothing is stored."""
    return _answered(_Call(request, who, sent, "", several=False))


@router.post("/Measure/$evaluate-measure", status_code=201)
def evaluate_and_store_a_measure(request: Request, who: Who, sent: Sent_) -> Response:
    """A MeasureReport of the Measure that `measure` names, stored."""
    return _answered(_Call(request, who, sent, "", several=False))


@router.get("/Measure/{id}/$evaluate-measure")
def evaluate_this_measure(request: Request, id: Id, who: Who, sent: Sent_) -> Response:  # noqa: A002  # FHIR's name
    """A MeasureReport of this Measure; nothing is stored."""
    return _answered(_Call(request, who, sent, id, several=False))


@router.post("/Measure/{id}/$evaluate-measure", status_code=201)
def evaluate_and_store_this_measure(request: Request, id: Id, who: Who, sent: Sent_) -> Response:  # noqa: A002  # FHIR's name
    """A MeasureReport of this Measure, stored."""
    return _answered(_Call(request, who, sent, id, several=False))


@router.get("/Measure/$evaluate")
def evaluate_measures_by_url(request: Request, who: Who, sent: Sent_) -> Response:
    """The Bundles of DEQM's `$evaluate`, for one or several Measures; nothing is stored."""
    return _answered(_Call(request, who, sent, "", several=True))


@router.post("/Measure/$evaluate")
def evaluate_measures(request: Request, who: Who, sent: Sent_) -> Response:
    """The Bundles of DEQM's `$evaluate`, for one or several Measures; nothing is stored."""
    return _answered(_Call(request, who, sent, "", several=True))


@router.get("/$jobs/{id}")
def job(request: Request, id: Id, who: Who) -> Response:  # noqa: A002  # as in the other routes
    """How far an evaluation in the background is, or its result."""
    return background.poll(request, evaluator_of(request), id, who)


@router.delete("/$jobs/{id}", status_code=202)
def cancelled_job(request: Request, id: Id, who: Who) -> Response:  # noqa: A002  # as in the other routes
    """Call an evaluation in the background off."""
    return background.cancel(evaluator_of(request), id, who)


def _answered(call: _Call) -> Response:
    evaluator = evaluator_of(call.request)
    zone = call.request.headers.get(ZONE_HEADER, "")
    planned = evaluator.plan(Sent(call.given, call.who, call.several, call.instance, zone))
    stored = _stores(call)
    if RESPOND_ASYNC in call.prefer:
        minimal = call.prefer.get("return") == "minimal"
        _audit(call, [f"Measure/{each.id}" for each in planned.asked.measures])
        wanted = Wanted(call.several, stored, minimal)
        return background.kick_off(evaluator, planned, wanted, call.who)
    found = evaluator.now(planned)
    answer = parameters(found, evaluator.context.base) if call.several else found.single
    _audit(call, references(answer))
    if stored:
        return _created(call, answer)
    # Nothing but the key decides what the answer says.
    return reply(call.request, answer, headers={"ETag": f'W/"{planned.key[:32]}"'})


def _audit(call: _Call, what: list[str]) -> None:
    audit(call.request, call.who, "E", what, interaction=call.name)


def _stores(call: _Call) -> bool:
    persist = context_of(call.request).settings.server.persist
    wanted = call.request.method == "POST" and not call.several and persist
    return wanted and call.who.may("MeasureReport", "c")


def _created(call: _Call, report: Json) -> Response:
    evaluator = evaluator_of(call.request)
    stored = evaluator.reports.create(report, call.who.id)
    location = background.location_of(evaluator, stored.id, stored.version)
    headers = {"Location": location}
    audit(call.request, call.who, "C", [f"MeasureReport/{stored.id}"], interaction=call.name)
    match call.prefer.get("return"):
        case "minimal":
            return no_content(201, {**headers, "ETag": stored.etag})
        case "OperationOutcome":
            told = outcome("informational", "the report is stored", "information")
            return reply(call.request, told, status=201, headers=headers)
        case _:
            return reply(call.request, stored.resource, status=201, headers=headers)


def evaluator_of(request: Request) -> Evaluator:
    """The evaluator of the application that a request came to."""
    found: Evaluator = request.app.state.evaluator
    return found


def install(app: FastAPI) -> None:
    """Add the routes under /fhir; when the server stops, so do its evaluations.

    The context must be there. The routes of Measure/{id} come after these.
    """
    evaluator = Evaluator(app.state.context)
    app.state.evaluator = evaluator
    app.include_router(router, prefix="/fhir")
    outer: Callable[[Any], AbstractAsyncContextManager[Any]] = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[Any]:
        async with outer(running) as state:
            try:
                yield state
            finally:
                evaluator.runner.stop()

    app.router.lifespan_context = lifespan
