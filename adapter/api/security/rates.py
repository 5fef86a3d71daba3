"""How often a client, an address or a name may ask; counted in each worker's own memory."""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from adapter.server_settings import ServerLimits

REQUEST, TOKEN, LOGIN, NAME = "request", "token", "login", "name"
_ADDRESSES_PER_NAME = 10


class Rates:
    """Moving windows of one minute."""

    def __init__(self, limits: ServerLimits) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._items = {
            REQUEST: RateLimitItemPerMinute(limits.requests_per_minute),
            TOKEN: RateLimitItemPerMinute(limits.tokens_per_minute),
            LOGIN: RateLimitItemPerMinute(limits.logins_per_minute),
            # A name is not locked for its owner by one who guesses from elsewhere; many are.
            NAME: RateLimitItemPerMinute(limits.logins_per_minute * _ADDRESSES_PER_NAME),
        }

    def wait(self, kind: str, *key: str) -> int:
        """Count one; seconds to wait where that is one too many, else 0."""
        item = self._items[kind]
        if self._limiter.hit(item, kind, *key):
            return 0
        reset = self._limiter.get_window_stats(item, kind, *key).reset_time
        return max(1, math.ceil(reset - time.time()))

    def forget(self, kind: str, *key: str) -> None:
        """Start the count anew, as after a password that was right."""
        self._limiter.clear(self._items[kind], kind, *key)
