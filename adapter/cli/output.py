"""Where a command's words go: data to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from adapter.cli.tables import Table, drawn, plain
from adapter.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console


class Output:
    """stdout holds data only; `quiet` silences what is neither warning nor error."""

    def __init__(self, *, quiet: bool = False, no_color: bool = False) -> None:
        self.quiet = quiet
        self._no_color = no_color

    @cached_property
    def _stdout(self) -> Console:
        return self._console(stderr=False)

    @cached_property
    def stderr(self) -> Console:
        """The console of all that is no data."""
        return self._console(stderr=True)

    def _console(self, *, stderr: bool) -> Console:
        from rich.console import Console

        # None leaves the decision to NO_COLOR and the terminal.
        colour = True if self._no_color else None
        return Console(stderr=stderr, no_color=colour, highlight=False, markup=False, emoji=False)

    def data(self, text: str) -> None:
        """Text to stdout as it is, in UTF-8. Raises UsageError where stdout takes no more."""
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(error) from error

    def json(self, value: Any) -> None:
        """A JSON document to stdout."""
        self.data(as_json(value))

    def tables(self, tables: Sequence[Table]) -> None:
        """Tables to stdout: drawn on a terminal, aligned plain text elsewhere."""
        if self._stdout.is_terminal:
            for table in tables:
                self._stdout.print(drawn(table))
        else:
            self.data("\n".join(plain(table) for table in tables))

    def note(self, text: str) -> None:
        """A message, unless quiet."""
        if not self.quiet:
            self.error(text)

    def note_table(self, table: Table) -> None:
        """A table among the messages, unless quiet."""
        if not self.quiet:
            if self.stderr.is_terminal:
                self.stderr.print(drawn(table))
            else:
                self.stderr.print(plain(table), soft_wrap=True, end="")

    def warn(self, text: str) -> None:
        """A warning, also when quiet."""
        self.error(f"warning: {text}")

    def error(self, text: str) -> None:
        """A line to stderr, never wrapped or cut."""
        self.stderr.print(text, soft_wrap=True)

    def flush(self) -> None:
        """Hand on what is buffered, while a failure can still be told."""
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(error) from error


def as_json(value: Any) -> str:
    """The document as it is written, to stdout or to a file."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _unwritable(error: OSError) -> UsageError:
    return UsageError(
        f"stdout cannot be written: {error.strerror}", hint="write to a file: --out FILE"
    )
