"""How a verb becomes a Typer command: its options are the fields of a dataclass.

Every command takes the common options as well, and runs under `outcome`, which turns what it
raises into messages and an exit code.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar, get_type_hints

import typer

from adapter.cli.outcome import outcome
from adapter.cli.output import Output

COMMON = "Common options"


@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """What every command takes."""

    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            rich_help_panel=COMMON,
            help="Settings (default: raiway.toml).",
        ),
    ] = None
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", rich_help_panel=COMMON, help="Print JSON to stdout, also of an error."
        ),
    ] = False
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", rich_help_panel=COMMON, help="Only warnings and errors."),
    ] = False
    verbose: Annotated[
        bool,
        typer.Option("-v", "--verbose", rich_help_panel=COMMON, help="Errors with their trace."),
    ] = False
    no_color: Annotated[
        bool,
        typer.Option("--no-color", rich_help_panel=COMMON, help="No colour, as with NO_COLOR."),
    ] = False


Options = TypeVar("Options", bound=CommonOptions)


@dataclass(frozen=True)
class Command(Generic[Options]):
    """A verb: its name, its options, and what it does; `run` returns the exit code."""

    name: str
    options: type[Options]
    run: Callable[[Options, Output], int]


def add(app: typer.Typer, command: Command[Options]) -> None:
    """Add the command; the docstring of its `run` is its help, the last paragraph an example."""

    def called(**given: Any) -> None:
        options = command.options(**given)
        output = Output(quiet=options.quiet, no_color=options.no_color)
        with outcome(command.name, output, verbose=options.verbose, as_json=options.as_json):
            code = command.run(options, output)
            output.flush()
            raise typer.Exit(code)

    called.__signature__ = inspect.Signature(list(_parameters(command.options)))  # type: ignore[attr-defined]  # read by inspect.signature
    text, _, example = inspect.cleandoc(command.run.__doc__ or "").rpartition("\n\n")
    app.command(command.name, help=text, epilog=example)(called)


def _parameters(options: type[CommonOptions]) -> Iterator[inspect.Parameter]:
    """The verb's own options, then the common ones."""
    hints = get_type_hints(options, include_extras=True)
    common = {field.name for field in fields(CommonOptions)}
    for field in sorted(fields(options), key=lambda field: field.name in common):
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_default(field),
            annotation=hints[field.name],
        )


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is MISSING else field.default
