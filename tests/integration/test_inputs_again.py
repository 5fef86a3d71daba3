"""What earlier ingests left aside in archives and behind addresses is found again, or named."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import fsspec  # type: ignore[import-untyped]  # it has no stubs
import pytest
from fsspec import AbstractFileSystem

from adapter.ingest import How, Summary
from adapter.inputs.opened import opened
from adapter.models import IngestRunRow, QuarantineRow, SetAsideRow, VisitRow
from adapter.runs import ingest_run
from adapter.store import Store, open_store
from adapter.synthetic.hospital import write_ndjson
from tests.lib.archives import DRUG, ORDER, tarred, written, zipped, zstd
from tests.lib.inputs import temporary
from tests.lib.mapping import mapper
from tests.lib.web import Answer, web_server

__all__ = ["temporary"]

ORDERS = ORDER + (
    b'{"resourceType":"Encounter","id":"visit","status":"finished",'
    b'"subject":{"reference":"Patient/p"},"period":{"start":"2021-06-01"}}\n'
)
"""An order and a visit, which matter once it is known which drug it is."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with open_store(f"sqlite:///{tmp_path}/s.db", create=True) as made:
        yield made


@pytest.fixture
def drug(tmp_path: Path) -> Path:
    """A file with the drug."""
    return written(tmp_path / "Drug.ndjson", DRUG)


@pytest.fixture
def memory() -> Iterator[AbstractFileSystem]:
    """An object store in memory."""
    system = fsspec.filesystem("memory")
    yield system
    for path in system.ls("/", detail=False):
        system.rm(path, recursive=True)


def ingested(store: Store, *arguments: str | Path) -> Summary:
    with opened([str(each) for each in arguments]) as inputs:
        return ingest_run(inputs.paths, mapper("UTC"), store, How(origins=inputs))


def visits(store: Store) -> int:
    return len(list(store.rows(VisitRow)))


PACKED: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "e.zip": zipped,
    "e.tar": tarred,
    "e.tar.gz": lambda files: tarred(files, "w:gz"),
    "Orders.ndjson.zst": lambda files: zstd(files["o/Orders.ndjson"]),
    "nested.zip": lambda files: zipped({"in.tgz": tarred(files, "w:gz")}),
}
FILES = {"notes.txt": b"x", "o/Orders.ndjson": ORDERS}


@pytest.mark.parametrize("name", PACKED)
def test_an_archive_is_unpacked_again(name: str, store: Store, drug: Path, tmp_path: Path):
    path = written(tmp_path / name, PACKED[name](FILES))
    ingested(store, path)
    assert visits(store) == 0
    summary = ingested(store, drug)
    assert not summary.lost
    assert visits(store) == 1
    assert {row.source.partition("!")[0].partition(":")[0] for row in store.rows(VisitRow)} == {
        name
    }


@pytest.mark.parametrize("change", [Path.unlink, lambda path: os.utime(path, (1, 1))])
def test_an_archive_that_is_gone_or_has_changed_is_named(
    change: Callable[[Path], None], store: Store, drug: Path, tmp_path: Path
):
    path = written(tmp_path / "e.zip", zipped(FILES))
    content = path.read_bytes()
    ingested(store, path)
    change(path)
    lost = ingested(store, drug).lost
    assert lost == {f"{path.resolve()}!o/Orders.ndjson": 1}
    # It is named until it is ingested again.
    assert ingested(store, drug).lost == lost
    path.write_bytes(content)
    assert not ingested(store, path).lost
    assert visits(store) == 1
    assert not ingested(store, drug).lost


@pytest.mark.parametrize("name", ["Orders.ndjson", "e.zip"])
def test_an_object_is_fetched_again(
    name: str, store: Store, drug: Path, memory: AbstractFileSystem
):
    memory.pipe(f"/b/{name}", ORDERS if name != "e.zip" else zipped(FILES))
    ingested(store, "memory://b/")
    assert visits(store) == 0
    assert not ingested(store, drug).lost
    assert visits(store) == 1


