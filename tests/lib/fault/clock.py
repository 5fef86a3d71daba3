"""A clock that does not wait."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class FakeClock:
    """Starts at the real time, or `skew` seconds off it; moves only when someone sleeps.

    Attributes:
        slept: the waits, in seconds and in order.
    """

    def __init__(self, skew: float = 0.0) -> None:
        self._start = datetime.now(UTC) + timedelta(seconds=skew)
        self._passed = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._passed += seconds
        await asyncio.sleep(0)
