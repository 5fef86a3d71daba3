"""`raiway network`: the secure sum between hospitals, registry and trustee on this machine."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli.command import Command, CommonOptions
from adapter.cli.extra import need_serve
from adapter.cli.output import Output
from adapter.cli.tables import Table

if TYPE_CHECKING:
    from adapter.network.run import Result


@dataclass(frozen=True, kw_only=True)
class NetworkOptions(CommonOptions):
    """The options of `raiway network`."""

    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="A folder that is empty or does not exist.")
    ] = Path("raiway-network")
    prepare: Annotated[
        bool,
        typer.Option(
            "--prepare",
            help="Only make folders, keys, settings, records, unless there are.",
        ),
    ] = False
    hospitals: Annotated[int, typer.Option("--hospitals", metavar="N", help="From 5 to 20.")] = 5


def run(options: NetworkOptions, output: Output) -> int:
    """EXPERIMENTAL. A network in a box: hospitals, a registry and a trustee as processes here.

    The synthetic cohort is split over the hospitals. Each evaluates its own, and sends one random
    share of its table to each of two servers; their sum is compared with the result of all rows in
    one store. Takes one to three minutes; docs/secure-sum.md.

    Exit code 3: the sum differs from all rows, or a step failed.

    Example: raiway network --out raiway-network
    """
    need_serve()
    from adapter import config
    from adapter.errors import GateFailed
    from adapter.network.run import prepare
    from adapter.network.run import run as network

    if options.prepare:
        made = prepare(options.out, options.hospitals)
        output.note(f"ready: {made.folder}, with keys of all in {made.directory}")
        if options.as_json:
            output.json({"folder": str(made.folder), "hospitals": list(made.hospitals)})
        return 0
    result = network(options.out, options.hospitals, config.load(options.config), output.note)
    if options.as_json:
        output.json(
            {
                "sites": list(result.sites),
                "secure_sum": asdict(result.sums),
                "plain_reports": asdict(result.files),
                "audit": result.audit["problems"],
                "report": str(result.report),
            }
        )
    else:
        output.tables([_table(result)])
    if differing := (*result.sums.differing, *result.files.differing):
        raise GateFailed(f"{len(differing)} figures differ, the first: {differing[0]}")
    output.note(f"written: {result.report}")
    return 0


def _table(result: Result) -> Table:
    sums = result.sums
    told = "all alike" if not sums.differing else f"{len(sums.differing)} differ"
    return Table(
        "Secure sum against all rows",
        ("figure", "secure sum", "all rows"),
        list(sums.rows),
        (
            f"{sums.figures} figures compared: {told}. Nobody has seen a hospital's table.",
            f"No sum of counts gives: {', '.join(sums.uncarried)}.",
        ),
    )


COMMAND = Command("network", NetworkOptions, run)
