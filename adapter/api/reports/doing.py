"""One entry of a batch or transaction done, and its answer as an entry."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from adapter.api.fhir.bundles import instant, searchset
from adapter.api.fhir.failures import FhirFailure, outcome
from adapter.api.fhir.search import ignored_outcome, prefers
from adapter.api.reports.accepting import problems
from adapter.api.reports.asking import Asking
from adapter.api.reports.bundle_entry import REPORT, Entry, Ready
from adapter.api.reports.bundle_identity import Identities
from adapter.api.reports.changes import Answer, Changes, Sent, version_of
from adapter.api.reports.stored import Stored
from adapter.api.reports.visibility import seen
from adapter.elements import Json, without_empty


@dataclass(frozen=True, slots=True)
class Doing:
    """Does entries within one transaction. Failures are FhirFailure."""

    changes: Changes
    identities: Identities

    def done(self, ready: Ready) -> Json:
        """The entry of the answer."""
        entry = ready.entry
        match entry.does:
            case "search":
                return self._search(entry)
            case "read" | "vread":
                return self._read(entry)
            case "validate":
                return _validated(self.changes.asking, entry)
            case "delete":
                return self._entry(self._delete(entry))
        if ready.sent is None:
            raise FhirFailure(400, "required", "the entry has no resource")
        sent = Sent(self.identities.linked(ready.sent.resource), ready.sent.received)
        return self._entry(self._stored(entry, sent))

    def _stored(self, entry: Entry, sent: Sent) -> Answer:
        key = self.identities.keys[entry.place]
        if entry.does == "create":
            if entry.place in self.identities.there:
                return self.changes.there(key)
            return self.changes.created(sent, key)
        if entry.key:
            return self.changes.update(key, sent, entry.conditions)
        return self.changes.put(key, sent, entry.conditions)

    def _delete(self, entry: Entry) -> Answer:
        key = self.identities.keys[entry.place]
        return self.changes.delete(key, entry.conditions) if key else Answer(204, None)

    def _read(self, entry: Entry) -> Json:
        version = version_of(f'"{entry.path[3]}"') if entry.does == "vread" else None
        stored = seen(self.changes.asking.who, self.changes.transaction.read(entry.key, version))
        tag = entry.conditions.if_none_match.strip()
        if tag and version_of(tag) == stored.version:
            return {"response": {"status": "304", "etag": stored.etag}}
        return self._entry(Answer(200, stored), whole=True)

    def _search(self, entry: Entry) -> Json:
        asking = self.changes.asking
        path = f"{asking.request.url.path.rstrip('/')}/{REPORT}"
        scope = {**asking.request.scope, "path": path, "query_string": entry.query.encode()}
        inner = Asking(Request({**scope, "raw_path": path.encode()}), asking.who)
        asked = inner.parsed(entry.query)
        if asked.page:
            raise FhirFailure(501, "not-supported", "further pages are asked for one by one")
        page = inner.searched(asked, self.changes.transaction)
        found = [stored.resource for stored in page.entries]
        if told := ignored_outcome(asked):
            found.append(told)
        next_url = inner.next_url(page, {}, path)
        links = {"self": inner.self_url(asked)}
        bundle = searchset(inner.request, found, page.total, next_url, links)
        return {"resource": bundle, "response": {"status": "200"}}

    def _entry(self, answer: Answer, *, whole: bool = False) -> Json:
        stored, asking = answer.stored, self.changes.asking
        if stored is None:
            return {"response": {"status": "204"}}
        response = {
            "status": str(answer.status),
            "location": _location(asking.base, stored) if answer.status == 201 else None,
            "etag": stored.etag,
            "lastModified": instant(stored.updated),
        }
        minimal = answer.status == 204 or (
            prefers(asking.request, "return") == "minimal" and not whole
        )
        resource = None if minimal else stored.resource
        pairs = {"resource": resource, "response": without_empty(response.items())}
        return without_empty(pairs.items())


def _location(base: str, stored: Stored) -> str:
    return f"{base}/{REPORT}/{stored.id}/_history/{stored.version}"


def _validated(asking: Asking, entry: Entry) -> Json:
    found = outcome("informational", "nothing is wrong", "information")
    if issues := problems(entry.resource, asking.measures):
        found = {"resourceType": "OperationOutcome", "issue": issues}
    return {"resource": found, "response": {"status": "200"}}
