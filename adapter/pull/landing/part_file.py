"""A file of the landing folder under way: `.part`, brought to the disk, renamed, put on record.

Its blocks are written and hashed by the run's one writer thread, so that what comes next is read
and checked meanwhile. One block waits at most: memory stays bounded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from adapter.pull.landing import folder
from adapter.pull.landing.border import Withheld
from adapter.pull.landing.pulled import with_server_time
from adapter.pull.landing.state import Committed

if TYPE_CHECKING:
    from adapter.pull.landing.run_folder import Landing

PART = ".part"
BUFFER = 1 << 20


class PartFile:
    """A file under way: a context manager that leaves nothing behind unless it is committed.

    lines: those that were added.
    """

    def __init__(self, landing: Landing, resource_type: str, key: str) -> None:
        """Begin the file. Raises LandingError."""
        self._landing, self._type, self._key = landing, resource_type, key
        digest = hashlib.sha256(key.encode()).hexdigest()[:16]
        self.path = landing.path / f"{resource_type}.{digest}{PART}"
        self._file = folder.create(self.path)
        self._waiting: list[bytes] = []
        self._size = 0
        self._taken = 0
        self._digest = hashlib.sha256()
        self._bytes = 0
        self._under_way: Future[None] | None = None
        self._flushing = False
        self.lines = 0

    def __enter__(self) -> PartFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if self._under_way:
            wait([self._under_way])
        # Closing writes nothing more: the file's own buffer is not used (see `_written`).
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def put(self, resource: dict[str, Any], raw: bytes) -> None:
        """Add a resource, as the site's privacy mode lets it pass. Raises LandingError.

        raw: the resource in one line of JSON. What the privacy mode refuses is kept aside.
        """
        landing = self._landing
        line = landing.border.across(resource, raw)
        self._taken += 1
        if isinstance(line, Withheld):
            landing.withhold(self._type, line, f"{self._key}#{self._taken}", raw)
            return
        self._add(with_server_time(resource, line, landing.state.server_time), 1)

    def put_all(self, lines: bytes, count: int) -> None:
        """Add many that pass as they are: of an identified site, dated. Raises LandingError.

        lines: with breaks between them.
        """
        self._taken += count
        self._add(lines, count)

    def flush(self) -> Future[None]:
        """Begin to bring all of it to the disk, the last thing before `commit`; the result raises
        LandingError."""
        self._flushing = True
        return self._next(self._flushed, self._block())

    def commit(self) -> None:
        """Make the file whole and put it on record. Raises LandingError; it is then abandoned."""
        landing = self._landing
        if not self._flushing:
            self.flush()
        self._settled()
        name = landing.next_name(self._type) if self.lines else ""
        with folder.explained(self.path):
            self._file.close()
            if name:
                folder.settle(self.path, landing.path / name)
        digest = self._digest.hexdigest()
        landing.record(Committed(name, self._type, self._key, self.lines, self._bytes, digest))

    def _add(self, lines: bytes, count: int) -> None:
        self._waiting += (lines, b"\n")
        self._size += len(lines) + 1
        self.lines += count
        if self._size >= BUFFER:
            self._next(self._written, self._block())

    def _block(self) -> bytes:
        content = b"".join(self._waiting)
        self._waiting, self._size = [], 0
        return content

    def _next(self, work: Callable[[bytes], None], content: bytes) -> Future[None]:
        """Hand work to the writer, after what it has. Raises what that came to."""
        self._settled()
        self._under_way = self._landing.writer.submit(work, content)
        return self._under_way

    def _settled(self) -> None:
        if self._under_way:
            self._under_way.result()

    def _written(self, content: bytes) -> None:
        with folder.explained(self.path):
            self._file.write(content)
            self._file.flush()
        self._digest.update(content)
        self._bytes += len(content)

    def _flushed(self, content: bytes) -> None:
        self._written(content)
        with folder.explained(self.path):
            folder.sync(self._file)
