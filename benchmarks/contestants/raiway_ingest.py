"""Raiway as a person runs it: the command line, from bytes to rows in SQLite."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contestants import Answer, Run
from benchmarks.contestants.raiway_rows import result, variant
from benchmarks.facts import SITE, ZONE, Thyroglobulin, Variant

RESULTS = """
SELECT patient_key, date_earliest, value_sent, unit_sent, comparator FROM lab_result
WHERE analyte = 'Tg'
"""
# What the console script does, also where it is not installed.
_COMMAND = "from adapter.cli import main; main()"
VARIANTS = "SELECT patient_key, gene, p_hgvs, vaf_fraction FROM variant_result"


def prepare() -> Run:
    """Nothing: the start of the command line is part of what is measured."""
    return _run


def _run(paths: Sequence[Path]) -> Answer:
    folder = TemporaryDirectory(prefix="raiway-benchmark-")
    ingest(paths, Path(folder.name) / "raiway.db")
    return Answer(_stored(folder), hashed_patients=True)


def ingest(paths: Sequence[Path], store: Path) -> None:
    """`raiway ingest` into a new SQLite store. Raises RuntimeError for any exit code but 0."""
    command = [sys.executable, "-c", _COMMAND, "ingest", *map(str, paths)]
    where = ["--site", SITE, "--store", f"sqlite:///{store}", "--timezone", ZONE, "--json"]
    ended = subprocess.run(
        [*command, *where], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    if ended.returncode:
        said = " / ".join(ended.stderr.splitlines()[-3:])
        raise RuntimeError(f"raiway ingest ended with {ended.returncode}: {said}")


def _stored(folder: TemporaryDirectory[str]) -> Iterator[Thyroglobulin | Variant]:
    """The store's rows, read when they are asked for: that is no part of the ingest."""
    with folder, closing(sqlite3.connect(Path(folder.name) / "raiway.db")) as connection:
        yield from (result(*row) for row in connection.execute(RESULTS))
        yield from (variant(*row) for row in connection.execute(VARIANTS))
