"""What of `raiway ingest` is start-up: one resource, the first line of the first file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contestants import Answer, Run
from benchmarks.contestants.raiway_ingest import ingest


def prepare() -> Run:
    """Nothing to prepare."""
    return _run


def _run(paths: Sequence[Path]) -> Answer:
    with TemporaryDirectory(prefix="raiway-benchmark-") as folder, paths[0].open("rb") as file:
        one = Path(folder) / "one.ndjson"
        one.write_bytes(file.readline())
        ingest([one], Path(folder) / "raiway.db")
    return Answer(None)
