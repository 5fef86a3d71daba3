"""`raiway demo`: the whole line on the synthetic cohort."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli.command import Command, CommonOptions
from adapter.cli.output import Output

if TYPE_CHECKING:
    from adapter.demo import Demo

SYNTHETIC = "SYNTHETIC DATA: no patient stands behind any number."


@dataclass(frozen=True, kw_only=True)
class DemoOptions(CommonOptions):
    """The options of `raiway demo`."""

    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write into.")] = (
        Path("raiway-demo")
    )


def run(options: DemoOptions, output: Output) -> int:
    """Run the whole line on the shipped synthetic cohort: store, MeasureReport, figures, HTML page.

    Example: raiway demo --out raiway-demo
    """
    from adapter import config
    from adapter.abstract import abstract, headline
    from adapter.cli.ingest import name_quarantined
    from adapter.demo import run as run_demo
    from adapter.html_report import lacking

    output.note("loading the synthetic hospital ...")
    absent = lacking()
    found = run_demo(options.out, config.load(options.config), page=not absent)
    if found.summary.partial:
        name_quarantined(found.summary, output)
    if options.as_json:
        output.json(_document(found))
    else:
        output.data(f"{SYNTHETIC}\n\n")
        output.tables(abstract(found.evaluation))
        output.data(f"\n{headline(found.evaluation)}\n{SYNTHETIC}\n")
    if absent:
        output.note(f"no HTML page: {', '.join(absent)} not installed (extra raiway[report])")
    _say_next(found, output)
    return 0


def _document(found: Demo) -> dict[str, object]:
    return {
        "synthetic": True,
        "files": {name: str(path) for name, path in found.files.items()},
        "ingest": found.summary.counts(),
        **found.evaluation.document(),
    }


def _say_next(found: Demo, output: Output) -> None:
    output.note("")
    for name, path in found.files.items():
        output.note(f"{name:<8}{path}")
    output.note(f"took    {found.seconds:.1f} s")
    raiway, store = _command(), found.store_url
    output.note(f"next: {raiway} cohort --store {store}")
    output.note(f"      {raiway} evaluate --store {store} --set tg_profile=rcv --format table")
    output.note(f"      {raiway} init")
    output.note(f"      {raiway} ingest PATH --site ID --timezone TZ   # with data of your own")


def _command() -> str:
    """What to type for `raiway` here: the name where the PATH has it, else its path."""
    if shutil.which("raiway"):
        return "raiway"
    program = Path(sys.argv[0])
    beside = program.is_relative_to(Path.cwd())
    return str(program.relative_to(Path.cwd()) if beside else program)


COMMAND = Command("demo", DemoOptions, run)
