"""The one place where a failure becomes three lines and an exit code.

An error that Raiway explains itself says what, where and what to do. Any other is a bug: its kind
and place are shown, never its message or its locals, which may hold patients' data.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import typer

from adapter.cli.output import Output
from adapter.errors import RaiwayError, UsageError

BUG = 1
BROKEN_PIPE = 128 + 13


@contextmanager
def outcome(
    command: str, output: Output, *, verbose: bool, as_json: bool = False
) -> Iterator[None]:
    """Run a command's body. Raises typer.Exit with the exit code; Ctrl-C passes (Typer: 130).

    as_json: a failure is also an object on stdout, `{"error": {...}}`.
    """
    try:
        yield
    except (typer.Exit, KeyboardInterrupt):
        raise
    except RaiwayError as error:
        explained = _explained(error, command)
        for mark, text in zip(("error", "   at", "   do"), explained, strict=True):
            output.error(f"{mark}: {text}")
        if as_json:
            _write(explained, error.exit_code, error.issue_code, output)
        _trace(error, output, verbose=verbose)
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter must not try to flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(BROKEN_PIPE) from None
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        what = f"this is a bug: {type(error).__name__}"
        where, hint = (
            f"{Path(last.filename).name}:{last.lineno}",
            "please report it with what -v adds",
        )
        output.error(f"{what} at {where} in raiway {command}; {hint}")
        if as_json:
            _write((what, where, hint), BUG, RaiwayError.issue_code, output)
        _trace(error, output, verbose=verbose)
        raise typer.Exit(BUG) from None


def _explained(error: RaiwayError, command: str) -> tuple[str, str, str]:
    """What, where and what to do."""
    return (
        error.what,
        error.where or f"raiway {command}",
        error.hint or f"see raiway {command} --help, or run raiway doctor",
    )


def _write(explained: tuple[str, str, str], exit_code: int, code: str, output: Output) -> None:
    what, where, hint = explained
    told = {"what": what, "where": where, "hint": hint, "exit_code": exit_code, "code": code}
    # Where stdout itself has failed, stderr has said so.
    with suppress(UsageError, BrokenPipeError):
        output.json({"error": told})
        output.flush()


def _trace(error: BaseException, output: Output, *, verbose: bool) -> None:
    """The frames of the error and of what caused it, without messages."""
    if not verbose:
        return
    cause: BaseException | None = error
    while cause is not None:
        output.error(f"{type(cause).__name__}, most recent call last:")
        output.error("".join(traceback.format_tb(cause.__traceback__)).rstrip())
        cause = cause.__cause__ or cause.__context__
