"""The evaluation that holds no patient: the same figures from one process, several, or kept
cells, on both engines."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from adapter.cohort_cells import Question, cohort_cells
from adapter.config import Settings
from adapter.definitions import load
from adapter.errors import UsageError
from adapter.evaluate import Request, evaluate, evaluate_aggregate
from adapter.mapping.mapped import MappedResource
from adapter.report.evaluation import checked_report, measure
from adapter.store import facts, kept, open_store
from adapter.store.columns import table_of
from adapter.store.digests import block_of, spans
from analytics.aggregate import header
from benchmarks import thyroid
from tests.lib.ingests import MAPPER
from tests.lib.stores import resource, row

STUDY = load().study("redifferentiation")
HEAD = header(STUDY)
PATIENTS = 40
WHOLE = Request()


@pytest.fixture
def store_of_some(store_url: str) -> str:
    made = [
        MAPPER.map(each, "file:1")
        for number in range(PATIENTS)
        for each in thyroid.resources(thyroid.truth(thyroid.FIRST + number, 3))
    ]
    with open_store(store_url, create=True) as store:
        store.register_site("A", "UTC")
        store.load(made, "run")
    return store_url


def test_it_equals_the_evaluation_that_holds_all_courses(store_of_some: str) -> None:
    period = Request(start=date(2019, 6, 1), end=date(2021, 3, 31), stratifiers=("histology",))
    with open_store(store_of_some, create=False) as store:
        for request in (WHOLE, period, Request(sites=("A",)), WHOLE):
            full, found = evaluate(store, STUDY, request), evaluate_aggregate(store, STUDY, request)
            assert found.aggregate == full.aggregate
            assert found.estimates == full.estimates
            assert found.data_version == full.data_version
            assert (found.sites, found.finishes) == (full.sites, full.finishes)
            assert found.screened == len(full.courses) == PATIENTS
            made = full.estimates.overall.values
            assert {name: found.figures()[name] for name in made} == made


def test_several_processes_give_what_one_gives(
    store_of_some: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapter.cohort_cells.RESOURCES_A_SPAN", 100)
    question = Question(STUDY, HEAD)
    with open_store(store_of_some, create=False) as store:
        one = cohort_cells(store, question, keep=False)
        several = cohort_cells(store, question, 3, keep=False)
        first, again = (cohort_cells(store, question, 2) for _ in range(2))
        with store.reading() as transaction:
            assert len(spans(transaction, 100)) > 3
    assert several == one
    assert (first.cells, again.cells) == (one.cells, one.cells)
    assert (first.derived, again.derived) == (PATIENTS, 0)


def test_only_whom_a_medication_concerns_is_derived_again(store_url: str) -> None:
    def drug(name: str) -> MappedResource:
        medication = row("medication", ingredient=name, drug_class="BRAFi")
        kind = {"resource_type": "Medication", "patient_key": "", "rank": name}
        return resource("m1", medication, **kind)

    def order(owner: str, target: str) -> MappedResource:
        exposure = row("drug_exposure", evidence="ordered", ingredient="", drug_class="")
        link = row("link", 0, role="medication", target_type="Medication", target_id=target)
        return resource(f"order-{owner}", exposure, link, patient_key=owner)

    question = Question(STUDY, HEAD)
    with open_store(store_url, create=True) as store:
        store.load([drug("dabrafenib"), order("p1", "m1"), order("p2", "m2")], "run")
        assert cohort_cells(store, question).derived == 2
        store.load([drug("vemurafenib")], "run")
        assert cohort_cells(store, question).derived == 1
        before = store.fingerprint()
        store.load([resource("m3", resource_type="Medication", patient_key="")], "run")
        assert store.fingerprint() != before
        assert cohort_cells(store, question).derived == 0


def test_a_site_keeps_the_cells_of_a_few_definitions(store_of_some: str) -> None:
    with open_store(store_of_some, create=False) as store:
        for year in range(2010, 2010 + kept.DEFINITIONS + 3):
            cohort_cells(store, Question(STUDY, HEAD, start=date(year, 1, 1)))
        assert len({row.definition for row in store.rows(kept.KeptCellsRow)}) == kept.DEFINITIONS
        assert cohort_cells(store, Question(STUDY, HEAD, start=date(year, 1, 1))).derived == 0


def test_what_is_kept_may_be_lost(store_of_some: str) -> None:
    question = Question(STUDY, HEAD)
    with open_store(store_of_some, create=False) as store:
        first = cohort_cells(store, question)
        blocks = {each.block for each in store.rows(kept.KeptCellsRow)}
        assert blocks == {block_of(each.patient_key) for each in store.patients()}
        with store._database.transaction() as transaction:
            transaction.execute(table_of(kept.KeptCellsRow).delete())
        again = cohort_cells(store, question)
    assert (again.cells, again.derived) == (first.cells, PATIENTS)


def test_a_store_that_may_only_be_read_keeps_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with open_store(url, create=True) as store:
        store.load([resource("a", row("visit"))], "run")
    with open_store(url, create=False) as store:
        store._database.writable = lambda: False  # type: ignore[method-assign]
        assert cohort_cells(store, Question(STUDY, HEAD)).derived == 1
        assert cohort_cells(store, Question(STUDY, HEAD)).derived == 1


def test_it_makes_the_same_report_and_refuses_outputs_of_single_patients(
    store_of_some: str,
) -> None:
    asked = measure("redifferentiation-outcomes", Settings())
    with open_store(store_of_some, create=False) as store:
        full, found = (each(store, STUDY, WHOLE) for each in (evaluate, evaluate_aggregate))
    instant = datetime(2024, 5, 6, tzinfo=UTC)
    report = checked_report(found, asked, Settings(), instant)
    assert report == checked_report(full, asked, Settings(), instant)
    for look in (len, list, lambda courses: courses[0], bool):
        with pytest.raises(LookupError, match="no courses"):
            look(found.courses)


def test_it_refuses_what_evaluate_refuses(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'store.db'}", create=True) as store:
        for request in (
            Request(stratifiers=("shoe size",)),
            Request(sites=("nowhere",)),
            Request(start=date(2022, 1, 2), end=date(2022, 1, 1)),
        ):
            with pytest.raises(UsageError):
                evaluate_aggregate(store, STUDY, request)


def test_an_empty_store_gives_zeros(store_url: str) -> None:
    with open_store(store_url, create=True) as store:
        found = evaluate_aggregate(store, STUDY, WHOLE)
        assert found.aggregate == evaluate(store, STUDY, WHOLE).aggregate
        assert (found.screened, found.finishes, found.sites) == (0, [], ())


def test_facts_are_made_as_their_constructors_make_them() -> None:
    for fact_class, _ in facts.KINDS.values():
        assert not hasattr(fact_class, "__post_init__")
        names = [field.name for field in fields(fact_class)]
        columns = {name: [f"{name} 1", f"{name} 2"] for name in names}
        made = facts._made(fact_class, 2, columns)
        rows = ({name: cells[at] for name, cells in columns.items()} for at in range(2))
        assert made == [fact_class(**each) for each in rows]
