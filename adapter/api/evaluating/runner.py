"""The threads of one process that evaluate in the background, and its heartbeat."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from adapter.api.evaluating.jobs import Ended, Jobs
from adapter.api.evaluating.progress import Cancelled, Progress
from adapter.api.fhir.failures import FhirFailure, failure_of
from adapter.errors import RaiwayError

BEAT_SECONDS = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """work: gives the end of a job that succeeded. failed: hears once that there is none."""

    work: Callable[[Progress], Ended]
    failed: Callable[[], None] = lambda: None


class Runner:
    """Runs at most `at_once` jobs, each for at most `deadline` seconds."""

    def __init__(
        self, jobs: Jobs, at_once: int, deadline: float, beat: float = BEAT_SECONDS
    ) -> None:
        self.worker = uuid.uuid4().hex
        self._jobs = jobs
        self._deadline = deadline
        self._beat = beat
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="evaluation")
        self._running: dict[str, Progress] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._heart: threading.Thread | None = None

    def start(self, key: str, task: Task) -> None:
        """Do the task of a job that waits, as soon as a thread is free."""
        progress = Progress()
        with self._lock:
            self._running[key] = progress
            if self._heart is None:
                self._heart = threading.Thread(target=self._beating, daemon=True)
                self._heart.start()
        self._threads.submit(self._run, key, task, progress)

    def call_off(self, key: str) -> None:
        """End a job of this process before its next patient; another's hears by its heartbeat."""
        with self._lock:
            progress = self._running.get(key)
        if progress is not None:
            progress.call_off()

    def stop(self) -> None:
        """End all jobs before their next patient, and wait for that."""
        self._stopped.set()
        with self._lock:
            for progress in self._running.values():
                progress.call_off()
        self._threads.shutdown()
        if self._heart is not None:
            self._heart.join()

    def _run(self, key: str, task: Task, progress: Progress) -> None:
        try:
            if not self._jobs.begin(key):
                task.failed()
                return
            progress.limit(time.monotonic() + self._deadline)
            if not self._jobs.end(key, task.work(progress)):
                task.failed()
        except Exception as error:
            self._fail(key, error)
            task.failed()
        finally:
            with self._lock:
                del self._running[key]

    def _fail(self, key: str, error: Exception) -> None:
        if isinstance(error, RaiwayError):
            error = failure_of(error)
        if isinstance(error, Cancelled):
            ended = Ended(503, issue="incomplete", diagnostics="the server stopped; ask again")
        elif isinstance(error, FhirFailure):
            ended = Ended(error.status, issue=error.code, diagnostics=error.text)
        else:
            _log.error("job %s failed: %s", key, type(error).__name__, exc_info=error)
            text = "the server failed; its log has the reason"
            ended = Ended(500, issue="exception", diagnostics=text)
        self._jobs.end(key, ended)

    def _beating(self) -> None:
        while not self._stopped.wait(self._beat):
            with self._lock:
                running = dict(self._running)
            if not running:
                continue
            try:
                percents = {key: progress.percent for key, progress in running.items()}
                still = self._jobs.beat(self.worker, percents)
            except SQLAlchemyError as error:
                _log.warning("no heartbeat: %s", type(error).__name__)
                continue
            for key, progress in running.items():
                if key not in still:
                    progress.call_off()
