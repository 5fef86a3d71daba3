"""Evaluate on Spark: as `adapter.evaluate`, with the patients on Spark's workers."""

from __future__ import annotations

import json
import pickle
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapter.cohort_cells import RESOURCES_A_SPAN, CohortCells, Question
from adapter.evaluate import Evaluation, Request, check, of_cells, of_courses, question_of
from adapter.spark.cohort import (
    FOUND,
    GROUPED,
    HELD,
    SITES,
    cells_of,
    courses_of,
    grouping,
    of_sites,
    write_aside,
)
from adapter.spark.folder import Folder, Manifest, make_private
from adapter.spark.register import register
from adapter.spark.session import explained
from analytics.episode import Course
from analytics.study import Study

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FEW_GROUPS, MANY_GROUPS = 4, 256


def evaluate(spark: SparkSession, folder: Folder, study: Study, request: Request) -> Evaluation:
    """As `adapter.evaluate.evaluate`; all courses are in the driver's memory.

    Raises as that does, and StoreError where the folder cannot be read.
    """
    with _grouped(spark, folder, study, request) as patients:
        parts = patients.found(courses_of(patients.aside, patients.question))
        seen, courses = patients.of_sites, list[Course]()
        for cells, some in parts:
            seen += cells
            courses += some
    courses.sort(key=lambda course: (course.patient_key, course.site))
    return of_courses(courses, study, request, seen.data_version)


def evaluate_aggregate(
    spark: SparkSession, folder: Folder, study: Study, request: Request
) -> Evaluation:
    """As `adapter.evaluate.evaluate_aggregate`; memory does not grow with the patients.

    Raises as that does, and StoreError where the folder cannot be read.
    """
    with _grouped(spark, folder, study, request) as patients:
        seen = patients.of_sites
        for cells in patients.found(cells_of(patients.aside, patients.question)):
            seen += cells
    return of_cells(seen, patients.question, request)


@dataclass(frozen=True, slots=True)
class _Patients:
    """All rows by groups of patients. aside: where what belongs to no patient lies."""

    rows: DataFrame
    aside: Path
    question: Question
    of_sites: CohortCells

    def found(self, work: Any) -> Iterator[Any]:
        """What the work finds in each group."""
        by_group = self.rows.where(f"group <> {SITES}").groupBy("group")
        # An iterator would have the groups worked on one after another.
        for row in by_group.applyInArrow(work, FOUND).collect():
            yield pickle.loads(row.content)  # noqa: S301 - our own workers' bytes


@contextmanager
def _grouped(
    spark: SparkSession, folder: Folder, study: Study, request: Request
) -> Iterator[_Patients]:
    manifest = folder.held()
    with register(manifest) as store:
        check(store, request)
    scratch = folder.scratch / uuid.uuid4().hex
    make_private(scratch)
    try:
        with explained():
            yield _divided(spark, folder, manifest, question_of(study, request), scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _divided(
    spark: SparkSession, folder: Folder, manifest: Manifest, question: Question, scratch: Path
) -> _Patients:
    held = [
        (site, bucket, json.dumps(files))
        for site, buckets in manifest.files.items()
        for bucket, files in buckets.items()
        if not question.sites or site in question.sites
    ]
    groups = _groups(manifest.rows("resource", question.sites))
    buckets = spark.createDataFrame(held, HELD).repartition(max(1, min(len(held), groups)))
    rows = str(scratch / "rows")
    buckets.mapInArrow(grouping(folder, groups), GROUPED).write.parquet(rows)
    grouped = spark.read.schema(GROUPED).parquet(rows)
    parts: dict[str, list[bytes]] = {}
    for row in grouped.where(f"group = {SITES}").collect():
        parts.setdefault(row.name, []).append(bytes(row.content))
    aside = scratch / "aside"
    found = of_sites(write_aside(parts, aside), question)
    return _Patients(grouped, aside, question, found)


def _groups(resources: int) -> int:
    """So many that the patients of one are a span of the local engine; blocks stay whole."""
    return min(max(resources // RESOURCES_A_SPAN, FEW_GROUPS), MANY_GROUPS)
