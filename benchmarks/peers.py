"""Install the peers, each into an environment of its own: `python -m benchmarks.peers [NAME...]`.

They lie in a temporary folder, or in the one that RAIWAY_PEERS names. None of them is a dependency
of the project.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.contestants import ALL, Contestant
from benchmarks.measure import peers_folder, python_of


def install(contestant: Contestant) -> Path:
    """The interpreter of the peer's environment, made where it is missing.

    Raises CalledProcessError where the package cannot be installed.
    """
    python = python_of(contestant)
    if not python.exists():
        venv.create(peers_folder() / contestant.name, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", contestant.peer], check=True)
    return python


def main() -> None:
    """The command line."""
    asked = sys.argv[1:]
    for contestant in ALL:
        if contestant.peer and (not asked or contestant.name in asked):
            try:
                print(f"{contestant.name}: {install(contestant)}")
            except subprocess.CalledProcessError as error:
                print(f"{contestant.name}: not installed, pip ended with {error.returncode}")


if __name__ == "__main__":
    main()
