"""How far an ingest is: a bar for each file and one for all on a terminal, lines elsewhere.

Bundles often come as one file for each patient, named by the patient's id: they are counted
together, under no name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from adapter.cli.output import Output

Shown = Callable[[str, int, int], None]
EVERY = 15.0
"""Seconds after which a long file gets another line, where no bar can be drawn."""


@contextmanager
def progress(output: Output, total: int = 0) -> Iterator[Shown]:
    """A function that takes a file's name, how many of its resources were just read, and bytes.

    total: the bytes that will be read; without them no remaining time is told.
    """
    if output.quiet:
        yield lambda name, n, size: None
    else:
        with (_bars if output.stderr.is_terminal else _lines)(output, total) as shown:
            yield lambda name, n, size: shown(_label(name), n, size)


def _label(name: str) -> str:
    from adapter.sources import NDJSON

    return name if name.removesuffix(".gz").endswith(NDJSON) else "JSON documents"


@contextmanager
def _bars(output: Output, total: int) -> Iterator[Shown]:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        SpinnerColumn,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    counted = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.fields[resources]:,}"),
        TimeElapsedColumn(),
    )
    of_bytes = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    tasks: dict[str, TaskID] = {}
    read: dict[str, int] = {}
    with Progress(*counted, *(of_bytes if total else ()), console=output.stderr) as bars:
        whole = bars.add_task("all files", total=total or None, resources=0)

        def shown(label: str, n: int, size: int) -> None:
            if label not in tasks:
                for done in tasks.values():
                    bars.stop_task(done)
                tasks[label] = bars.add_task(label, total=None, resources=0)
            read[label] = read.get(label, 0) + n
            bars.update(tasks[label], advance=size, resources=read[label])
            bars.update(whole, advance=size, resources=sum(read.values()))

        yield shown


@contextmanager
def _lines(output: Output, total: int) -> Iterator[Shown]:
    lines = _Lines(output, total)
    yield lines.shown
    lines.said()


@dataclass(slots=True)
class _Lines:
    """A line for each file, and one now and then for a long one."""

    output: Output
    total: int
    label: str = ""
    read: int = 0
    bytes_read: int = 0
    began: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)

    def shown(self, label: str, n: int, size: int) -> None:
        if self.label not in ("", label):
            self.said()
            self.read = 0
        self.label = label
        self.read += n
        self.bytes_read += size
        if time.monotonic() - self.told > EVERY:
            self.said(self._remaining())

    def said(self, more: str = "") -> None:
        if self.label:
            self.output.note(f"{self.label}  {self.read:,}{more}")
        self.told = time.monotonic()

    def _remaining(self) -> str:
        seconds = time.monotonic() - self.began
        rate = self.bytes_read / seconds
        if not (self.total and rate):
            return ""
        left = max(self.total - self.bytes_read, 0) / rate
        return f" so far, {rate / 1e6:,.0f} MB/s, {left / 60:,.0f} min {left % 60:.0f} s left"
