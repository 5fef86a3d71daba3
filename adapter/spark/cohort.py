"""Derive on Spark: each worker reads some patients from a small store, as the local engine does.

A group holds all that is known of its patients, at all sites. What belongs to a site and not to a
patient, a Medication, is written aside once; a group takes of it what its links name.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adapter.cohort_cells import CohortCells, Question, span_cells
from adapter.spark.folder import Folder, bucket_of
from adapter.spark.scratch import scratch_store
from adapter.spark.splits import Batches
from adapter.spark.tables import FACTS, packed, unpacked
from adapter.start_up import rarely_collecting
from adapter.store.digests import OF_SITES, Span, block_of, block_versions, digests
from analytics.course import PatientFacts
from analytics.episode import Course, derive, in_period

if TYPE_CHECKING:
    from adapter.store import Store
    from adapter.store.connect import Transaction

HELD = "site string, bucket int, files string"
GROUPED = "group int, name string, content binary"
"""Rows of a table that belong to a group of patients; of group SITES: to no patient."""
FOUND = "content binary"
SITES = -1
PATIENTS = Span(str(OF_SITES.before), None)


def grouping(folder: Folder, groups: int) -> Callable[[Batches], Batches]:
    """What divides the buckets' rows by groups of patients; HELD -> GROUPED."""

    def grouped(batches: Batches) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for row in batch.to_pylist():
                for name, rows in folder.read(row["site"], json.loads(row["files"])):
                    yield from _divided(name, rows, groups)

    return grouped


def cells_of(aside: Path, question: Question) -> Callable[[pa.Table], pa.Table]:
    """What adds up a group of patients; GROUPED -> FOUND: pickled CohortCells.

    aside: the folder of what belongs to no patient (`write_aside`).
    """

    def found(rows: pa.Table) -> pa.Table:
        with _patients(rows, aside) as (_, transaction):
            return _pickled(span_cells(transaction, question, PATIENTS, keep=False))

    return found


def courses_of(aside: Path, question: Question) -> Callable[[pa.Table], pa.Table]:
    """What derives a group of patients; GROUPED -> FOUND: pickled CohortCells of nothing
    but the data's versions, and a list of courses."""

    def found(rows: pa.Table) -> pa.Table:
        with _patients(rows, aside) as (store, transaction):
            versions = block_versions(digests(transaction, question.sites, PATIENTS))
            seen = CohortCells(versions=versions)
            return _pickled((seen, list(_courses(store.patients(), question))))

    return found


def _courses(patients: Iterable[PatientFacts], question: Question) -> Iterator[Course]:
    for facts in patients:
        yield in_period(derive(facts, question.study), question.start, question.end)


@contextmanager
def _patients(rows: pa.Table, aside: Path) -> Iterator[tuple[Store, Transaction]]:
    """A store of a group's patients, and a moment of it."""
    with (
        rarely_collecting(),
        scratch_store(_whole(rows, aside)) as store,
        store.reading() as transaction,
    ):
        yield store, transaction


def write_aside(parts: Mapping[str, Sequence[bytes]], aside: Path) -> dict[str, pa.Table]:
    """Write what belongs to no patient, by table, and give it."""
    aside.mkdir(mode=0o700)
    found = {name: unpacked(each) for name, each in parts.items()}
    for name, rows in found.items():
        pq.write_table(rows, aside / name)
    return found


def of_sites(rows: Mapping[str, pa.Table], question: Question) -> CohortCells:
    """What the data's version owes to what belongs to no patient."""
    with scratch_store(rows.items()) as store, store.reading() as transaction:
        versions = block_versions(digests(transaction, question.sites, OF_SITES))
    return CohortCells(versions=versions)


def _divided(name: str, rows: pa.Table, groups: int) -> Iterator[pa.RecordBatch]:
    if name not in FACTS or name == "unmapped_code":
        return
    owners = rows.column("patient_key").to_pylist()
    group_of = {key: _group(key, groups) for key in set(owners)}
    places: dict[int, list[int]] = {}
    for at, key in enumerate(owners):
        places.setdefault(group_of[key], []).append(at)
    for group, chosen in sorted(places.items()):
        yield pa.RecordBatch.from_arrays(
            [
                pa.array([group], pa.int32()),
                pa.array([name]),
                pa.array([packed(rows.take(chosen))], pa.binary()),
            ],
            names=["group", "name", "content"],
        )


def _group(patient_key: str, groups: int) -> int:
    """Blocks are not divided: of whole ones the version of the data is made."""
    return bucket_of(groups, block_of(patient_key)) if patient_key else SITES


def _whole(rows: pa.Table, aside: Path) -> Iterator[tuple[str, pa.Table]]:
    """The rows of a group by table, and those of no patient that they refer to."""
    names, contents = rows.column("name").to_pylist(), rows.column("content")
    links = None
    for name in sorted(set(names)):
        whole = unpacked(contents[at].as_py() for at, each in enumerate(names) if each == name)
        links = whole if name == "link" else links
        yield name, whole
    if links is not None:
        targets = pc.unique(links.column("target_id"))
        for file in sorted(aside.iterdir()):
            found = pq.ParquetFile(file).read()
            yield file.name, found.filter(pc.is_in(found.column("resource_id"), value_set=targets))


def _pickled(found: object) -> pa.Table:
    return pa.table([pa.array([pickle.dumps(found)], pa.binary())], names=["content"])
