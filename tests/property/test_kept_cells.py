"""What is kept of patients never changes an answer: after any changes of the store, an evaluation
from kept cells equals a full one, and derives none but the patients who changed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.cohort_cells import CohortCells, Question, cohort_cells
from adapter.definitions import load
from adapter.evaluate import Request, evaluate, evaluate_aggregate
from adapter.mapping.mapped import MappedResource
from adapter.store import Store, open_store
from adapter.synthetic import encode_labs
from adapter.synthetic.tables import Lab
from analytics.aggregate import header
from benchmarks import thyroid
from tests.lib.ingests import MAPPER

STUDY = load().study("redifferentiation")
ASKED = Request(stratifiers=("sex",))
SEED, PATIENTS = 7, 12


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of a few patients, as it is before anything was asked of it."""
    path = tmp_path_factory.mktemp("kept") / "filled.db"
    with open_store(f"sqlite:///{path}", create=True) as store:
        made = [each for number in range(PATIENTS) for each in _mapped(number)]
        store.load(made, "run")
    return path


def _mapped(number: int) -> list[MappedResource]:
    truth = thyroid.truth(thyroid.FIRST + number, SEED)
    return [MAPPER.map(each, "file:1") for each in thyroid.resources(truth)]


def _result(number: int, value: int) -> MappedResource:
    """A thyroglobulin that the patient has beside the others; of several the last holds."""
    truth = thyroid.truth(thyroid.FIRST + number, SEED)
    lab = Lab(truth.person.drug_start, "more", "Tg", "", Decimal(value), stimulated=False)
    (made,) = encode_labs.encode(replace(truth, labs=(lab,)))
    made["meta"] = {"versionId": str(value + 1), "lastUpdated": f"2024-01-01T00:00:0{value}Z"}
    return MAPPER.map(made, "file:1")


def _taken_back(number: int, place: int) -> MappedResource:
    """One of the patient's resources, said to have been an error."""
    found = _mapped(number)
    error = found[place % len(found)]
    stamp = replace(error.stamp, rank="9" + error.stamp.rank, status="entered-in-error")
    return MappedResource(replace(stamp, retracted=True), ())


Change = tuple[str, int, int]
changes = st.lists(
    st.tuples(
        st.sampled_from(["result", "taken back", "same again"]),
        st.integers(0, PATIENTS - 1),
        st.integers(0, 5),
    ),
    max_size=4,
)


def _made(change: Change) -> Sequence[MappedResource]:
    kind, number, detail = change
    match kind:
        case "result":
            return [_result(number, detail)]
        case "taken back":
            return [_taken_back(number, detail)]
        case _:
            return _mapped(number)


@given(steps=st.lists(changes, min_size=1, max_size=3))
@settings(max_examples=12, deadline=None)
def test_kept_cells_equal_a_full_run(steps: list[list[Change]], filled: Path) -> None:
    with _copy(filled) as store:
        assert _kept(store).derived == PATIENTS
        for step in steps:
            before = dict(_digests(store))
            for change in step:
                store.load(_made(change), "run")
            now = dict(_digests(store))
            changed = sum(before.get(owner) != digest for owner, digest in now.items())
            assert changed <= len({number for _, number, _ in step})
            found = _kept(store)
            assert found.derived == changed
            assert found.cells == cohort_cells(store, _question(), keep=False).cells
            _assert_equal_to_a_full_run(store)


class _copy:  # noqa: N801 - used as a function
    """A store of its own for each example: hypothesis has one folder for all of a test."""

    def __init__(self, filled: Path) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "store.db"
        shutil.copy(filled, self._path)

    def __enter__(self) -> Store:
        self._opened = open_store(f"sqlite:///{self._path}", create=True)
        return self._opened.__enter__()

    def __exit__(self, *raised: Any) -> None:
        self._opened.__exit__(*raised)
        self._folder.cleanup()


def _question(start: date | None = None) -> Question:
    return Question(STUDY, header(STUDY, ASKED.stratifiers), start=start)


def _kept(store: Store) -> CohortCells:
    return cohort_cells(store, _question())


def _digests(store: Store) -> Iterator[tuple[tuple[str, str], str]]:
    from adapter.store.digests import digests

    with store.reading() as transaction:
        yield from digests(transaction).items()


def _assert_equal_to_a_full_run(store: Store) -> None:
    full, found = evaluate(store, STUDY, ASKED), evaluate_aggregate(store, STUDY, ASKED)
    assert found.aggregate == full.aggregate
    assert found.estimates == full.estimates
    assert found.data_version == full.data_version == store.fingerprint()
    assert (found.finishes, found.sites) == (full.finishes, full.sites)
    assert found.screened == len(full.courses)
