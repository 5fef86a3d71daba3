"""Facts and episodes as Parquet or CSV files, with a data dictionary. Single patients' data."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from adapter.episode_table import Column, Kind, episode_columns, episodes_of
from adapter.errors import UsageError
from adapter.fact_table import fact_columns, fact_rows
from adapter.files import make_folder
from adapter.models import FACT_TABLES

if TYPE_CHECKING:
    from adapter.evaluate import Evaluation
    from adapter.store import Store

FileFormat = Literal["parquet", "csv"]

ARROW: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "whole": pa.int64(),
    "number": pa.float64(),
    "day": pa.date32(),
    "flag": pa.bool_(),
}
BATCH = 10_000
DICTIONARY = "data_dictionary.csv"
DICTIONARY_COLUMNS = ("table", "column", "kind", "unit", "meaning")


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written, and its rows."""

    path: Path
    rows: int


@dataclass(frozen=True, slots=True)
class _Dataset:
    """A table by name: its meaning, its columns and its rows."""

    name: str
    meaning: str
    columns: Sequence[Column]
    rows: Iterable[Any]


def export(
    store: Store, evaluation: Evaluation, folder: Path, file_format: FileFormat
) -> list[Exported]:
    """Write each fact table and the episodes of the evaluation's sites into `folder`, one file
    each, and `data_dictionary.csv`. Files of an earlier export are replaced.

    Raises UsageError where a file cannot be written.
    """
    make_folder(folder)
    sets = [*_facts(store, evaluation.request.sites), _episodes(evaluation)]
    found = [_write(each, folder / f"{each.name}.{file_format}", file_format) for each in sets]
    return [*found, _write_dictionary(sets, folder / DICTIONARY)]


def _facts(store: Store, sites: Sequence[str]) -> Iterator[_Dataset]:
    for model in FACT_TABLES:
        meaning = (model.__doc__ or "").partition("\n")[0]
        rows = fact_rows(store, model, sites)
        yield _Dataset(str(model.__tablename__), meaning, fact_columns(model), rows)


def _episodes(evaluation: Evaluation) -> _Dataset:
    columns = episode_columns(evaluation.study)
    meaning = "One protocol episode each; the study's figures count the first of a patient."
    return _Dataset("episode", meaning, columns, episodes_of(evaluation.courses))


def _write(dataset: _Dataset, path: Path, file_format: FileFormat) -> Exported:
    schema = pa.schema([(column.name, ARROW[column.kind]) for column in dataset.columns])
    rows, n = iter(dataset.rows), 0
    with _replacing(path) as beside, _writer(beside, schema, file_format) as writer:
        while batch := list(islice(rows, BATCH)):
            writer.write_batch(_batch(batch, dataset.columns, schema))
            n += len(batch)
    return Exported(path, n)


def _batch(rows: list[Any], columns: Sequence[Column], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [
        pa.array(
            [_plain(column.value(row), column.kind) for row in rows],
            ARROW[column.kind],
            from_pandas=False,
        )
        for column in columns
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _plain(value: Any, kind: Kind) -> Any:
    """Exact decimals as floating point, which every reader of the files knows."""
    return float(value) if kind == "number" and value is not None else value


def _writer(path: Path, schema: pa.Schema, file_format: FileFormat) -> Any:
    if file_format == "parquet":
        return pyarrow.parquet.ParquetWriter(path, schema)
    return pyarrow.csv.CSVWriter(path, schema)


def _write_dictionary(sets: Sequence[_Dataset], path: Path) -> Exported:
    lines = [(each.name, "", "table", "", each.meaning) for each in sets]
    lines += [
        (each.name, column.name, column.kind, column.unit, column.meaning)
        for each in sets
        for column in each.columns
    ]
    with _replacing(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([DICTIONARY_COLUMNS, *lines])
    return Exported(path, len(lines))


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file beside `path`, readable by its owner only, that takes its place when it is whole."""
    beside = path.parent / f".{path.name}.{os.getpid()}.part"
    try:
        beside.touch(mode=0o600)
        yield beside
        beside.replace(path)
    except OSError as error:
        reason = error.strerror or "the disk refuses"
        raise UsageError(f"cannot be written: {reason}", where=str(path)) from error
    finally:
        beside.unlink(missing_ok=True)
