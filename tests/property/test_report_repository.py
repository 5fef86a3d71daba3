"""The repository against a dictionary, and its search in SQL against the search in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    rule,
    run_state_machine_as_test,
)

from adapter.api.fhir import matching
from adapter.api.fhir.failures import FhirFailure
from adapter.api.fhir.search import Criterion, Query, Sort
from adapter.api.fhir.search_values import MODIFIERS, PREFIXES, values_of
from adapter.api.fhir.surface import MEASURE_REPORT
from adapter.api.reports.criteria import SORTED, TITLE, Criteria
from adapter.api.reports.repository import ReportRepository
from adapter.api.reports.snapshots import Paging
from adapter.api.reports.transaction import content
from tests.lib.operational import REPORT, migrated
from tests.lib.reports import measures

Json = dict[str, Any]
BASE = "https://server.example/fhir"
MEASURES = {measure.canonical.partition("|")[0]: measure for measure in measures().values()}


@contextmanager
def repository() -> Iterator[ReportRepository]:
    with (
        tempfile.TemporaryDirectory() as folder,
        migrated(f"sqlite:///{Path(folder) / 'store.db'}") as engine,
    ):
        yield ReportRepository(engine)


class Repository(RuleBasedStateMachine):
    """Against a list of versions for each id: None is a deletion."""

    keys = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self._opened = repository()
        self.reports = self._opened.__enter__()
        self.model: dict[str, list[Json | None]] = {}

    def teardown(self) -> None:
        self._opened.__exit__(None, None, None)

    @rule(target=keys, status=st.sampled_from(["complete", "pending"]))
    def create(self, status: str) -> str:
        stored = self.reports.create(REPORT | {"status": status}, "site")
        self.model[stored.id] = [REPORT | {"status": status}]
        return stored.id

    @rule(target=keys, key=st.sampled_from(["a", "b.1", "C-2"]))
    def name(self, key: str) -> str:
        return key

    @rule(
        key=keys,
        status=st.sampled_from(["complete", "pending", "error"]),
        version=st.sampled_from([None, 0, -1]),
    )
    def update(self, key: str, status: str, version: int | None) -> None:
        """version: what If-Match asks for, counted from the current one; None for nothing."""
        report = REPORT | {"status": status}
        known = self.model.get(key, [])
        there = bool(known) and known[-1] is not None
        asked = None if version is None else len(known) + version
        if asked is not None and (not there or version):
            self._refused(412, lambda: self.reports.update(key, report, asked, "site"))
            return
        stored = self.reports.update(key, report, asked, "site")
        if there and known[-1] == report:
            assert stored.change == "none"
        else:
            assert stored.change == ("updated" if there else "created")
            self.model.setdefault(key, []).append(report)
        assert stored.version == len(self.model[key])

    @rule(key=keys)
    def delete(self, key: str) -> None:
        known = self.model.get(key, [])
        if not known:
            self._refused(404, lambda: self.reports.delete(key, "site"))
            return
        self.reports.delete(key, "site")
        if known[-1] is not None:
            known.append(None)

    @rule(key=keys)
    def read(self, key: str) -> None:
        known = self.model.get(key, [])
        if not known or known[-1] is None:
            self._refused(410 if known else 404, lambda: self.reports.read(key))
            return
        found = self.reports.read(key)
        assert (content(found.resource), found.version) == (known[-1], len(known))

    @rule(key=keys)
    def history(self, key: str) -> None:
        known = self.model.get(key, [])
        if not known:
            self._refused(404, lambda: self.reports.history(key))
            return
        found = self.reports.history(key, Paging(1000)).entries
        stated = [None if each.deleted else content(each.resource) for each in found]
        assert stated[::-1] == known

    @rule(count=st.integers(1, 4))
    def pages(self, count: int) -> None:
        page = self.reports.search(paging=Paging(count, "site"))
        found = [each.id for each in page.entries]
        while page.token:
            page = self.reports.later(page.token, "site").page
            found += [each.id for each in page.entries]
        current = [key for key, known in self.model.items() if known[-1] is not None]
        assert sorted(found) == sorted(current)
        assert page.total == len(current)

    @staticmethod
    def _refused(status: int, call: Any) -> None:
        try:
            call()
        except FhirFailure as failure:
            assert failure.status == status  # noqa: PT017 - a state machine has no pytest.raises
        else:
            raise AssertionError(f"not refused with {status}")


def test_a_repository_is_what_a_dictionary_of_versions_is() -> None:
    chosen = settings(max_examples=25, stateful_step_count=25, deadline=None)
    run_state_machine_as_test(Repository, settings=chosen)


DAYS = ["2025", "2025-12", "2025-12-31", "2026-01", "2026-01-01", "2026-02-28", "2026"]
INSTANTS = [
    "2025-12-31T23:30:00Z",
    "2026-01-01T00:30:00+01:00",
    "2026-01-01T12:00:00.5Z",
    "2026-01-01T12:00:00.500001Z",
]
IDS = ["1", "a.b", "a-b"]
SYSTEMS = ["urn:one", "urn:two"]
CODES = ["x", "y,z", "a|b", "A"]
TYPES = ["Organization", "Location", "Patient"]


identifiers = st.fixed_dictionaries({}, optional={
    "system": st.sampled_from(SYSTEMS), "value": st.sampled_from(CODES),
}).filter(bool)  # fmt: skip
references = st.fixed_dictionaries({}, optional={
    "reference": st.builds("{}/{}".format, st.sampled_from(TYPES), st.sampled_from(IDS)),
    "identifier": identifiers,
}).filter(bool)  # fmt: skip
periods = st.fixed_dictionaries({}, optional={
    "start": st.sampled_from(DAYS), "end": st.sampled_from(DAYS),
})  # fmt: skip
reports = st.fixed_dictionaries(
    {
        "resourceType": st.just("MeasureReport"),
        "status": st.sampled_from(["complete", "pending", "error"]),
        "type": st.just("summary"),
        "measure": st.builds(
            "{}{}".format, st.sampled_from(sorted(MEASURES)), st.sampled_from(["", "|1", "|2"])
        ),
        "period": periods,
    },
    optional={
        "date": st.sampled_from(DAYS + INSTANTS),
        "identifier": st.lists(identifiers, min_size=1, max_size=2),
        "reporter": references,
        "subject": references,
        "evaluatedResource": st.lists(references, min_size=1, max_size=2),
    },
)
SEARCHED = {
    name: parameter
    for name, parameter in MEASURE_REPORT.by_name.items()
    # They are not one element of the resource, so that `matching` cannot look for them.
    if parameter.paths and name not in (TITLE, "_id", "_lastUpdated", "patient")
}


@st.composite
def criteria(draw: st.DrawFn) -> Criterion:
    parameter = SEARCHED[draw(st.sampled_from(sorted(SEARCHED)))]
    if draw(st.integers(0, 4)) == 0:
        return Criterion(parameter, "missing", (), missing=draw(st.booleans()))
    allowed = [name for name in MODIFIERS[parameter.kind] if name in ("not", "identifier")]
    modifier = draw(st.sampled_from(["", *allowed]))
    if parameter.name == "measure":
        modifier = ""
    texts = draw(st.lists(values(parameter, modifier), min_size=1, max_size=2))
    found = values_of(parameter.kind, modifier, ",".join(texts), BASE)
    return Criterion(parameter, modifier, found)


def values(parameter: Any, modifier: str) -> st.SearchStrategy[str]:
    escaped = [code.replace(",", "\\,").replace("|", "\\|") for code in CODES]
    token = st.one_of(
        st.sampled_from(escaped),
        st.builds("{}|{}".format, st.sampled_from(["", *SYSTEMS]), st.sampled_from(escaped)),
        st.builds("{}|".format, st.sampled_from(SYSTEMS)),
    )
    if modifier == "identifier" or parameter.name == "identifier":
        return token
    if parameter.name == "status":
        return st.sampled_from(["complete", "pending", "error", "none"])
    if parameter.kind == "date":
        return st.builds(
            "{}{}".format, st.sampled_from(["", *PREFIXES]), st.sampled_from(DAYS + INSTANTS)
        )
    if parameter.name == "measure":
        return st.builds(
            "{}{}".format, st.sampled_from(sorted(MEASURES)), st.sampled_from(["", "|1", "|3"])
        )
    if parameter.kind == "uri":
        return st.sampled_from(["urn:profile", "urn:other"])
    ids = st.sampled_from(IDS)
    typed = st.builds("{}/{}".format, st.sampled_from(TYPES), ids)
    return st.one_of(ids, typed, typed.map(lambda text: f"{BASE}/{text}"))


@st.composite
def queries(draw: st.DrawFn) -> Query:
    sorted_by = draw(st.lists(st.sampled_from(["date", "period", "status", "measure"]), max_size=2))
    sort = tuple(Sort(SEARCHED[name], draw(st.booleans())) for name in sorted_by)
    found = tuple(draw(st.lists(criteria(), min_size=1, max_size=3)))
    return Query(found, sort, 50, "", only_total=False, used=(), ignored=())


def test_sql_finds_what_the_search_in_memory_finds() -> None:
    with repository() as stored:
        kept = Criteria(BASE, MEASURES)

        @given(
            st.lists(reports, min_size=1, max_size=6), st.lists(queries(), min_size=4, max_size=8)
        )
        @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
        def agrees(sent: list[Json], asked: list[Query]) -> None:
            for key in [each.id for each in stored.search(paging=Paging(1000)).entries]:
                stored.delete(key, "site")
            there = [stored.create(report, "site").resource for report in sent]
            for query in asked:
                found = stored.search(kept.query(query), Paging(1000)).entries
                expected = matching.found(there, query, now=datetime.now(UTC))
                assert {each.id for each in found} == {each["id"] for each in expected}, query
                keys = [sort_keys(each.resource, query) for each in found]
                assert keys == [sort_keys(each, query) for each in expected]

        agrees()


def sort_keys(resource: Mapping[str, Any], query: Query) -> list[Any]:
    """What the resource is sorted by; ties may stand in any order."""
    return [
        matching.range_of(resource[sort.parameter.name])[0]
        if sort.parameter.kind == "date" and sort.parameter.name in resource
        else resource.get(sort.parameter.name)
        for sort in query.sort
    ]


def test_what_can_be_sorted_by_is_what_can_be_searched() -> None:
    assert set(SORTED) <= set(MEASURE_REPORT.by_name)
