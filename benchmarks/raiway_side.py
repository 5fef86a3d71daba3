"""Raiway's scan and map as one function, for the benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

from adapter import definitions, splits
from adapter.mapping.resource import Mapper
from adapter.packed import Packed, PackingReader
from adapter.reading import Reader, site_scanner
from adapter.start_up import import_arrow, own_process
from adapter.workers import Workers, default_count
from benchmarks.facts import SITE, ZONE


def scan_and_map(paths: Sequence[Path], processes: int | None = None) -> Iterator[Packed]:
    """What the files' relevant resources state, in the files' order; by one process a core.

    As `raiway ingest` does it, up to the rows that it would store. Lines that only a store asks for
    later (visits, newer versions) are left aside.
    """
    own_process()
    import_arrow()
    mapper = Mapper(definitions.load(), SITE, ZoneInfo(ZONE))
    reader = PackingReader(Reader(mapper, site_scanner(mapper)))
    with Workers(reader, processes or default_count()) as workers:
        pieces = chain.from_iterable(splits.of_file(path) for path in paths)
        for _, part in workers.read(pieces):
            yield part.packed
