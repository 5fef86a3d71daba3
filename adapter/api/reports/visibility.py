"""Which stored reports a client may see: its own, and those that hide as much as its policy asks.

A report under `masked-cells` is for a registry, not for the public; one of a single patient is for
who may see patients. What a client may not see is not found, rather than forbidden.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Table, and_, or_, true

from adapter.api.fhir.failures import FhirFailure
from adapter.api.reports.indexing import disclosure_mode
from adapter.api.reports.stored import Stored
from adapter.api.security.principal import Principal
from adapter.elements import Json
from adapter.server_settings import Policy

SUMMARY = "summary"
MODES: Mapping[Policy, tuple[str, ...]] = {
    "secure-sum": ("secure-share", "masked-cells", "rounded", "withheld"),
    "registry": ("masked-cells", "rounded", "withheld"),
    "public": ("rounded", "withheld"),
}
"""Disclosure modes that a client under the policy may see of others' reports; 'none' sees all."""


def visible(who: Principal, table: Table) -> ColumnElement[bool]:
    """The condition on `server_report` or `server_report_version`."""
    conditions = []
    if not who.patient_level:
        conditions.append(table.c.type == SUMMARY)
    if who.policy in MODES:
        conditions.append(table.c.disclosure.in_(MODES[who.policy]))
    return or_(table.c.owner == who.id, and_(true(), *conditions))


def may_see(who: Principal, stored: Stored) -> bool:
    """As `visible`, for a version at hand. That a report was deleted is no secret."""
    if stored.owner == who.id or stored.deleted:
        return True
    if not who.patient_level and stored.resource.get("type") != SUMMARY:
        return False
    return who.policy not in MODES or disclosure_mode(stored.resource) in MODES[who.policy]


def seen(who: Principal, stored: Stored) -> Stored:
    """The version. Raises FhirFailure 404 where the client may not see it."""
    if not may_see(who, stored):
        raise FhirFailure(404, "not-found", "no such MeasureReport, or no such version of it")
    return stored


def refuse_patient_level(who: Principal, resource: Json) -> None:
    """Raises FhirFailure 403 for a report of single patients by a client that may have none.

    One without a type is no MeasureReport: it is refused for that, by whoever checks it.
    """
    if not who.patient_level and resource.get("type", SUMMARY) != SUMMARY:
        raise FhirFailure(
            403,
            "forbidden",
            "this client may send summaries only (patient_level in [[server.clients]])",
            expression=["MeasureReport.type"],
        )
