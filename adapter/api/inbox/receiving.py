"""`PUT MeasureReport/[id]` with a signature in `X-Provenance`: all of it holds, or nothing does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from starlette.responses import Response

from adapter.api.context import context_of
from adapter.api.fhir.failures import FhirFailure, issue
from adapter.api.fhir.reply import reply
from adapter.api.inbox.key_registry import read_key_registry
from adapter.api.inbox.releases import Arrival, Rules, admit
from adapter.api.reports.asking import Asking
from adapter.api.reports.changes import Changes, Conditions, Sent
from adapter.api.reports.stored import Stored
from adapter.api.security.audit import audit
from adapter.elements import Json
from adapter.trust.provenance import HEADER
from adapter.trust.refusal import NotTrusted
from adapter.trust.release import Release

WHERE = f"http.{HEADER}"
ORDER = frozenset({"replay", "chain"})
"""Rules about what came before: 409."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a signed report. new: whether the release was not here before."""

    stored: Stored
    status: int
    release: Release
    new: bool

    @property
    def outcome(self) -> Json:
        """What was checked, each with its result, and how complete the report is."""
        claims, report = self.release.claims, self.stored.resource
        came = "new" if self.new else "here already"
        said = [
            f"signature: it fits every byte; key {self.release.kid}",
            f"chain: release {claims.number} of {claims.site}, {came}; hash {self.release.hash}",
            f"report: revision {claims.revision} of {claims.report}; it passed every check",
            f"provenance: Provenance/{self.release.hash}",
            f"completeness: {len(report.get('group', ()))} groups, {_masked(report)} counts hidden",
        ]
        issues = [issue("informational", text, severity="information") for text in said]
        return {"resourceType": "OperationOutcome", "issue": issues}


def rules_of(request: Request) -> Rules:
    """The rules now: the keys' file is read again, so that what is revoked there is so at once."""
    context = context_of(request)
    trust = context.settings.trust
    return Rules(read_key_registry(trust.keys), trust.audience or context.base)


def is_signed(request: Request) -> bool:
    """Whether a signature came along."""
    return HEADER in request.headers


def refuse_signature(request: Request) -> None:
    """Raises FhirFailure 400 for a signature where none is taken: it would be lost in silence."""
    if is_signed(request):
        text = "a signed report is sent by PUT MeasureReport/[its id]"
        raise FhirFailure(400, "not-supported", text, expression=[WHERE])


def take(asking: Asking, key: str, sent: Sent, conditions: Conditions) -> Response:
    """Store the report and put its release on record; the same release again changes nothing.

    Raises FhirFailure 422 for a signature that does not hold and 409 for one out of order, beside
    what a PUT without a signature does.
    """
    request = asking.request
    if sent.resource.get("id") != key:
        text = "the id in the resource is not the one in the URL"
        raise FhirFailure(400, "invalid", text, expression=["MeasureReport.id"])
    content = sent.received.content if sent.received else b""
    arrival = Arrival(content, request.headers[HEADER], datetime.now(UTC))
    with asking.repository.changing() as transaction:
        try:
            release, new = admit(transaction.connection, arrival, rules_of(request))
        except NotTrusted as error:
            raise refused(error) from error
        stored, status = transaction.read(key) if not new else None, 200
        if stored is None:
            answer = Changes(transaction, asking).update(key, sent, conditions)
            stored, status = transaction.read(key), answer.status
    return _answered(asking, Receipt(stored, status, release, new))


def refused(error: NotTrusted) -> FhirFailure:
    """As a client is told."""
    status, code = (409, "conflict") if error.rule in ORDER else (422, "business-rule")
    return FhirFailure(status, code, f"{error.what} [{error.rule}]", expression=[WHERE])


def _answered(asking: Asking, receipt: Receipt) -> Response:
    """The receipt: an OperationOutcome with what was checked."""
    stored = receipt.stored
    audit(asking.request, asking.who, "U", [f"MeasureReport/{stored.id}"])
    headers = {"ETag": stored.etag}
    if receipt.status == 201:
        headers["Location"] = f"{asking.base}/MeasureReport/{stored.id}/_history/{stored.version}"
    return reply(asking.request, receipt.outcome, status=receipt.status, headers=headers)


def _masked(element: Any) -> int:
    """How many elements say that their value is masked."""
    if isinstance(element, dict):
        own = int(element.get("valueCode") == "masked")
        return own + sum(_masked(member) for member in element.values())
    return sum(_masked(member) for member in element) if isinstance(element, list) else 0
