"""The Spark engine behind `raiway ingest` and `raiway evaluate`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from adapter.evaluate import Evaluation, Request
    from adapter.ingest import How, Summary
    from adapter.runs import SiteMapper
    from adapter.store import Store
    from analytics.study import Study


class Engine(StrEnum):
    """What does the work."""

    LOCAL = "local"
    SPARK = "spark"


EngineName = Annotated[
    Engine,
    typer.Option("--engine", help="This machine, or Spark with a store of --store parquet:FOLDER."),
]
Master = Annotated[
    str,
    typer.Option(
        "--master",
        metavar="URL",
        help="With --engine spark: local[2], spark://host:7077, yarn, or sc://host:port for Spark "
        "Connect (default: local[*]).",
    ),
]


def ingested(
    url: str,
    master: str,
    files: Sequence[Path],
    how: How,
    site_in: Callable[[Store], SiteMapper],
) -> tuple[Summary, SiteMapper, str]:
    """Ingest on Spark, on record; the summary, the site, and where the facts are.

    site_in: the site's mapper, given what the store says of the site. Raises what `ingest_run`
    raises, Unreachable without Spark and StoreError where the folder is in use.
    """
    from adapter.runs import ingest_run
    from adapter.spark.folder import Folder
    from adapter.spark.ingest import SparkIngest, writing
    from adapter.spark.session import spark_session

    folder = Folder.of(url)
    size = sum(file.stat().st_size for file in files)
    with spark_session(master) as spark, writing(folder, size) as (manifest, store):
        site = site_in(store)
        engine = SparkIngest(spark, folder, manifest)
        summary = ingest_run(files, site.mapper, store, how, engine)
    return summary, site, str(folder)


def evaluated(
    url: str, master: str, study: Study, request: Request, *, aggregate: bool
) -> Evaluation:
    """Evaluate on Spark; for an aggregate no course is kept. Raises as the local engine does."""
    from adapter.spark import evaluate
    from adapter.spark.folder import Folder
    from adapter.spark.session import spark_session

    folder = Folder.of(url)
    folder.held()
    with spark_session(master) as spark:
        found = evaluate.evaluate_aggregate if aggregate else evaluate.evaluate
        return found(spark, folder, study, request)


def refuse_local(engine: Engine, master: str) -> None:
    """Raise UsageError for a master without Spark."""
    if engine is Engine.LOCAL and master:
        raise UsageError("--master goes with --engine spark", hint="raiway ingest --help")
