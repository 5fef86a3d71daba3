"""Raiway's scan and map as one function, for the benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

from adapter import definitions, splits
from adapter.ingest import site_scanner
from adapter.mapping.resource import Mapper
from adapter.reading import Outcome, Reader
from adapter.workers import Workers, default_count
from benchmarks.facts import SITE, ZONE


def scan_and_map(paths: Sequence[Path], processes: int | None = None) -> Iterator[Outcome]:
    """What the files' relevant resources state, in the files' order; by one process a core.

    Lines that only a store asks for later (visits, newer versions) are left aside.
    """
    mapper = Mapper(definitions.load(), SITE, ZoneInfo(ZONE))
    reader = Reader(mapper, site_scanner(mapper))
    with Workers(reader, processes or default_count()) as workers:
        pieces = chain.from_iterable(splits.of_file(path) for path in paths)
        for _, part in workers.read(pieces):
            yield from part.outcomes
