"""How far a pull is: a bar for each resource type on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from adapter.cli.output import Output

EVERY = 15.0
"""Seconds after which a step gets another line, where no bar can be drawn."""
EXPORT = "export"
LONG_WAIT = 5.0
"""Seconds of waiting that are told."""


class Told(Protocol):
    """What a pull tells while it is under way."""

    def told(self, kind: str, done: int, total: int | None) -> None:
        """So many rows of a type, or per cent of the server's export, are done."""

    def heard(self, entry: dict[str, Any]) -> None:
        """An event of the run's log."""

    def end(self) -> None:
        """Nothing more is to come."""


@contextmanager
def shown(output: Output, site: str) -> Iterator[Told]:
    """What shows a pull's progress on stderr; nothing when quiet."""
    if output.quiet:
        yield _Nothing()
    elif output.stderr.is_terminal:
        with _bars(output, site) as told:
            yield told
    else:
        yield _Lines(output, site)


class _Nothing:
    def told(self, kind: str, done: int, total: int | None) -> None:
        """Say nothing."""

    def heard(self, entry: dict[str, Any]) -> None:
        """Say nothing."""

    def end(self) -> None:
        """Say nothing."""


def waiting(site: str, entry: dict[str, Any]) -> str:
    """What is said of an event; '' for most."""
    seconds = entry.get("seconds")
    if entry.get("event") != "waiting" or not isinstance(seconds, int | float):
        return ""
    if seconds < LONG_WAIT:
        return ""
    asked = " (the server asked for longer)" if entry.get("clamped") else ""
    return f"{site}  {entry.get('why', 'busy')}: next try in {seconds:,.0f} s{asked}"


@dataclass(slots=True)
class _Lines:
    """A line for a step now and then, and one at its end."""

    output: Output
    site: str
    done: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    said: dict[str, float] = field(default_factory=dict)

    def told(self, kind: str, done: int, total: int | None) -> None:
        self.done[kind] = done, total
        now = time.monotonic()
        if now - self.said.setdefault(kind, now) > EVERY:
            self.said[kind] = now
            self.output.note(self._line(kind))

    def heard(self, entry: dict[str, Any]) -> None:
        if text := waiting(self.site, entry):
            self.output.note(text)

    def end(self) -> None:
        for kind in self.done:
            self.output.note(self._line(kind))

    def _line(self, kind: str) -> str:
        done, total = self.done[kind]
        if kind == EXPORT:
            return f"{self.site}  export: the server says {done} %"
        return f"{kind}  {done:,}" + (f"/{total:,}" if total is not None else "")


@contextmanager
def _bars(output: Output, site: str) -> Iterator[Told]:
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(),
        TextColumn("{task.fields[count]:>20}"),
        TimeElapsedColumn(),
    )
    tasks: dict[str, TaskID] = {}

    class Bars:
        def told(self, kind: str, done: int, total: int | None) -> None:
            if kind not in tasks:
                name = f"{site}  export accepted" if kind == EXPORT else kind
                tasks[kind] = bars.add_task(name, total=total, count="")
            of_all = f"/{total:,}" if total is not None else ""
            count = f"server says {done} %" if kind == EXPORT else f"{done:,}{of_all}"
            bars.update(tasks[kind], completed=done, total=total, count=count)

        def heard(self, entry: dict[str, Any]) -> None:
            if text := waiting(site, entry):
                bars.console.print(text, soft_wrap=True)

        def end(self) -> None:
            """The bars stay as they are."""

    with Progress(*columns, console=output.stderr) as bars:
        yield Bars()
