"""The command line: a thin skin, one module for each verb. Nothing is decided here.

Engines are imported inside the commands, so that `raiway --help` answers at once.
"""

from __future__ import annotations

import sys


def main() -> None:
    """The console script `raiway`."""
    from adapter.start_up import own_process

    own_process()
    from adapter.cli.app import application

    application(sys.argv[1:])(prog_name="raiway")
