"""The store on Spark: a folder of Parquet files, each fact table partitioned by site.

`lab_result/site=A/<bucket>-<name>.parquet` and so on. A bucket holds all versions of some of a
site's resources, told by a hash of type and id. What counts is named in `manifest.json`, which is
replaced at once when a run has come to its end: a run that dies has changed nothing.
"""

from __future__ import annotations

import json
import shutil
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from adapter.errors import StoreError, UsageError
from adapter.files import write_atomically
from adapter.mapping import digest
from adapter.mapping.digest import Digests

SCHEME = "parquet:"
MANIFEST = "manifest.json"
FORMAT = 1
ASKED = "asked"
"""Beside the tables: by what the site's facts ask for resources that were left aside."""
INGEST = "ingest-"
"""How the scratch folders of ingests begin."""
ASIDE = "set_aside"
"""And what a site's ingests left aside, with that by which it can be asked for."""

Files = dict[str, tuple[str, int]]
"""Table -> a file below the folder, and its rows."""


class LeftAside(TypedDict):
    """folder: where it is noted. files: path of a file -> its key and state, as `Origins` gives
    them."""

    folder: str
    files: dict[str, list[str]]


@dataclass(slots=True)
class Manifest:
    """What the folder holds.

    buckets: into how many each site's resources are divided. files: site -> bucket -> its files.
    aside: site -> what its ingests left aside. sites, runs: rows of the tables `site` and
    `ingest_run`, as JSON.
    """

    buckets: int
    sites: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, dict[int, Files]] = field(default_factory=dict)
    aside: dict[str, LeftAside] = field(default_factory=dict)

    def rows(self, table: str, sites: Sequence[str] = ()) -> int:
        """The number of rows of a table, of some sites or (none named) all."""
        return sum(
            files[table][1]
            for site, buckets in self.files.items()
            for files in buckets.values()
            if table in files and (not sites or site in sites)
        )

    def named(self) -> set[str]:
        """All files of tables that count."""
        found: set[str] = set()
        for buckets in self.files.values():
            found |= {path for files in buckets.values() for path, _ in files.values()}
        return found


@dataclass(frozen=True, slots=True)
class Folder:
    """A store's folder. All who work on it, driver and workers, must see it under this path."""

    path: Path

    def __str__(self) -> str:
        return f"{SCHEME}{self.path}"

    @classmethod
    def of(cls, url: str) -> Folder:
        """The folder of a URL `parquet:PATH`. Raises UsageError for another."""
        path = url.removeprefix(SCHEME)
        if path == url or not path:
            raise UsageError(
                "the Spark engine keeps its store in a folder of Parquet files",
                hint="--store parquet:FOLDER",
            )
        return cls(Path(path.removeprefix("//")).absolute())

    @property
    def scratch(self) -> Path:
        """Where a run puts what does not last."""
        return self.path / "scratch"

    def manifest(self) -> Manifest | None:
        """What the folder holds; None for a new one. Raises StoreError."""
        file = self.path / MANIFEST
        if not file.exists():
            return None
        try:
            held = json.loads(file.read_text("utf-8"))
            if held.pop("format") != FORMAT:
                raise ValueError("another format")
            held["files"] = {
                site: {
                    int(n): {name: tuple(each) for name, each in files.items()}
                    for n, files in buckets.items()
                }
                for site, buckets in held["files"].items()
            }
            return Manifest(**held)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError("its manifest cannot be read", where=str(self)) from error

    def held(self) -> Manifest:
        """As `manifest`. Raises StoreError where there is no store."""
        found = self.manifest()
        if found is None:
            hint = "`raiway ingest --engine spark` makes one"
            raise StoreError("there is no store yet", where=str(self), hint=hint)
        return found

    def commit(self, manifest: Manifest) -> None:
        """Let the manifest count, and remove what it does not name. Raises UsageError."""
        said = {
            "format": FORMAT,
            **{name: getattr(manifest, name) for name in Manifest.__dataclass_fields__},
        }
        write_atomically(self.path / MANIFEST, json.dumps(said, indent=1) + "\n")
        self.sweep(manifest)

    def sweep(self, manifest: Manifest) -> None:
        """Remove what counts no longer, or never did since its run died."""
        named = manifest.named()
        for file in sorted(self.path.glob("*/site=*/*-*.parquet")):
            if file.relative_to(self.path).as_posix() not in named:
                file.unlink(missing_ok=True)
        noted = {each["folder"] for each in manifest.aside.values()}
        for folder in self.path.glob(f"{ASIDE}/*/*"):
            if folder.relative_to(self.path).as_posix() not in noted:
                shutil.rmtree(folder)

    @contextmanager
    def written(self) -> Iterator[None]:
        """Nobody else writes meanwhile. What an ingest that died has left in `scratch` is removed.

        Raises StoreError where somebody does.
        """
        make_private(self.path)
        lock = FileLock(self.path / ".lock", timeout=0, mode=0o600)
        try:
            with lock:
                for left in self.scratch.glob(f"{INGEST}*"):
                    shutil.rmtree(left, ignore_errors=True)
                yield
        except Timeout:
            raise StoreError("another ingest writes into it", where=str(self)) from None

    def write(self, name: str, site: str, bucket: int, rows: pa.Table) -> tuple[str, int]:
        """Write rows of a table into a new file of a bucket, readable by its owner only."""
        below = Path(name) / f"site={site}" / f"{bucket:05d}-{uuid.uuid4().hex}.parquet"
        file = self.path / below
        file.parent.mkdir(parents=True, exist_ok=True)
        if "site" in rows.column_names:
            rows = rows.drop_columns(["site"])
        file.touch(mode=0o600, exist_ok=False)
        pq.write_table(rows, file, compression="zstd")
        return below.as_posix(), rows.num_rows

    def read(
        self, site: str, files: Mapping[str, tuple[str, int]]
    ) -> Iterator[tuple[str, pa.Table]]:
        """The rows of a bucket, table by table. Raises StoreError for a file that is gone."""
        for name, (below, _) in files.items():
            if name != ASKED:
                rows = self._table(below)
                yield (
                    name,
                    rows.append_column("site", pa.array([site] * rows.num_rows, pa.string())),
                )

    def asked(self, buckets: Iterable[Files]) -> Digests:
        """By what the facts in these buckets ask for resources that were left aside; sorted."""
        found = [
            self._table(files[ASKED][0]).column(0).to_numpy() for files in buckets if ASKED in files
        ]
        return np.unique(np.concatenate(found)) if found else digest.NONE

    def _table(self, below: str) -> pa.Table:
        try:
            # Not as a data set: the folder's name would become a column.
            return pq.ParquetFile(self.path / below).read()
        except (OSError, pa.ArrowException) as error:
            raise StoreError(
                "a file of the store cannot be read",
                where=str(self),
                hint="an ingest may have replaced it meanwhile: try again",
            ) from error


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter, and those above it, unless it is there.

    Raises StoreError.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        hint = "name a folder that may be written"
        raise StoreError(f"no folder: {error.strerror}", where=str(folder), hint=hint) from error


def bucket_of(buckets: int, *key: str) -> int:
    """In which of so many buckets a resource is."""
    return zlib.crc32("/".join(key).encode("utf-8", "replace")) % buckets
