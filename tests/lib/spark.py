"""Spark for tests: its engines, and what a run on one of them came to beside the local engine."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import SQLModel

from adapter.definitions import load
from adapter.evaluate import Evaluation, NotKept, Request, evaluate, evaluate_aggregate
from adapter.ingest import How, Summary
from adapter.mapping.resource import Mapper
from adapter.models import FACT_TABLES, QuarantineRow, ResourceRow, UnmappedCodeRow
from adapter.runs import ingest_run
from adapter.spark import evaluate as evaluate_on_spark
from adapter.spark.folder import Folder
from adapter.spark.ingest import SparkIngest, writing
from adapter.spark.session import spark_session
from adapter.spark.tables import TABLES
from adapter.store import Store, open_store
from tests.lib.ingests import (
    bundle,
    glucose,
    line,
    medication,
    ndjson,
    person,
    procedure,
    request,
    specimen,
    tg,
    visit,
    written,
)
from tests.lib.mapping import concept, observation
from tests.lib.needs import missing

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Row = dict[str, Any]
STUDY = load().study("redifferentiation")
LATE = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
"""What PySpark itself leaves open or imports."""


@contextmanager
def session(engine: str) -> Iterator[SparkSession]:
    """A session on `sail` or on a master of Spark, on this machine."""
    interrupted = signal.getsignal(signal.SIGINT)
    with _no_trace_of_connect():
        if engine == "sail":
            with sail() as address, spark_session(address) as found:
                yield found
        else:
            needs_spark()
            with spark_session(engine) as found:
                yield found
    assert signal.getsignal(signal.SIGINT) is interrupted, "Spark keeps SIGINT"


def needs_spark() -> None:
    """Skip, in CI fail, without PySpark or Java."""
    if find_spec("pyspark") is None:
        missing("pyspark is not installed")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        missing("Java is not installed")


@contextmanager
def sail() -> Iterator[str]:
    """The address of a Spark Connect server of Sail."""
    if find_spec("pyspark") is None or find_spec("pysail") is None or find_spec("grpc") is None:
        missing("pyspark, pysail or grpcio is not installed")
    from pysail.spark import (  # type: ignore[import-untyped]  # it has no types
        SparkConnectServer,
    )

    server = SparkConnectServer(ip="127.0.0.1", port=0)
    server.start(background=True)
    host, port = server.listening_address
    try:
        yield f"sc://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def _no_trace_of_connect() -> Iterator[None]:
    """A remote session makes the next one remote too, by way of the environment."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            if name.startswith("SPARK_"):
                del os.environ[name]


def assert_same(
    spark: SparkSession, folder: Path, mapper: Mapper, runs: Sequence[Sequence[Path]], **how: Any
) -> Evaluation:
    """Each run counts the same on both engines, and all leave the same rows, figures and cohort.

    Gives the evaluation of what they left.
    """
    url, own = f"sqlite:///{folder / 'local.db'}", Folder(folder / "store")
    for files in runs:
        here = locally(url, mapper, files, How(workers=1, **how))
        there = on_spark(spark, own, mapper, files, How(**how))
        assert counts(there) == counts(here)
    with open_store(url, create=False) as store:
        expected, found = rows_of(store), rows_on_spark(own)
        for name in expected:
            assert found[name] == expected[name], name
        return _same_figures(spark, own, store)


def _same_figures(spark: SparkSession, own: Folder, store: Store) -> Evaluation:
    asked = Request(stratifiers=("sex",))
    here, there = (
        evaluate(store, STUDY, asked),
        evaluate_on_spark.evaluate(spark, own, STUDY, asked),
    )
    assert there.courses == here.courses
    assert there.document() == here.document()
    added = evaluate_on_spark.evaluate_aggregate(spark, own, STUDY, asked)
    local = evaluate_aggregate(store, STUDY, asked, keep=False)
    assert isinstance(added.courses, NotKept)
    assert added.aggregate == local.aggregate == here.aggregate
    assert added.cohort == local.cohort
    assert added.document() == local.document()
    return there


