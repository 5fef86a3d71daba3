"""`MeasureReport/$aggregate` (SANER): the report of all sites from the report of each.

Only signed reports are pooled, unless `unsigned` is said on an open server. Everything is added
first and estimated then; nothing is stored. What is answered passes the gate of the client's
policy, and is one of its releases. FHIR R4 operations; parameters: OperationDefinition/aggregate.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from adapter.api.context import context_of
from adapter.api.evaluating.given import Given, given
from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.reply import reply
from adapter.api.inbox.opening import Opening, cohort, open_once, reporters
from adapter.api.inbox.pooling import poolable
from adapter.api.pooling_asked import asked
from adapter.api.reports.asking import Asking
from adapter.api.security.audit import audit
from adapter.api.security.principal import Principal, permitted
from adapter.pooling.made import gated_report, report_of_sites
from adapter.pooling.pool import pool
from adapter.pooling.refusal import PoolingRefused

router = APIRouter(tags=["reports"], default_response_class=Response)

# Who asks comes before what was sent: nothing is read for a stranger.
Who = Annotated[Principal, Depends(permitted("MeasureReport", "r"))]
Sent = Annotated[Given, Depends(given)]
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9.-]{1,64}$")]


@router.post("/MeasureReport/$aggregate")
def aggregate(request: Request, who: Who, sent: Sent) -> Response:
    """The pooled report of the reports that are sent, named or selected."""
    return _aggregated(request, who, sent, "")


@router.post("/MeasureReport/{id}/$aggregate")
def aggregate_with(request: Request, id: Id, who: Who, sent: Sent) -> Response:  # noqa: A002  # FHIR's name
    """The pooled report of this report and those that are sent or named."""
    return _aggregated(request, who, sent, id)


def _aggregated(request: Request, who: Principal, sent: Given, instance: str) -> Response:
    context = context_of(request)
    settings = context.settings
    wanted = asked(Asking(request, who), sent, instance)
    reports = poolable(request, wanted)
    try:
        table = pool(reports, wanted.measure)
        if who.policy == "none" or (who.policy == "registry" and not table.exact):
            report = report_of_sites(table, settings, wanted.reporter)
        else:
            report = gated_report(table, settings, who.policy, wanted.reporter)
            opening = Opening(who.policy, cohort(reports, wanted.measure), reporters(table))
            open_once(context.engine, opening, report)
    except PoolingRefused as error:
        raise FhirFailure(
            422, error.issue_code, f"{error} [{error.rule}]", expression=["MeasureReport"]
        ) from error
    read = [f"MeasureReport/{each.id}" for each in wanted.stored]
    audit(request, who, "E", [f"Measure/{wanted.measure.id}", *read], interaction="aggregate")
    return reply(request, report)
