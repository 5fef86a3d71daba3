"""The Typer application with all its verbs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer

from adapter.cli.command import add

EPILOG = (
    "Exit codes: 0 ok, 1 bug, 2 usage or configuration, 3 a gate failed, 4 unreachable, "
    "5 partial (something was quarantined).\n\nTry: raiway demo"
)

VERBS = (
    "demo",
    "init",
    "keys",
    "doctor",
    "pull",
    "deidentify",
    "ingest",
    "coverage",
    "cohort",
    "check",
    "evaluate",
    "report",
    "sensitivity",
    "table-one",
    "export",
    "submit",
    "pool",
    "secure-sum",
    "network",
    "serve",
    "users",
)
"""Each is a module here, in the order of the help."""


def application(arguments: Sequence[str] = ()) -> typer.Typer:
    """The application; where the first of the arguments is a verb, with that alone.

    The options of all others need not be read then, and what they import.
    """
    app = typer.Typer(
        name="raiway",
        help="FHIR resources in, MeasureReports out: outcomes of redifferentiation therapy.",
        epilog=EPILOG,
        no_args_is_help=True,
        rich_markup_mode="rich",
        # Locals hold patients' data; `adapter.cli.outcome` says what a failure shows instead.
        pretty_exceptions_enable=False,
        pretty_exceptions_show_locals=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for verb in arguments[:1] if arguments and arguments[0] in VERBS else VERBS:
        add(app, import_module(f"adapter.cli.{verb.replace('-', '_')}").COMMAND)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"raiway {version('raiway')}\n")
        raise typer.Exit


def _root(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """FHIR resources in, MeasureReports out: outcomes of redifferentiation therapy."""
