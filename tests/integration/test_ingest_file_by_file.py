"""Files that are ingested one after another, in any order, leave the store of all at once.

What an earlier ingest left aside (visits, dates of specimens, orders by reference) is read from its
file when a later one brings the facts that make it matter.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from adapter.ingest import Summary
from adapter.models import SetAsideRow, VisitRow
from adapter.runs import ingest_run
from adapter.store import Store, open_store
from adapter.synthetic.hospital import write_ndjson
from tests.lib.mapping import mapper

ZONE = "America/Jamaica"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The synthetic hospital's export, and orders that refer to a drug in a file of its own."""
    folder = tmp_path_factory.mktemp("export")
    written = sorted(write_ndjson(folder))
    by_reference = folder / "ByReference.ndjson"
    by_reference.write_text(
        '{"resourceType":"MedicationRequest","id":"by-reference","status":"active",'
        '"intent":"order","subject":{"reference":"Patient/only-by-reference"},'
        '"authoredOn":"2021-05-03","medicationReference":{"reference":"Medication/ours"}}\n'
        '{"resourceType":"MedicationRequest","id":"of-another","status":"active",'
        '"intent":"order","subject":{"reference":"Patient/of-another"},'
        '"authoredOn":"2021-05-03","medicationReference":{"reference":"Medication/other"}}\n'
        '{"resourceType":"Encounter","id":"visit","status":"finished",'
        '"subject":{"reference":"Patient/only-by-reference"},"period":{"start":"2021-06-01"}}\n'
    )
    drug = folder / "Drug.ndjson"
    drug.write_text(
        '{"resourceType":"Medication","id":"ours","code":{"coding":[{"system":'
        '"http://www.nlm.nih.gov/research/umls/rxnorm","code":"1424911"}]}}\n'
    )
    return [*written, by_reference, drug]


def ingested(runs: Sequence[Sequence[Path]], url: str) -> tuple[str, list[Summary]]:
    """The store's fingerprint after these runs, and what each came to."""
    with open_store(url, create=True) as store:
        summaries = [ingest_run(paths, mapper(ZONE), store) for paths in runs]
        return store.fingerprint(), summaries


def orders(files: list[Path]) -> dict[str, list[Path]]:
    shuffled = [random.Random(seed).sample(files, len(files)) for seed in range(3)]
    return {
        "by name": sorted(files),
        "against it": sorted(files, reverse=True),
        **{f"shuffled {n}": each for n, each in enumerate(shuffled)},
    }


@pytest.mark.parametrize(
    "order", ["by name", "against it", "shuffled 0", "shuffled 1", "shuffled 2"]
)
def test_one_file_after_another_is_all_at_once(
    files: list[Path], order: str, tmp_path: Path
) -> None:
    at_once, _ = ingested([files], f"sqlite:///{tmp_path}/at-once.db")
    one_by_one, summaries = ingested(
        [[file] for file in orders(files)[order]], f"sqlite:///{tmp_path}/one-by-one.db"
    )
    assert one_by_one == at_once
    assert all(each.accounted == each.read for each in summaries)
    assert not any(each.lost for each in summaries)


def visits(store: Store) -> int:
    return len(list(store.rows(VisitRow)))


def test_what_was_read_is_not_asked_for_again(files: list[Path], tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/s.db", create=True) as store:
        ordered = sorted(files, reverse=True)
        for file in ordered:
            ingest_run([file], mapper(ZONE), store)
        drugs = [file for file in files if file.name == "Drug.ndjson"]
        assert ingest_run(drugs, mapper(ZONE), store).read == 1
        # Visits of people who never had a fact are still left aside, by keys alone.
        assert list(store.rows(SetAsideRow))


def test_a_file_that_is_gone_is_named(files: list[Path], tmp_path: Path) -> None:
    moved = tmp_path / "ByReference.ndjson"
    by_reference, drug = files[-2:]
    moved.write_bytes(by_reference.read_bytes())
    with open_store(f"sqlite:///{tmp_path}/s.db", create=True) as store:
        ingest_run([moved], mapper(ZONE), store)
        assert visits(store) == 0
        text = moved.read_bytes()
        moved.unlink()
        summary = ingest_run([drug], mapper(ZONE), store)
        assert summary.lost == {str(moved.resolve()): 1}
        assert summary.partial
        moved.write_bytes(text)
        # Put back later it has another time: it is named until it is read again.
        assert ingest_run([drug], mapper(ZONE), store).lost
        assert not ingest_run([moved], mapper(ZONE), store).lost
        assert visits(store) == 1
