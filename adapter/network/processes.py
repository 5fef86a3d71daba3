"""The members of the network as processes: two that serve, and one for each step of a hospital."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from adapter.errors import GateFailed, Unreachable

RAIWAY = (sys.executable, "-c", "from adapter.cli import main; main()")
STOP_SECONDS = 60
STEP_SECONDS = 600
AT_ONCE = 2


def step(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run `raiway` in a member's folder, and what it prints as JSON, {} for nothing.

    Raises GateFailed with its last line where it fails.
    """
    done = subprocess.run(  # noqa: S603  # our own program, with arguments of our own
        [*RAIWAY, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=STEP_SECONDS,
        check=False,
    )
    if done.returncode:
        said = " ".join(done.stderr.split()[-60:])
        raise GateFailed(f"raiway {arguments[0]} failed: {said}", where=folder.name)
    return dict(json.loads(done.stdout)) if done.stdout.startswith("{") else {}


def each(folders: list[Path], *steps: tuple[str, ...]) -> None:
    """Run the steps of every member, one after the other, two members at once."""

    def run(folder: Path) -> None:
        for arguments in steps:
            step(folder, *arguments)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(run, folders))


@contextmanager
def serving(folders: list[Path]) -> Iterator[list[str]]:
    """Servers in these folders; their origins. They are stopped at the end."""
    with ExitStack() as stack:
        yield [stack.enter_context(_serving(folder)) for folder in folders]


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    with (
        (folder / "serve.log").open("wb") as log,
        subprocess.Popen(  # noqa: S603  # our own program, with arguments of our own
            [*RAIWAY, "serve", "--json"], cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None  # noqa: S101  # it is a pipe
            yield _origin(process.stdout, folder)
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _origin(said: IO[str], folder: Path) -> str:
    """What it says once it listens."""
    lines = []
    for line in said:
        lines.append(line)
        if line.rstrip() == "}":
            return str(json.loads("".join(lines))["url"])
    raise Unreachable("a server did not start", where=str(folder / "serve.log"))
