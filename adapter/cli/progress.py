"""How far an ingest is: a bar for each file on a terminal, a line for each file elsewhere.

Bundles often come as one file for each patient, named by the patient's id: they are counted
together, under no name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from adapter.cli.output import Output
from adapter.sources import NDJSON

Shown = Callable[[str, int], None]


@contextmanager
def progress(output: Output) -> Iterator[Shown]:
    """A function that takes a file's name and how many of its resources were just read."""
    if output.quiet:
        yield lambda name, n: None
    else:
        with (_bars if output.stderr.is_terminal else _lines)(output) as shown:
            yield lambda name, n: shown(_label(name), n)


def _label(name: str) -> str:
    return name if name.removesuffix(".gz").endswith(NDJSON) else "JSON documents"


@contextmanager
def _bars(output: Output) -> Iterator[Shown]:
    from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,}"),
        TimeElapsedColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=output.stderr) as bars:

        def shown(label: str, n: int) -> None:
            if label not in tasks:
                for done in tasks.values():
                    bars.stop_task(done)
                tasks[label] = bars.add_task(label, total=None)
            bars.advance(tasks[label], n)

        yield shown


@contextmanager
def _lines(output: Output) -> Iterator[Shown]:
    read: dict[str, int] = {}

    def shown(label: str, n: int) -> None:
        if read and label not in read:
            said()
        read[label] = read.get(label, 0) + n

    def said() -> None:
        for label, n in read.items():
            output.note(f"{label}  {n:,}")
        read.clear()

    yield shown
    said()
