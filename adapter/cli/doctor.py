"""`raiway doctor`: is everything there that Raiway needs?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from adapter.cli.command import Command, CommonOptions
from adapter.cli.options import StoreUrl
from adapter.cli.output import Output
from adapter.cli.tables import Table


@dataclass(frozen=True, kw_only=True)
class DoctorOptions(CommonOptions):
    """The options of `raiway doctor`."""

    store: StoreUrl = None
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the sites' servers.")] = (
        False
    )


def run(options: DoctorOptions, output: Output) -> int:
    """Check configuration, mappings, store, disk, servers and versions, a line each: ok, warn or
    FAIL. Of each site's server: its metadata, whether it gives us a token, what $export it offers;
    and whether settings, keys and landing folder would let a pull begin.

    Exit code 2: configuration or mappings are broken; 4: the store or a server is out of reach.

    Example: raiway doctor --store sqlite:///raiway.db
    """
    from adapter.doctor import checks

    found = checks(options.config, options.store, offline=options.offline)
    if options.as_json:
        output.json({"checks": [asdict(check) for check in found]})
    else:
        rows = [(check.name, check.state, check.found) for check in found]
        hints = tuple(f"-> {check.name}: {check.hint}" for check in found if check.hint)
        output.tables([Table("", ("", "", ""), rows, hints)])
    return next((check.exit_code for check in found if not check.ok), 0)


COMMAND = Command("doctor", DoctorOptions, run)
