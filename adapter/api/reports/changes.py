"""Create, update and delete, also on a condition: one meaning for a request and a batch's entry
(FHIR R4 http.html 3.1.0.4 to 3.1.0.8)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from adapter.api.fhir.failures import FhirFailure
from adapter.api.reports.accepting import a_report, refuse_problems
from adapter.api.reports.asking import Asking
from adapter.api.reports.stored import Received, Stored
from adapter.api.reports.transaction import ReportTransaction, new_id
from adapter.api.reports.visibility import refuse_patient_level
from adapter.elements import Json

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_ETAG = re.compile(r'(?:W/)?"([1-9][0-9]{0,8})"')
ANY = "*"
URL, IF_NONE_EXIST = "http.url", "http.If-None-Exist"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a change hangs on, as the headers state it; '' is no condition."""

    if_match: str = ""
    if_none_match: str = ""
    if_none_exist: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """A report that came, checked, and the bytes that it came as."""

    resource: Json
    received: Received | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a change. stored: None where nothing was there to delete."""

    status: int
    stored: Stored | None


def checked(asking: Asking, resource: Json, received: Received | None) -> Sent:
    """The report, if it may be stored. Raises FhirFailure 400, 403, and 422 with all problems.

    Done before a transaction is opened: nobody waits for it.
    """
    a_report(resource)
    refuse_patient_level(asking.who, resource)
    refuse_problems(resource, asking.measures)
    return Sent(resource, received)


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of one client within a transaction. Failures are FhirFailure."""

    transaction: ReportTransaction
    asking: Asking

    def create(self, sent: Sent, conditions: Conditions) -> Answer:
        """A new report; with If-None-Exist none, where one matches."""
        there = self.matching(conditions.if_none_exist, IF_NONE_EXIST)
        return self.there(there) if there else self.created(sent)

    def created(self, sent: Sent, key: str = "") -> Answer:
        """A new report. key: an id that was already made for it."""
        return _answer(self.transaction.create(sent.resource, self._by, sent.received, key))

    def there(self, key: str) -> Answer:
        """The report that keeps another one from being made."""
        return Answer(200, self.transaction.read(key))

    def update(self, key: str, sent: Sent, conditions: Conditions) -> Answer:
        """The next version, or the first under the client's own id."""
        if sent.resource.get("id") != key:
            raise _other_id("the id in the resource is not the one in the URL")
        return self.put(key, sent, conditions)

    def update_matching(self, query: str, sent: Sent, conditions: Conditions) -> Answer:
        """The next version of what a search matches; a new report where nothing does."""
        return self.put(self.target(query, sent.resource) or new_id(), sent, conditions)

    def target(self, query: str, resource: Json) -> str:
        """The id that a conditional update is about; '' is a new one of the server's own."""
        there, stated = self.matching(query, URL), str(resource.get("id", ""))
        if there and stated and there != stated:
            raise _other_id("the search matches another report than the resource's id says")
        return there or stated

    def put(self, key: str, sent: Sent, conditions: Conditions) -> Answer:
        """The version that follows under an id, whatever the resource says of its id."""
        valid_id(key)
        before = self.transaction.current(key)
        there = before is not None and not before.deleted
        if conditions.if_none_match == ANY and there:
            raise FhirFailure(412, "conflict", "If-None-Match: there is such a MeasureReport")
        version = self._expected(before, conditions)
        return _answer(
            self.transaction.update(key, sent.resource, version, self._by, sent.received)
        )

    def delete(self, key: str, conditions: Conditions) -> Answer:
        """Delete; an id that was never used is as good as deleted."""
        before = self.transaction.current(key)
        if before is None:
            self._refuse_match_of_nothing(conditions)
            return Answer(204, None)
        version = self._expected(before, conditions)
        return Answer(204, self.transaction.delete(key, version, self._by))

    def delete_matching(self, query: str, conditions: Conditions) -> Answer:
        """Delete what a search matches, if it is one report or none."""
        there = self.matching(query, URL)
        return self.delete(there, conditions) if there else Answer(204, None)

    def matching(self, query: str, name: str) -> str:
        """The id of the one report that meets a condition; '' for none, and without a condition.

        Raises FhirFailure 412 where several do.
        """
        if not query and name == IF_NONE_EXIST:
            return ""
        found = self.transaction.matching(self.asking.condition(query, name).where)
        if len(found) > 1:
            raise FhirFailure(
                412, "multiple-matches", "several MeasureReports match", expression=[name]
            )
        return found[0] if found else ""

    @property
    def _by(self) -> str:
        return self.asking.who.id

    def _expected(self, before: Stored | None, conditions: Conditions) -> int | None:
        """The version that If-Match asks for; None where it does not."""
        if conditions.if_match != ANY:
            return version_of(conditions.if_match) if conditions.if_match else None
        if before is None or before.deleted:
            self._refuse_match_of_nothing(conditions)
        return None

    @staticmethod
    def _refuse_match_of_nothing(conditions: Conditions) -> None:
        if conditions.if_match:
            raise FhirFailure(412, "conflict", "If-Match: there is no such MeasureReport")


def _answer(stored: Stored) -> Answer:
    return Answer(201 if stored.change == "created" else 200, stored)


def _other_id(text: str) -> FhirFailure:
    return FhirFailure(400, "invalid", text, expression=["MeasureReport.id"])


def valid_id(key: str) -> str:
    """An id that a resource may have. Raises FhirFailure 400."""
    if not ID.fullmatch(key):
        raise FhirFailure(
            400,
            "value",
            "an id has 1 to 64 letters, digits, - and .",
            expression=["MeasureReport.id"],
        )
    return key


def version_of(etag: str) -> int:
    """The version that an ETag names. Raises FhirFailure 412: any other tag matches none."""
    found = _ETAG.fullmatch(etag.strip())
    if found is None:
        raise FhirFailure(
            412,
            "conflict",
            'If-Match names no version of ours: W/"3"',
            expression=["http.If-Match"],
        )
    return int(found[1])
