"""What a command is given to read: opened, with how far that is told, and what it left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapter.cli.output import Output
from adapter.cli.progress import EVERY
from adapter.cli.tables import counted

if TYPE_CHECKING:
    from adapter.inputs.opened import Inputs

PATHS_HELP = (
    "NDJSON, JSON resources, Bundles (each also .gz or .zst), zip and tar archives, folders of "
    "these, addresses (s3://, gs://, abfs://, https://), or - for standard input."
)


@contextmanager
def given(arguments: Sequence[str], output: Output) -> Iterator[Inputs]:
    """The arguments opened; what is temporary of them is removed at the end.

    Raises what `adapter.inputs.opened` raises.
    """
    from adapter.inputs.opened import opened

    with ExitStack() as stack:
        with _told(output) as told:
            inputs = stack.enter_context(opened(arguments, told))
        if inputs.passed_over:
            output.note(f"{counted(inputs.passed_over, 'file')} of other kinds not read")
        yield inputs


@contextmanager
def _told(output: Output) -> Iterator[Callable[[str, int], None]]:
    if output.quiet:
        yield lambda name, size: None
    elif output.stderr.is_terminal:
        yield from _bar(output)
    else:
        lines = _Lines(output)
        yield lines.told


def _bar(output: Output) -> Iterator[Callable[[str, int], None]]:
    from rich.progress import (
        DownloadColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TransferSpeedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=output.stderr, transient=True) as bar:
        task = bar.add_task("unpacking", total=None, visible=False)
        yield lambda name, size: bar.update(task, advance=size, visible=True)


@dataclass(slots=True)
class _Lines:
    """A line now and then, where no bar can be drawn."""

    output: Output
    size: int = 0
    last: float = field(default_factory=time.monotonic)

    def told(self, _: str, size: int) -> None:
        self.size += size
        if time.monotonic() - self.last > EVERY:
            self.output.note(f"unpacking: {self.size / 1e6:,.0f} MB so far")
            self.last = time.monotonic()
