"""What may be pooled of what was asked for: each report signed, in its place, not revoked."""

from __future__ import annotations

from fastapi import Request
from sqlalchemy import Engine

from adapter.api.context import context_of
from adapter.api.fhir.failures import FhirFailure, issue
from adapter.api.inbox.receiving import rules_of
from adapter.api.inbox.releases import Rules, trusted
from adapter.api.operational.database import reading
from adapter.api.pooling_asked import Asked
from adapter.api.reports.accepting import NotAccepted
from adapter.api.reports.stored import Stored
from adapter.api.reports.transaction import content
from adapter.elements import Json
from adapter.trust.refusal import NotTrusted


def poolable(request: Request, asked: Asked) -> list[Json]:
    """The reports, read again from the bytes that were signed.

    A search leaves out what a newer revision replaced; what was named is refused then. Raises
    NotAccepted with a reason for each report that may not be pooled, and FhirFailure 403 where
    unsigned ones are asked for on a server that is not open.
    """
    context = context_of(request)
    if asked.unsigned:
        if context.settings.server.authentication != "none":
            text = "unsigned reports are pooled on an open server of one machine only"
            raise FhirFailure(403, "forbidden", text, expression=["unsigned"])
        return [*asked.inline, *(each.resource for each in asked.stored)]
    inline = len(asked.inline)
    issues = [
        _issue("it came with the request, without a signature", "unsigned", place)
        for place in range(1, inline + 1)
    ]
    found, refused = _stored(context.engine, asked, rules_of(request))
    if issues or refused:
        raise NotAccepted([*issues, *refused])
    return found


def _stored(engine: Engine, asked: Asked, rules: Rules) -> tuple[list[Json], list[Json]]:
    found, issues = [], []
    with reading(engine) as connection:
        for each in asked.stored:
            try:
                found.append(_current(trusted(connection, each.id, rules), each))
            except NotTrusted as error:
                if asked.named or error.rule != "superseded":
                    issues.append(_issue(error.what, error.rule, each.id))
    return found, issues


def _current(signed: Json, stored: Stored) -> Json:
    """What was signed. Raises NotTrusted where the report was changed since without a signature."""
    if content(signed) != content(stored.resource):
        raise NotTrusted("unsigned", "its current version is not the one that was signed")
    return signed


def _issue(what: str, rule: str, report: int | str) -> Json:
    where = f"MeasureReport/{report}" if isinstance(report, str) else f"report {report}"
    return issue("business-rule", f"{where}: {what} [{rule}]", expression=["MeasureReport"])