def messy(folder: Path) -> list[list[Path]]:
    """Three ingests with all that makes a mess: versions in any order and in several files, broken
    lines, what is asked for later, what is taken back, compressed files and Bundles."""
    wrong = tg("bad", valueQuantity={"value": 3, "unit": "parsec", "code": "pc"})
    first = written(
        folder / "1",
        [
            ("a.ndjson", ndjson(tg("o1", day=2), b'{"resourceType": "Obs', visit(), glucose())),
            ("b.ndjson", b"\xef\xbb\xbf" + ndjson(tg("o1", day=3), tg("o1", day=1), wrong)),
            ("c.ndjson.gz", ndjson(visit("e2", day=4), person(), *map(nth_glucose, range(400)))),
            ("d.json", line(bundle(tg("o2"), medication(), glucose("g9"), request()))),
            ("e.ndjson", ndjson(tg("o3", status="entered-in-error"), tg("o3"), b"[1]", b"")),
            ("f.ndjson", ndjson(tg("o4"), tg("o4"), person("q"), visit("e3", who="q"))),
        ],
    )
    second = written(
        folder / "2",
        [
            ("a.ndjson", ndjson(tg("o5", who="q"), tg("o1", day=1), tg("o2", day=9))),
            ("g.ndjson", ndjson(glucose("o4", day=5), specimen(), procedure(), wrong, b"{")),
            ("k.ndjson", ndjson(unmapped())),
        ],
    )
    third = written(
        folder / "3",
        [("h.ndjson", ndjson(tg("bad", day=20), visit("e3", who="q", day=8), person("r")))],
    )
    return [first, second, third]


def unmapped() -> dict[str, Any]:
    """A response in a code that nothing maps."""
    value = concept("MR", "urn:local")
    made = observation("recist", "urn:raiway:concept", valueCodeableConcept=value)
    return {**made, "id": "x1", "subject": {"reference": "Patient/p"}}


def nth_glucose(number: int) -> dict[str, Any]:
    return glucose(f"n{number}", who=f"w{number % 7}")


def on_spark(
    spark: SparkSession,
    folder: Folder,
    mapper: Mapper,
    files: Sequence[Path],
    how: How | None = None,
) -> Summary:
    """An ingest on Spark, on record; the sum of what was read holds."""
    with writing(folder, 0) as (manifest, store):
        engine = SparkIngest(spark, folder, manifest)
        summary = ingest_run(files, mapper, store, how or How(), engine)
    assert summary.accounted == summary.read
    (*_, run) = folder.held().runs
    assert run["ended"]
    assert run["read"] == summary.read
    return summary


def locally(url: str, mapper: Mapper, files: Sequence[Path], how: How | None = None) -> Summary:
    """The same by the local engine."""
    with open_store(url, create=True) as store:
        return ingest_run(files, mapper, store, how or How(workers=1))


def rows_on_spark(folder: Folder) -> dict[str, list[Row]]:
    """All rows of the folder, by table."""
    found: dict[str, list[Row]] = {name: [] for name in TABLES}
    for site, buckets in folder.held().files.items():
        for files in buckets.values():
            for name, rows in folder.read(site, files):
                found[name] += rows.to_pylist()
    return {name: _ordered(rows) for name, rows in found.items()}


def rows_of(store: Store) -> dict[str, list[Row]]:
    """All rows of a store, by table, as Parquet has them: exact decimals by their digits."""
    models: tuple[type[SQLModel], ...] = (
        *FACT_TABLES,
        ResourceRow,
        UnmappedCodeRow,
        QuarantineRow,
    )
    return {
        str(model.__tablename__): _ordered([_plain(row.model_dump()) for row in store.rows(model)])
        for model in models
    }


def _plain(row: Row) -> Row:
    return {name: str(cell) if isinstance(cell, Decimal) else cell for name, cell in row.items()}


def _ordered(rows: list[Row]) -> list[Row]:
    """Without the run, which has an id of its own on each engine."""
    kept = [{name: cell for name, cell in row.items() if name != "run_id"} for row in rows]
    return sorted(kept, key=lambda row: str(sorted(row.items())))


def counts(summary: Summary) -> dict[str, Any]:
    """All that a summary says, but for the order of what it lists."""
    listed = sorted((each.source, each.reason) for each in summary.rejected)
    undecided = sorted(summary.undecided_at)
    return {
        **summary.counts(),
        "facts": dict(summary.facts),
        "rejected": listed,
        "at": undecided,
        "lost": summary.lost,
    }
