"""The one place where a failure becomes three lines and an exit code.

An error that Raiway explains itself says what, where and what to do. Any other is a bug: its kind
and place are shown, never its message or its locals, which may hold patients' data.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from adapter.cli.output import Output
from adapter.errors import RaiwayError

BUG = 1
BROKEN_PIPE = 128 + 13


@contextmanager
def outcome(command: str, output: Output, *, verbose: bool) -> Iterator[None]:
    """Run a command's body. Raises typer.Exit with the exit code; Ctrl-C passes (Typer: 130)."""
    try:
        yield
    except (typer.Exit, KeyboardInterrupt):
        raise
    except RaiwayError as error:
        _explain(error, command, output)
        _trace(error, output, verbose=verbose)
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter must not try to flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(BROKEN_PIPE) from None
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        output.error(
            f"this is a bug: {type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
            f" in raiway {command}; please report it with what -v adds"
        )
        _trace(error, output, verbose=verbose)
        raise typer.Exit(BUG) from None


def _explain(error: RaiwayError, command: str, output: Output) -> None:
    output.error(f"error: {error.what}")
    output.error(f"   at: {error.where or f'raiway {command}'}")
    output.error(f"   do: {error.hint or f'see raiway {command} --help, or run raiway doctor'}")


def _trace(error: BaseException, output: Output, *, verbose: bool) -> None:
    """The frames of the error and of what caused it, without messages."""
    if not verbose:
        return
    cause: BaseException | None = error
    while cause is not None:
        output.error(f"{type(cause).__name__}, most recent call last:")
        output.error("".join(traceback.format_tb(cause.__traceback__)).rstrip())
        cause = cause.__cause__ or cause.__context__
