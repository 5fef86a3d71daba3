"""Results that were asked for before, and those that somebody is computing right now."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from adapter.api.evaluating.progress import Cancelled

MEGABYTES = 64
_Result = TypeVar("_Result")


class ResultCache(Generic[_Result]):
    """Results by key, the least recently asked for dropped first; each computed once at a time.

    limit: of all sizes together; size: of one result. Threads may share it.
    """

    def __init__(self, limit: int, size: Callable[[_Result], int] = lambda _: 1) -> None:
        self._limit, self._size_of = limit, size
        self._held: OrderedDict[Hashable, _Result] = OrderedDict()
        self._size = 0
        self._pending: dict[Hashable, Future[_Result]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, compute: Callable[[], tuple[_Result, bool]]) -> _Result:
        """The result of the key.

        compute: gives it, and whether it may be kept. Where another thread is computing it, that
        result is waited for, and its failure is shared; but where it was called off, this
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
        self, key: Hashable, mine: Future[_Result], compute: Callable[[], tuple[_Result, bool]]
    ) -> _Result:
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

    def _keep(self, key: Hashable, found: _Result) -> None:
        if self._size_of(found) > self._limit:
            return
        self._held[key] = found
        self._size += self._size_of(found)
        while self._size > self._limit:
            _, dropped = self._held.popitem(last=False)
            self._size -= self._size_of(dropped)
