"""A batch, entry by entry, and a transaction, whole or not at all (FHIR R4 http.html 3.1.0.11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapter.api.fhir.failures import FhirFailure, failure_of
from adapter.api.reports.accepting import NotAccepted
from adapter.api.reports.asking import Asking
from adapter.api.reports.bundle_entry import METHODS, REPORT, Entry, Ready
from adapter.api.reports.bundle_identity import identities_of
from adapter.api.reports.changes import Changes, checked
from adapter.api.reports.doing import Doing
from adapter.api.reports.stored import Received
from adapter.api.reports.transaction import ReportTransaction
from adapter.elements import Json
from adapter.errors import RaiwayError


@dataclass(frozen=True, slots=True)
class Bundled:
    """The Bundle of one client, and the bytes that it came in."""

    asking: Asking
    received: Received

    def batch(self, entries: Sequence[Entry]) -> list[Json]:
        """What became of each entry; one that fails keeps no other from being done."""
        return [self._alone(entry) for entry in entries]

    def transaction(self, entries: Sequence[Entry]) -> list[Json]:
        """What became of each entry, in their order.

        Raises FhirFailure, after nothing was stored: with all that is wrong with the reports, or
        what the first entry failed with.
        """
        with self.asking.repository.changing() as transaction:
            return self._together(transaction, self._all_ready(entries))

    def _alone(self, entry: Entry) -> Json:
        try:
            ready = self._ready(entry)
            with self.asking.repository.changing() as transaction:
                return self._together(transaction, [ready])[0]
        except FhirFailure as failure:
            return _failed(failure)
        except RaiwayError as error:
            return _failed(failure_of(error))

    def _all_ready(self, entries: Sequence[Entry]) -> list[Ready]:
        issues, ready = [], []
        for entry in entries:
            try:
                ready.append(self._ready(entry))
            except FhirFailure as failure:
                if failure.status != 422:
                    raise entry.failed(failure) from failure
                issues += [_placed(found, entry) for found in failure.outcome["issue"]]
        if issues:
            raise NotAccepted(issues)
        return ready

    def _ready(self, entry: Entry) -> Ready:
        """Raises FhirFailure 400, 403, 404, 422 or 501."""
        self.asking.who.demand(REPORT, entry.letter)
        if entry.does not in ("create", "update"):
            return Ready(entry, None)
        return Ready(entry, checked(self.asking, entry.resource, self.received))

    def _together(self, transaction: ReportTransaction, ready: Sequence[Ready]) -> list[Json]:
        changes = Changes(transaction, self.asking)
        doing = Doing(changes, identities_of(changes, ready))
        answers = {}
        for each in sorted(ready, key=lambda one: METHODS.index(one.entry.method)):
            try:
                answers[each.entry.place] = doing.done(each)
            except FhirFailure as failure:
                raise each.entry.failed(failure) from failure
        return [answers[each.entry.place] for each in ready]


def _placed(found: Json, entry: Entry) -> Json:
    """The issue with its place in the Bundle."""
    stated = found.get("expression", [])
    inner = [f"{entry.where}.resource{path.removeprefix(REPORT)}" for path in stated]
    return {**found, "expression": inner or [entry.where]}


def _failed(failure: FhirFailure) -> Json:
    return {"response": {"status": str(failure.status), "outcome": failure.outcome}}
