"""`raiway init`: a commented raiway.toml to start from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adapter.cli.command import Command, CommonOptions
from adapter.cli.output import Output


@dataclass(frozen=True, kw_only=True)
class InitOptions(CommonOptions):
    """The options of `raiway init`."""


def run(options: InitOptions, output: Output) -> int:
    """Write raiway.toml with every setting explained, and keep data and secrets out of git.

    An existing file is never overwritten (exit code 2).

    Example: raiway init
    """
    from adapter import config
    from adapter.start import start

    file = options.config or config.DEFAULT_FILE
    ignored = start(file)
    ignore_file = Path(file).parent / ".gitignore"
    if options.as_json:
        output.json({"config": str(file), "gitignore": str(ignore_file), "ignored": ignored})
    output.note(f"written: {file}")
    if ignored:
        output.note(f"git ignores from now on: {' '.join(ignored)}")
    output.note("next: raiway doctor")
    return 0


COMMAND = Command("init", InitOptions, run)
