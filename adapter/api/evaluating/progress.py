"""How far an evaluation is, and whether it is to go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from adapter.api.fhir.failures import FhirFailure

STEP = 10


class Cancelled(Exception):
    """The work was called off by who asked for it."""


class Progress:
    """Told of every patient, from any thread."""

    def __init__(self) -> None:
        self._deadline: float | None = None
        self._called_off = threading.Event()
        self._total = 0
        self._done = 0

    def expect(self, patients: int) -> None:
        """About so many are to be told of in all."""
        self._total = patients

    def limit(self, deadline: float) -> None:
        """End the work at this instant of `time.monotonic`."""
        self._deadline = deadline

    def call_off(self) -> None:
        """End the work before its next patient."""
        self._called_off.set()

    def told(self, done: int) -> None:
        """So many are done. Raises Cancelled when called off, FhirFailure 503 when too late."""
        if self._called_off.is_set():
            raise Cancelled
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise FhirFailure(503, "timeout", "the evaluation took longer than a job may")
        self._done = max(self._done, done)

    def after(self, done: int) -> Callable[[int], None]:
        """`told` for what comes after the first so many."""
        return lambda more: self.told(done + more)

    @property
    def percent(self) -> int:
        """In steps so wide that they do not tell how many patients there are; 100 never."""
        if not self._total:
            return 0
        return min(100 - STEP, 100 * self._done // self._total // STEP * STEP)
