"""What an estimator raises when the data hold no answer."""

from __future__ import annotations


class NotEstimable(ValueError):
    """The estimate does not exist for these data; `reason` says why, without patient data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
