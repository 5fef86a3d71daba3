"""What a file that is read is called, and how a later ingest knows it again.

A file of a folder is its own origin. One that was unpacked or fetched lies in a temporary folder
under a number; its origin is the archive's member or the address (see `adapter.inputs.opened`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

State = tuple[str, str]
"""Size, and time or ETag, of a file or object; both empty where it is gone or cannot be told."""
GONE: State = ("", "")


class Origins:
    """Files that are read where they lie: each is known by its own path."""

    def name(self, file: Path) -> str:
        """What errors and places call the file."""
        return file.name

    def key(self, file: Path) -> str:
        """By what a later ingest knows the file: its absolute path."""
        return str(file.resolve())

    def state(self, file: Path) -> State:
        """What tells whether the file is still the same."""
        return state_of(file)

    def named(self, files: Sequence[Path]) -> str:
        """What the record of a run says was read; whole paths, to be found from anywhere."""
        return ", ".join(str(file.absolute()) for file in files)

    def recalled(self, key: str, state: State) -> Path | None:
        """Where a file that an earlier ingest read can be read again, once it is `provided`.

        None where it is gone or no longer the same.
        """
        file = Path(key)
        return file if state != GONE and state_of(file) == state else None

    def provide(self, files: Iterable[Path]) -> frozenset[Path]:
        """Make sure that recalled files can be opened; gives those that cannot, after all."""
        return frozenset()


PLAIN = Origins()


def state_of(path: Path) -> State:
    """Size and time of a file."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return GONE
    return str(found.st_size), str(found.st_mtime_ns)
