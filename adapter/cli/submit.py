"""`raiway submit`: a site's report, signed, to the registry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from adapter.cli.command import Command, CommonOptions
from adapter.cli.output import Output


@dataclass(frozen=True, kw_only=True)
class SubmitOptions(CommonOptions):
    """The options of `raiway submit`."""

    file: Annotated[Path, typer.Argument(metavar="FILE", help="A summary MeasureReport, as JSON.")]
    to: Annotated[
        str,
        typer.Option("--to", metavar="URL", help="The registry's FHIR base (default: [registry])."),
    ] = ""
    exact: Annotated[
        bool,
        typer.Option(
            "--exact",
            help="Also a report that passed no disclosure policy: its tables are nearly those of "
            "single patients. For synthetic data, or by agreement.",
        ),
    ] = False
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show exactly what would leave; send and write nothing."),
    ] = False


def run(options: SubmitOptions, output: Output) -> int:
    """Sign a MeasureReport and send it to a registry; the receipt lies beside the report.

    The signature covers the file's exact bytes, and names the site's release before it: keep the
    record of releases (raiway-releases.json). Sending the same file again changes nothing; a
    registry that is out of reach is asked again for some minutes.

    Exit code 2: no report, key or registry; 3: the report may not leave, or the registry does not
    take it; 4: the registry is out of reach, or does not let us in.

    Example: raiway submit site-A.json --to https://registry.example/fhir --dry-run
    """
    from adapter import config
    from adapter.submit.report import outgoing
    from adapter.submit.submission import RECEIPT, Submission, base_of, beside

    settings = config.load(options.config)
    base = base_of(options.to, settings)
    report = outgoing(options.file, settings, exact=options.exact)
    submission = Submission(settings, base, report)
    if options.dry_run:
        _show(submission.shown(), options, output)
        return 0
    receipt = submission.submit()
    release = receipt["release"]
    new = "taken" if receipt["status"] == 201 else "taken; the registry had the report already"
    output.note(f"release {release['number']}, revision {release['revision']}: {new}")
    output.note(f"written: {beside(options.file, RECEIPT)}")
    if options.as_json:
        output.json(receipt)
    return 0


def _show(leaving: dict[str, Any], options: SubmitOptions, output: Output) -> None:
    """The bytes of the body to stdout, what goes with them to stderr."""
    if options.as_json:
        output.json(leaving)
        return
    output.data(leaving["body"])
    output.note(f"{leaving['method']} {leaving['url']}")
    for name, text in leaving["headers"].items():
        output.note(f"{name}: {text}")
    for name, claim in (leaving["claims"] or {}).items():
        output.note(f"signed with it: {name} = {claim}")
    again = "signed already" if leaving["again"] else "the signature is made when it is sent"
    output.note(f"SHA-256 of the body: {leaving['sha256']}; {again}")
    output.note("nothing was sent")


COMMAND = Command("submit", SubmitOptions, run)
