"""The files' first reading, which may begin before there is a store to load into.

So what reads them is forked while the process is small, and is at work while the database's drivers
are imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from adapter import splits
from adapter.inputs.origins import Origins
from adapter.mapping.resource import Mapper
from adapter.packed import PackedPart, PackingReader
from adapter.reading import Reader, site_scanner
from adapter.splits import Split
from adapter.start_up import import_arrow
from adapter.workers import Workers, default_count

FEW_BYTES = 32 << 20
"""Of less than this, one process makes more than several that must first begin."""


@dataclass(frozen=True, slots=True)
class FirstPass:
    """parts: what came of each split, in order. workers: for what is to be read again.

    With several processes the first splits are read before anybody asks.
    """

    mapper: Mapper
    workers: Workers[PackedPart]
    parts: Iterator[tuple[Split, PackedPart]]


@contextmanager
def begin(
    files: Sequence[Path],
    mapper: Mapper,
    strict: bool,
    workers: int | None,
    origins: Origins,
) -> Iterator[FirstPass]:
    """Begin to read the files, with the options of `How`. Leaving it ends the processes.

    Raises UsageError for a file that cannot be read.
    """
    # Once, before the processes are forked.
    import_arrow()
    reader = PackingReader(Reader(mapper, site_scanner(mapper), strict))
    with Workers(reader, workers or _enough(files)) as pool:
        pieces = chain.from_iterable(splits.of_file(file, origins.name(file)) for file in files)
        yield FirstPass(mapper, pool, pool.read(pieces))


def _enough(files: Sequence[Path]) -> int:
    return default_count() if sum(file.stat().st_size for file in files) > FEW_BYTES else 1
