"""What makes a command begin sooner. A process that is not Raiway's own, a notebook's, stays as it
is, but for the while that `rarely_collecting` lasts."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder

ALLOCATIONS = 100_000
"""New objects after which cycles are looked for; that of Python, 700, is of a resource or two."""

_own_process = False


def own_process() -> None:
    """Say that this process is a command of Raiway's."""
    global _own_process
    _own_process = True
    # The system's allocator gives back what a batch needed; Arrow's own keeps more.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # Pydantic would read the metadata of every package installed, for plugins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.set_threshold(ALLOCATIONS)


@contextmanager
def rarely_collecting() -> Iterator[None]:
    """Let Python look for cycles of references less often, in the workers forked meanwhile too:
    what is loaded or read is of many objects, and none of them in a cycle."""
    usual = gc.get_threshold()
    gc.set_threshold(ALLOCATIONS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


class _NoPandas(MetaPathFinder):
    """Says of pandas that it is not there."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


def import_arrow() -> None:
    """Import pyarrow; a command's finds no pandas when it first looks for it.

    Importing pandas takes a quarter of a second, and no command hands a frame to Arrow; what asks
    Arrow for a frame still gets one. In a notebook arrays of pandas must be known as such.
    """
    if not _own_process:
        return
    nowhere = _NoPandas()
    sys.meta_path.insert(0, nowhere)
    try:
        import pyarrow as pa

        pa.array([""])
    finally:
        sys.meta_path.remove(nowhere)
