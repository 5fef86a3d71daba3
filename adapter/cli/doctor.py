"""`raiway doctor`: is everything there that Raiway needs?"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from adapter.cli.command import Command, CommonOptions
from adapter.cli.options import StoreUrl
from adapter.cli.output import Output
from adapter.cli.tables import Table


@dataclass(frozen=True, kw_only=True)
class DoctorOptions(CommonOptions):
    """The options of `raiway doctor`."""

    store: StoreUrl = None


def run(options: DoctorOptions, output: Output) -> int:
    """Check configuration, mappings, store, disk and versions; one line each: ok, warn or FAIL.

    Exit code 2: configuration or mappings are broken; 4: the store cannot be reached.

    Example: raiway doctor --store sqlite:///raiway.db
    """
    from adapter.doctor import checks

    found = checks(options.config, options.store)
    if options.as_json:
        output.json({"checks": [asdict(check) for check in found]})
    else:
        rows = [(check.name, check.state, check.found) for check in found]
        hints = tuple(f"-> {check.name}: {check.hint}" for check in found if check.hint)
        output.tables([Table("", ("", "", ""), rows, hints)])
    return next((check.exit_code for check in found if not check.ok), 0)


COMMAND = Command("doctor", DoctorOptions, run)
