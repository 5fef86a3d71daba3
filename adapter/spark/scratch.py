"""Stores that last as long as a task: in them Spark's workers load and read as everybody does."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from adapter.spark.tables import TABLES, put
from adapter.store import open_store
from adapter.store.connect import Database

if TYPE_CHECKING:
    from adapter.store import Store


@contextmanager
def scratch_store(rows: Iterable[tuple[str, pa.Table]] = ()) -> Iterator[Store]:
    """A store of its own with these rows, by table; it is gone when the context is left.

    It lies on the disk, so that what is in memory does not grow with it.
    """
    with tempfile.TemporaryDirectory(prefix="raiway-") as folder:
        file = Path(folder) / "scratch.db"
        file.write_bytes(_empty())
        url = f"sqlite:///{file}"
        _fill(url, rows)
        with open_store(url, create=False) as store:
            yield store


def _fill(url: str, rows: Iterable[tuple[str, pa.Table]]) -> None:
    database = Database(url)
    database.open(create=True)
    try:
        for name, found in rows:
            if found.num_rows:
                with database.transaction() as transaction:
                    put(transaction, TABLES[name], found)
    finally:
        database.close()


@cache
def _empty() -> bytes:
    """The file of a store without rows: made once in each process."""
    with tempfile.TemporaryDirectory(prefix="raiway-") as folder:
        file = Path(folder) / "empty.db"
        with open_store(f"sqlite:///{file}", create=True):
            pass
        return file.read_bytes()
