"""The command line on Spark, where no session is under way: a cluster of two workers, and Sail."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.config import Settings
from adapter.demo import SITE, ZONE
from adapter.errors import Unreachable
from adapter.runs import site_mapper
from adapter.spark.folder import Folder
from adapter.spark.session import spark_session
from adapter.store import open_store
from adapter.synthetic.hospital import write_ndjson
from tests.lib.console import raiway
from tests.lib.ingests import ndjson, person, written
from tests.lib.spark import LATE, locally, needs_spark, rows_of, rows_on_spark, sail

pytestmark = [LATE, pytest.mark.timeout(200)]


def test_a_server_that_does_not_answer() -> None:
    asked = spark_session("sc://127.0.0.1:9/;token=secret")
    with pytest.raises(Unreachable, match="no Spark Connect server") as raised:
        asked.__enter__()
    assert "secret" not in str(raised.value) + raised.value.hint


def test_the_command_line_on_two_workers(tmp_path: Path) -> None:
    """Ingested on a cluster of two workers, each a JVM of its own; evaluated on Sail and here."""
    needs_spark()
    files = write_ndjson(tmp_path / "export")
    url = "parquet:store"
    zone = ("--site", SITE, "--timezone", ZONE)
    spark = ("--engine", "spark", "--store", url)
    master = ("--master", "local-cluster[2,1,1024]")
    done = raiway("ingest", "export", *zone, *spark, *master, "--json", cwd=tmp_path)
    here = locally(
        f"sqlite:///{tmp_path / 'local.db'}",
        site_mapper(Settings(), SITE, timezone=ZONE).mapper,
        files,
    )
    assert {name: done.json[name] for name in here.counts()} == here.counts()
    assert done.json["store"].startswith("parquet:")
    with open_store(f"sqlite:///{tmp_path / 'local.db'}", create=False) as store:
        assert rows_on_spark(Folder(tmp_path / "store")) == rows_of(store)
    with sail() as address:
        on_sail = raiway("evaluate", *spark, "--master", address, "--json", cwd=tmp_path)
        report = raiway("evaluate", *spark, "--master", address, cwd=tmp_path)
    local = raiway("evaluate", "--store", "sqlite:///local.db", "--json", cwd=tmp_path)
    assert on_sail.json["data_version"] == local.json["data_version"]
    assert on_sail.figures == local.figures
    assert report.json["resourceType"] == "MeasureReport"


def test_options_that_do_not_go_together(tmp_path: Path) -> None:
    (file,) = written(tmp_path, [("a.ndjson", ndjson(person()))])
    for arguments in (
        ("ingest", file, "--site", "A", "--master", "local[2]"),
        ("ingest", "--replay", "--site", "A", "--engine", "spark"),
        ("ingest", file, "--site", "A", "--engine", "spark", "--store", "sqlite:///a.db"),
        ("evaluate", "--engine", "spark", "--store", "sqlite:///a.db"),
        ("evaluate", "--master", "local[2]"),
    ):
        assert "do:" in raiway(*arguments, cwd=tmp_path, expect=2).stderr