def test_an_object_that_has_changed_is_named(store: Store, drug: Path, memory: AbstractFileSystem):
    memory.pipe("/b/Orders.ndjson", ORDERS)
    ingested(store, "memory://b/Orders.ndjson")
    memory.pipe("/b/Orders.ndjson", ORDERS)
    assert ingested(store, drug).lost == {"memory://b/Orders.ndjson": 1}
    assert visits(store) == 0
    memory.rm("/b/Orders.ndjson")
    assert ingested(store, drug).lost == {"memory://b/Orders.ndjson": 1}


def test_an_address_is_asked_only_for_what_is_wanted(store: Store, tmp_path: Path):
    with web_server() as web:
        web.answers["/o.ndjson"] = Answer(ORDERS, headers={"ETag": '"1"'})
        ingested(store, f"{web.base}/o.ndjson")
        other = written(tmp_path / "Patient.ndjson", b'{"resourceType":"Patient","id":"q"}\n')
        assert not ingested(store, other).lost
        assert len(web.asked) == 1
        assert not ingested(store, written(tmp_path / "Drug.ndjson", DRUG)).lost
        assert len(web.asked) == 2
    assert visits(store) == 1


def test_a_server_that_is_gone_loses_nothing_else(store: Store, drug: Path):
    with web_server() as web:
        web.answers["/o.ndjson"] = Answer(ORDERS, headers={"ETag": '"1"'})
        ingested(store, f"{web.base}/o.ndjson")
    summary = ingested(store, drug)
    assert summary.lost == {f"{web.base}/o.ndjson": 1}
    assert summary.partial
    assert list(store.rows(SetAsideRow))


@pytest.mark.parametrize("given", ["-", "signed"])
def test_what_cannot_be_had_again_is_named(
    given: str, store: Store, drug: Path, monkeypatch: pytest.MonkeyPatch
):
    with web_server() as web:
        web.answers["/o.ndjson"] = Answer(ORDERS, headers={"ETag": '"1"'})
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(ORDERS)))
        ingested(store, "-" if given == "-" else f"{web.base}/o.ndjson?signature=s3cr3t")
        name = "stdin" if given == "-" else f"{web.base}/o.ndjson"
        assert ingested(store, drug).lost == {name: 1}


def test_an_unchanged_object_counts_as_unchanged(store: Store, memory: AbstractFileSystem):
    memory.pipe("/b/all.ndjson", DRUG + ORDERS)
    first = ingested(store, "memory://b/")
    known = [(row.path, row.bytes, row.modified) for row in store.rows(SetAsideRow)]
    fingerprint = store.fingerprint()
    second = ingested(store, "memory://b/")
    assert (second.read, second.mapped) == (first.read, 0)
    assert second.unchanged == first.mapped
    assert store.fingerprint() == fingerprint
    assert [(row.path, row.bytes, row.modified) for row in store.rows(SetAsideRow)] == known


def test_what_the_store_keeps_of_an_input_is_its_name(store: Store, tmp_path: Path):
    path = written(tmp_path / "e.zip", zipped({"a.ndjson": b"[]\n", **FILES}))
    ingested(store, path, path.as_uri())
    (quarantined,) = store.rows(QuarantineRow)
    assert quarantined.source == "e.zip!a.ndjson:1"
    (run,) = store.rows(IngestRunRow)
    assert run.paths == f"{path}, {path.as_uri()}"


def test_one_archive_after_another_is_all_files_at_once(tmp_path: Path):
    folder = tmp_path / "export"
    folder.mkdir()
    files = sorted([*write_ndjson(folder), written(folder / "Orders.ndjson", ORDERS)])
    files.append(written(folder / "Drug.ndjson", DRUG))
    archives = [
        written(tmp_path / f"{n}.zip", zipped({file.name: file.read_bytes()}))
        for n, file in enumerate(random.Random(1).sample(files, len(files)))
    ]
    at_once, one_by_one = (
        fingerprint(tmp_path / "1.db", [[folder]]),
        fingerprint(tmp_path / "2.db", [[archive] for archive in archives]),
    )
    assert at_once == one_by_one == fingerprint(tmp_path / "3.db", [archives])


def fingerprint(path: Path, runs: Sequence[Sequence[Path]]) -> str:
    with open_store(f"sqlite:///{path}", create=True) as store:
        for each in runs:
            assert not ingested(store, *each).lost
        return store.fingerprint()
