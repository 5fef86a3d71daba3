"""The folder in which the Spark engine keeps its store, filled by way of Sail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.dataset
import pytest

from adapter.config import Settings
from adapter.errors import StoreError, UsageError
from adapter.evaluate import Request
from adapter.runs import site_mapper
from adapter.spark import evaluate as spark_evaluate
from adapter.spark.folder import MANIFEST, Folder, bucket_of
from adapter.spark.ingest import writing
from tests.lib.ingests import MAPPER, glucose, ndjson, person, tg, visit, written
from tests.lib.spark import (
    LATE,
    STUDY,
    assert_same,
    counts,
    locally,
    messy,
    on_spark,
    rows_on_spark,
    session,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [LATE, pytest.mark.timeout(200)]


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    with session("sail") as found:
        yield found


@pytest.mark.parametrize("strict", [False, True])
def test_one_ingest_after_another(spark: SparkSession, tmp_path: Path, strict: bool) -> None:
    runs = messy(tmp_path / "messy")
    assert_same(spark, tmp_path, MAPPER, [*runs, runs[0]], strict=strict)


def test_a_file_that_is_gone_is_named_where_it_matters(spark: SparkSession, tmp_path: Path) -> None:
    first, second, *_ = messy(tmp_path / "messy")
    url, own = f"sqlite:///{tmp_path / 'local.db'}", Folder(tmp_path / "store")
    assert counts(on_spark(spark, own, MAPPER, first)) == counts(locally(url, MAPPER, first))
    gone = next(each for each in first if each.name == "f.ndjson")
    gone.unlink()
    there, here = on_spark(spark, own, MAPPER, second), locally(url, MAPPER, second)
    assert there.lost == here.lost == {str(gone.resolve()): 1}


def test_sites_do_not_mix(spark: SparkSession, tmp_path: Path) -> None:
    own = Folder(tmp_path / "store")
    (file,) = written(tmp_path, [("a.ndjson", ndjson(person(), tg(), visit()))])
    for name in ("A", "B"):
        on_spark(spark, own, site_mapper(Settings(), name).mapper, [file])
    assert own.held().rows("lab_result") == 2
    assert own.held().rows("lab_result", ["B"]) == 1
    found = spark_evaluate.evaluate(spark, own, STUDY, Request(sites=("B",)))
    assert [course.site for course in found.courses] == ["B"]
    assert spark_evaluate.evaluate_aggregate(spark, own, STUDY, Request()).screened == 2
    with pytest.raises(UsageError, match="no data of site C"):
        spark_evaluate.evaluate(spark, own, STUDY, Request(sites=("C",)))


def test_one_writes_at_a_time(spark: SparkSession, tmp_path: Path) -> None:
    own = Folder(tmp_path / "store")
    (file,) = written(tmp_path, [("a.ndjson", ndjson(person(), tg()))])
    with writing(own, 0) as (manifest, _):
        assert not manifest.files
        with pytest.raises(StoreError, match="another ingest"):
            on_spark(spark, own, MAPPER, [file])
    assert own.held().files == {}


def test_what_a_dead_run_left_is_removed(spark: SparkSession, tmp_path: Path) -> None:
    own = Folder(tmp_path / "store")
    (file,) = written(tmp_path, [("a.ndjson", ndjson(person(), tg()))])
    on_spark(spark, own, MAPPER, [file])
    left = [
        own.path / "lab_result" / "site=A" / "00001-dead.parquet",
        own.path / "set_aside" / "site=A" / "dead" / "part-0.parquet",
        own.scratch / "ingest-dead" / "first" / "part-0.parquet",
    ]
    for each in left:
        each.parent.mkdir(parents=True, exist_ok=True)
        each.write_bytes(b"half")
    on_spark(spark, own, MAPPER, [file])
    assert not any(each.exists() for each in left)
    assert len(rows_on_spark(own)["lab_result"]) == 1


def test_plain_readers_see_the_facts(spark: SparkSession, tmp_path: Path) -> None:
    own = Folder(tmp_path / "store")
    (file,) = written(tmp_path, [("a.ndjson", ndjson(person(), tg(day=2), tg("o2"), visit()))])
    for _ in range(2):
        on_spark(spark, own, MAPPER, [file])
    labs = pyarrow.dataset.dataset(own.path / "lab_result", partitioning="hive").to_table()
    assert sorted(labs.column("resource_id").to_pylist()) == ["o1", "o2"]
    assert set(labs.column("site").to_pylist()) == {"A"}
    assert str(labs.schema.field("date_earliest").type) == "date32[day]"
    assert set(labs.column("value_low").to_pylist()) == {"12.4"}
    assert own.path.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in own.path.glob("lab_result/*/*"))


def test_a_folder_that_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="folder of Parquet files"):
        Folder.of("sqlite:///raiway.db")
    own = Folder.of(f"parquet:{tmp_path}")
    with pytest.raises(StoreError, match="no store yet"):
        own.held()
    for said in ("{", "[]", '{"format": 2}', '{"format": 1, "files": {}, "more": 1}'):
        (tmp_path / MANIFEST).write_text(said)
        with pytest.raises(StoreError, match="manifest"):
            own.manifest()


def test_versions_of_a_resource_share_a_bucket() -> None:
    found = {bucket_of(7, "Observation", f"o{n}") for n in range(200)}
    assert found == set(range(7))
    assert bucket_of(7, "Observation", "o1") == bucket_of(7, "Observation", "o1")


def test_files_that_state_nothing(spark: SparkSession, tmp_path: Path) -> None:
    files = written(tmp_path, [("a.ndjson", b""), ("b.ndjson", ndjson(glucose()))])
    found = assert_same(spark, tmp_path, MAPPER, [files[:1], files])
    assert (found.screened, found.figures()["n_patients"]) == (0, 0)
