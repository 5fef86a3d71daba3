"""Results that were asked for before, and those that somebody is computing right now."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

from adapter.api.evaluating.progress import Cancelled

MEGABYTES = 64


class ResultCache:
    """Bytes by key, the least recently asked for dropped first; each computed once at a time.

    Threads may share it.
    """

    def __init__(self, limit: int = MEGABYTES << 20) -> None:
        self._limit = limit
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._pending: dict[str, Future[bytes]] = {}
        self._lock = threading.Lock()

    def get(self, key: str, compute: Callable[[], tuple[bytes, bool]]) -> bytes:
        """The bytes of the key.

        compute: gives them, and whether they may be kept. Where another thread is computing them,
        its result is waited for, and its failure is shared; but where it was called off, this
        thread goes on with its own.
        """
        while True:
            with self._lock:
                if key in self._held:
                    self._held.move_to_end(key)
                    return self._held[key]
                pending = self._pending.get(key)
                mine = self._pending.setdefault(key, Future()) if pending is None else None
            if mine is not None:
                return self._computed(key, mine, compute)
            if pending is not None:
                try:
                    return pending.result()
                except Cancelled:
                    continue

    def _computed(
        self, key: str, mine: Future[bytes], compute: Callable[[], tuple[bytes, bool]]
    ) -> bytes:
        try:
            found, lasting = compute()
        except BaseException as error:
            with self._lock:
                del self._pending[key]
            mine.set_exception(error)
            raise
        with self._lock:
            if lasting:
                self._keep(key, found)
            del self._pending[key]
        mine.set_result(found)
        return found

    def _keep(self, key: str, found: bytes) -> None:
        if len(found) > self._limit:
            return
        self._held[key] = found
        self._size += len(found)
        while self._size > self._limit:
            _, dropped = self._held.popitem(last=False)
            self._size -= len(dropped)
