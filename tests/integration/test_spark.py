"""The Spark engine against the local one: the same facts to the last bit, the same counts and
figures. On Spark itself, and on Sail, which speaks Spark Connect and needs no JVM."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapter import splits
from adapter.config import Settings
from adapter.demo import SITE, ZONE
from adapter.errors import UsageError
from adapter.evaluate import Evaluation
from adapter.runs import site_mapper
from adapter.spark.folder import Folder
from adapter.synthetic.hospital import write_ndjson
from benchmarks import hospital
from tests.lib.ingests import MAPPER, ndjson, person, tg, written
from tests.lib.spark import LATE, assert_same, messy, on_spark, rows_on_spark, session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [LATE, pytest.mark.timeout(200)]


@pytest.fixture(scope="module", params=["local[2]", "sail"])
def spark(request: pytest.FixtureRequest) -> Iterator[SparkSession]:
    with session(request.param) as found:
        yield found


@pytest.fixture(scope="module")
def found(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """The synthetic hospital, ingested and evaluated on both engines, which agree."""
    folder = tmp_path_factory.mktemp("hospital")
    mapper = site_mapper(Settings(), SITE, timezone=ZONE).mapper
    return assert_same(spark, folder, mapper, [write_ndjson(folder / "export")])


def test_the_synthetic_hospital(found: Evaluation) -> None:
    figures = found.figures()
    assert (figures["n_patients"], found.screened) == (16, 46)


def test_every_reference_figure_is_met(found: Evaluation, shared: Path) -> None:
    expected = json.loads((shared / "reference/expectations.json").read_text("utf-8"))
    figures = found.figures()
    missed = {
        each["name"]: (figures.get(each["name"]), each["value"])
        for each in expected["expectations"]
        if not isinstance(value := figures.get(each["name"]), int | float)
        or abs(value - each["value"]) > each["tolerance"]
    }
    assert len(expected["expectations"]) == 75
    assert not missed


def test_a_mess(spark: SparkSession, tmp_path: Path) -> None:
    assert_same(spark, tmp_path, MAPPER, messy(tmp_path / "messy")[:2])
    found = rows_on_spark(Folder(tmp_path / "store"))
    assert len({row["reason"] for row in found["quarantine"]}) >= 2
    assert all(row["raw"] for row in found["quarantine"])
    assert found["unmapped_code"]


def test_a_hospital_in_many_splits(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.write(hospital.Size(20_000, relevant=0.05), tmp_path / "export")
    files = sorted((tmp_path / "export").glob("*.ndjson*"))
    monkeypatch.setattr(splits, "SPLIT", 4 << 20)
    assert_same(spark, tmp_path, MAPPER, [files])
    held = Folder(tmp_path / "store").held()
    assert held.rows("lab_result") + held.rows("variant_result") > 500


def test_a_run_that_fails_changes_nothing(spark: SparkSession, tmp_path: Path) -> None:
    own = Folder(tmp_path / "store")
    files = written(
        tmp_path, [("a.ndjson", ndjson(person(), tg())), ("b.ndjson.gz", ndjson(tg("o2")))]
    )
    on_spark(spark, own, MAPPER, files)
    before, rows = own.held(), rows_on_spark(own)
    damaged = tmp_path / "c.ndjson.gz"
    damaged.write_bytes(files[1].read_bytes()[:-6])
    with pytest.raises(UsageError, match="cannot be read") as raised:
        on_spark(spark, own, MAPPER, [files[0], damaged])
    assert "c.ndjson.gz" in str(raised.value)
    assert own.held() == before
    assert rows_on_spark(own) == rows
    assert not any(own.scratch.iterdir())
