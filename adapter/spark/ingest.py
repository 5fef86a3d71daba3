"""Ingest on Spark: what `adapter.ingest` does, with the splits and the buckets on Spark's workers.

The driver holds one line for each split and each bucket, and the digests that facts ask for.
"""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from adapter import sources
from adapter.ingest import How, Summary
from adapter.inputs.origins import Origins
from adapter.mapping import digest
from adapter.mapping.digest import Digests
from adapter.mapping.resource import Mapper
from adapter.spark.earlier import Earlier
from adapter.spark.folder import ASIDE, INGEST, Folder, LeftAside, Manifest, make_private
from adapter.spark.merge import MERGED, Merge, added, merging
from adapter.spark.register import register
from adapter.spark.session import explained
from adapter.spark.splits import (
    SPLIT,
    STAGED,
    TASK,
    WHOLE,
    Spec,
    TaskRow,
    asking,
    mapping,
    remembering,
    tasks,
)
from adapter.splits import SPLIT as SPLIT_BYTES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from adapter.store import Store

SPLITS_A_TASK = 4
"""Splits that a worker reads one after another, where there are more than some."""
SOME_SPLITS = 64
SPLITS_A_BUCKET = 64
FEW_BUCKETS, MANY_BUCKETS = 4, 4096


@contextmanager
def writing(folder: Folder, size: int) -> Iterator[tuple[Manifest, Store]]:
    """The folder's manifest, and its sites and runs (`register`), to be changed; what was changed
    counts when the context is left without an error.

    size: bytes that are to be read. Raises StoreError where the folder is in use.
    """
    with folder.written():
        manifest = folder.manifest() or new_manifest(size)
        with register(manifest) as store:
            yield manifest, store
            manifest.sites = [each.model_dump(mode="json") for each in store.sites()]
            manifest.runs = [each.model_dump(mode="json") for each in store.runs()]
        folder.commit(manifest)


@dataclass(slots=True)
class SparkIngest:
    """Stands in for `adapter.ingest.ingest` (`runs.Engine`); the facts go into the folder.

    Nothing counts before the manifest is committed.
    """

    spark: SparkSession
    folder: Folder
    manifest: Manifest

    def __call__(
        self, paths: Sequence[Path], mapper: Mapper, _: Store, run_id: str, how: How
    ) -> Summary:
        """Raises what `ingest` raises, and Unreachable where Spark fails."""
        files = sources.expand(paths)
        scratch = self.folder.scratch / f"{INGEST}{run_id}"
        make_private(scratch)
        spec = Spec.of(mapper, strict=how.strict, buckets=self.manifest.buckets)
        work = _Work(self.spark, self.folder, self.manifest, mapper.site, run_id, spec)
        try:
            with explained():
                first = work.read_all(tasks(files, how.origins))
                earlier = Earlier(self.spark, self.folder, self.manifest.aside.get(mapper.site))
                recalled = earlier.recall({how.origins.key(file) for file in files})
                work.before |= earlier.before
                aside = first if recalled is None else first.union(recalled)
                answered = work.read_what_is_asked_for(aside)
                work.summary.lost = earlier.lost(answered)
                left = earlier.remembered(aside, remembering(work.before, answered))
                noted = work.noted(left, {**earlier.files, **_states(files, how.origins)})
                self.manifest.aside[mapper.site] = noted
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return work.summary


