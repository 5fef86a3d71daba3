"""Small objects of a store, fetched several at once: one by one, most of the time is waiting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem  # type: ignore[import-untyped]  # it has no stubs

SMALL = 1 << 20
AT_ONCE = 32


class Ahead:
    """The contents of small objects, each asked for once and in the order of `sizes`.

    sizes: path -> bytes, of all objects that will be asked for. At most SMALL * AT_ONCE bytes are
    held.
    """

    def __init__(self, system: AbstractFileSystem, sizes: Mapping[str, int]) -> None:
        self._system = system
        self._waiting = [path for path, size in sizes.items() if size <= SMALL]
        self._waiting.reverse()
        self._fetched: dict[str, bytes | Exception] = {}

    def content(self, path: str) -> bytes | None:
        """The content; None where the object is not small, or its turn has passed.

        Raises what the store raised for it.
        """
        if path not in self._fetched and path in self._waiting[-AT_ONCE:]:
            batch = [self._waiting.pop() for _ in range(min(AT_ONCE, len(self._waiting)))]
            self._fetched = self._system.cat(batch, recursive=False, on_error="return")
        found = self._fetched.pop(path, None)
        if isinstance(found, Exception):
            raise found
        return found
