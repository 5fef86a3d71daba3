"""Splits read in this process or in several: what comes of them in the same order.

The workers are forked, so that they have the mapper as it is; where a system cannot fork, all is
done in one process.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from adapter import splits
from adapter.aside import Places
from adapter.errors import RaiwayError
from adapter.splits import Split

AHEAD = 2
"""Splits for each worker that are under way or wait to be loaded."""

Task = tuple[Split, Places | None]
"""A split, and which of its resources are to be read again; None: read it for the first time."""


Result = TypeVar("Result")
Read = TypeVar("Read", covariant=True)


class Reads(Protocol[Read]):
    """What reads splits, as `Reader` does."""

    def read(self, split: Split, /) -> Read:
        """What came of a split."""

    def read_again(self, split: Split, wanted: Places, /) -> Read:
        """What comes of the resources at these places."""


class Workers(Generic[Result]):
    """Reads splits in `count` processes; in this one for 1, or where none can be forked.

    A context manager: leaving it ends the processes.
    """

    def __init__(self, reader: Reads[Result], count: int) -> None:
        self._reader = reader
        self._pool: ProcessPoolExecutor | None = None
        if count > 1 and "fork" in multiprocessing.get_all_start_methods():
            self._pool = ProcessPoolExecutor(
                count,
                mp_context=multiprocessing.get_context("fork"),
                initializer=_begin,
                initargs=(reader,),
            )
            # They are forked now: later a thread that inflates a file might hold a lock.
            self._pool.submit(os.getpid)
        self._ahead = AHEAD * count

    def __enter__(self) -> Workers[Result]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if self._pool:
            self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def read(self, wanted: Iterable[Split]) -> Iterator[tuple[Split, Result]]:
        """Each split, without its bytes, with what came of it, in the order of the splits.

        Raises what `Reader.read` raises, and RaiwayError where a process dies.
        """
        return self._done((split, None) for split in wanted)

    def read_again(self, wanted: Iterable[tuple[Split, Places]]) -> Iterator[tuple[Split, Result]]:
        """As `read`, but of each split only what stands at the places, which was left aside."""
        return self._done(wanted)

    def _done(self, tasks: Iterable[Task]) -> Iterator[tuple[Split, Result]]:
        if self._pool is None:
            return ((splits.light(task[0]), _done_by(self._reader, task)) for task in tasks)
        todo, under_way = iter(tasks), _UnderWay[Result]()
        # The processes begin before the first result is asked for.
        self._submit(self._pool, todo, under_way)
        return self._results(self._pool, todo, under_way)

    def _submit(
        self, pool: ProcessPoolExecutor, todo: Iterator[Task], under_way: _UnderWay[Result]
    ) -> None:
        for task in islice(todo, self._ahead - len(under_way)):
            with _alive():
                under_way.append((splits.light(task[0]), pool.submit(_work, task)))

    def _results(
        self, pool: ProcessPoolExecutor, todo: Iterator[Task], under_way: _UnderWay[Result]
    ) -> Iterator[tuple[Split, Result]]:
        while under_way:
            split, future = under_way.popleft()
            with _alive():
                result = future.result()
            yield split, result
            self._submit(pool, todo, under_way)


class _UnderWay(deque[tuple[Split, "Future[Result]"]], Generic[Result]):
    """The splits that are read or wait to be."""


@contextmanager
def _alive() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise RaiwayError(
            "a process that read the files has died",
            hint="too little memory? --workers 1 needs the least; ingest again to go on",
        ) from error


def default_count() -> int:
    """As many processes as this one may use cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def _done_by(reader: Reads[Result], task: Task) -> Result:
    split, again = task
    return reader.read(split) if again is None else reader.read_again(split, again)


_reader: Reads[Any] | None = None
"""What a worker reads with; each process has its own."""


def _begin(reader: Reads[Any]) -> None:
    global _reader
    _reader = reader
    # An interrupt reaches all processes of a terminal; the first one says what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _work(task: Task) -> Any:
    if _reader is None:
        raise RuntimeError("a worker that was not begun")
    return _done_by(_reader, task)