@dataclass(slots=True)
class _Work:
    """One ingest under way. before: the lines of each split's file before it."""

    spark: SparkSession
    folder: Folder
    manifest: Manifest
    site: str
    run_id: str
    spec: Spec
    summary: Summary = field(default_factory=Summary)
    before: dict[tuple[int, int], int] = field(default_factory=dict)

    def read_all(self, todo: Sequence[TaskRow]) -> DataFrame:
        """Load what the splits state; gives what was left aside of them."""
        rows = self.spark.createDataFrame(list(todo), TASK).repartition(_apart(todo))
        staged = self._staged(rows.mapInArrow(mapping(self.spec), STAGED), "first")
        lines: dict[str, int] = {}
        for row in self._count_aside(staged):
            self.before[row.place, row.start] = lines.get(row.path, 0)
            lines[row.path] = lines.get(row.path, 0) + row.lines
        self._merge(staged)
        return staged.where(f"bucket = {SPLIT}")

    def read_what_is_asked_for(self, aside: DataFrame) -> Path:
        """Read what was left aside as long as the facts ask for more of it.

        Gives a file of all digests that they asked for.
        """
        answered, new = digest.NONE, self._asked()
        done = self._saved("answered-0", answered)
        for number in count():
            if not new.size:
                break
            asked = self._saved(f"asked-{number}", new)
            again = aside.groupBy("place").applyInArrow(asking(self.spec, done, asked), STAGED)
            found = self._staged(again, f"again-{number}")
            answered = np.union1d(answered, new)
            done = self._saved(f"answered-{number + 1}", answered)
            if not self._count_aside(found):
                break
            self._merge(found)
            new = np.setdiff1d(self._asked(), answered)
        return done

    def noted(self, left: DataFrame, files: dict[str, list[str]]) -> LeftAside:
        """Note what later ingests may ask for."""
        below = f"{ASIDE}/site={self.site}/{self.run_id}"
        make_private(self.folder.path / below)
        left.write.mode("overwrite").parquet(str(self.folder.path / below))
        return {"folder": below, "files": files}

    def _staged(self, rows: DataFrame, name: str) -> DataFrame:
        """The rows, once they are worked out and kept: what was read is not read again."""
        into = str(self.folder.scratch / f"{INGEST}{self.run_id}" / name)
        rows.write.parquet(into)
        return self.spark.read.schema(STAGED).parquet(into)

    def _saved(self, name: str, digests: Digests) -> Path:
        file = self.folder.scratch / f"{INGEST}{self.run_id}" / f"{name}.npy"
        np.save(file, digests)
        return file

    def _count_aside(self, staged: DataFrame) -> list[Any]:
        columns = ("place", "start", "path", "lines", "aside", "unparsed")
        of_splits = staged.where(f"bucket = {SPLIT}").select(*columns).collect()
        for row in of_splits:
            self.summary.read += row.aside
            self.summary.irrelevant += row.aside
            self.summary.unparsed += row.unparsed
        return sorted(of_splits, key=lambda row: (row.place, row.start))

    def _merge(self, staged: DataFrame) -> None:
        held = self.manifest.files.setdefault(self.site, {})
        how = Merge(self.folder, self.site, self.run_id, held, self.before)
        by_bucket = staged.where(f"bucket <> {SPLIT}").groupBy("bucket")
        merged = by_bucket.applyInArrow(merging(how), MERGED).collect()
        for row in merged:
            held[row.bucket] = {name: tuple(each) for name, each in json.loads(row.files).items()}
        of_buckets = [pickle.loads(row.summary) for row in merged]  # noqa: S301 - our workers' bytes
        self.summary = added([self.summary, *of_buckets])

    def _asked(self) -> Digests:
        return self.folder.asked(self.manifest.files[self.site].values())


def _apart(todo: Sequence[TaskRow]) -> int:
    """Into how many Spark tasks the splits are divided; small files together make one."""
    size = sum(
        Path(path).stat().st_size if end == WHOLE else end - start
        for _, path, start, end, _ in todo
    )
    wanted = size // SPLIT_BYTES + 2
    return wanted if wanted <= SOME_SPLITS else max(SOME_SPLITS, wanted // SPLITS_A_TASK)


def new_manifest(size: int) -> Manifest:
    """For a new folder into which so many bytes are to be read at first."""
    wanted = size // (SPLIT_BYTES * SPLITS_A_BUCKET)
    return Manifest(buckets=min(max(wanted, FEW_BUCKETS), MANY_BUCKETS))


def _states(files: Sequence[Path], origins: Origins) -> dict[str, list[str]]:
    return {str(file.absolute()): [origins.key(file), *origins.state(file)] for file in files}
