"""Reading NDJSON, for contestants that take it line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path


def lines(paths: Sequence[Path]) -> Iterator[bytes]:
    """All lines of the files."""
    for path in paths:
        with path.open("rb") as file:
            yield from file


def observation_files(paths: Sequence[Path]) -> list[Path]:
    """The files that hold Observations, by their names as Bulk Data servers give them."""
    return [path for path in paths if path.name.startswith("Observation.")]
