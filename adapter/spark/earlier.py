"""What earlier ingests of a site left aside, as the folder has it (`adapter.earlier` on Spark).

Only files that still lie where they were read are asked again; of others, and of what came from an
archive or an address, the user is told where something in them is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from adapter.inputs.origins import PLAIN
from adapter.spark.folder import Folder, LeftAside
from adapter.spark.splits import LOST, STAGED, wanting

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(slots=True)
class Earlier:
    """The splits that earlier ingests left something in, but for files read now.

    before: as `splits.Before`, of these. files: those that are noted further on (`LeftAside`).
    """

    spark: SparkSession
    folder: Folder
    held: LeftAside | None
    before: dict[tuple[int, int], int] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    _gone: DataFrame | None = None

    def recall(self, now: set[str]) -> DataFrame | None:
        """What may be asked for again; None: nothing. now: the keys of the files read now."""
        if self.held is None:
            return None
        self.files = {path: each for path, each in self.held["files"].items() if each[0] not in now}
        there = [path for path, each in self.files.items() if _is_there(each)]
        rows = self._rows()
        gone = self.files.keys() - set(there)
        self._gone = self._of(rows, sorted(gone)) if gone else None
        if not there:
            return None
        recalled = self._of(rows, there)
        for row in recalled.select("place", "start", "lines").collect():
            self.before[row.place, row.start] = row.lines
        return recalled

    def lost(self, asked: Path) -> dict[str, int]:
        """File -> how many of its resources are wanted, of files that cannot be read again."""
        lost: dict[str, int] = {}
        if self._gone is not None:
            for row in self._gone.mapInArrow(wanting(asked), LOST).collect():
                if row.n:
                    key = self.files[row.path][0]
                    lost[key] = lost.get(key, 0) + row.n
        return lost

    def remembered(self, aside: DataFrame, kept: Callable[[pa.Table], pa.Table]) -> DataFrame:
        """What is still left aside, to be noted; what was noted of files that are gone stays."""
        left = aside.groupBy("place").applyInArrow(kept, STAGED)
        return left if self._gone is None else left.union(self._gone)

    def _rows(self) -> DataFrame:
        if self.held is None:
            raise RuntimeError("nothing is held")
        return self.spark.read.schema(STAGED).parquet(str(self.folder.path / self.held["folder"]))

    def _of(self, rows: DataFrame, paths: list[str]) -> DataFrame:
        named = self.spark.createDataFrame([(path,) for path in paths], "path string")
        columns = [each.split()[0] for each in STAGED.split(", ")]
        return rows.join(named, "path").select(*columns)


def _is_there(file: list[str]) -> bool:
    key, size, modified = file
    return PLAIN.recalled(key, (size, modified)) is not None
