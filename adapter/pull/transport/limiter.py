"""How many requests run at once: fewer after each 429, slowly more again (B10)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_GOOD_IN_A_ROW = 100


class Limiter:
    """Slots for requests; `limit` halves when the server is too busy and grows by one after a
    hundred good answers."""

    def __init__(self, most: int) -> None:
        self.limit = most
        self._most = most
        self._busy = 0
        self._good = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it."""
        while self._busy >= self.limit:
            await self._turn()
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            self._wake()

    def slower(self) -> None:
        """The server answered 429: half as many at once, one at least."""
        self.limit = max(1, self.limit // 2)
        self._good = 0

    def went_well(self) -> None:
        """The server answered."""
        self._good += 1
        if self._good >= _GOOD_IN_A_ROW and self.limit < self._most:
            self._good = 0
            self.limit += 1
            self._wake()

    async def _turn(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            # Its turn, if it had come, is the next one's.
            if waiter.done() and not waiter.cancelled():
                self._wake()
            raise

    def _wake(self) -> None:
        while self._waiting and self._busy < self.limit:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
