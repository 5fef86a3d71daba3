"""docs/serve.md: every command that it shows runs, in the page's order, in an empty folder."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.lib.console import RAIWAY, environment
from tests.lib.needs import ROOT, program
from tests.lib.servers.process import free_port

PAGE = ROOT / "docs" / "serve.md"
BLOCK = re.compile(r"```(sh|toml|python)\n(.*?)```", re.DOTALL)
FILES = {"toml": "raiway.toml", "python": "get_token.py"}
SECONDS = 180

SERVER = re.compile(r"^raiway serve(?!.*--check).*$", re.MULTILINE)
"""It runs in a terminal of its own until it is stopped."""
STARTED = """
if [ -n "${server:-}" ]; then kill "$server"; wait "$server"; fi
{command} & server=$!
until curl -fs http://127.0.0.1:8000/health/ready >/dev/null; do sleep 0.1; done
"""
HEAD = """set -euo pipefail
trap 'kill ${server:-} 2>/dev/null || true' EXIT"""
PORT = str(free_port())


def script(page: str, folder: Path) -> Iterator[str]:
    """The page's commands; its files are written when their turn has come."""
    yield HEAD
    for number, (kind, text) in enumerate(BLOCK.findall(page)):
        if kind == "sh":
            yield SERVER.sub(lambda found: STARTED.replace("{command}", found[0]), text)
        else:
            kept = folder / f"block-{number}"
            kept.write_text(text.replace("8000", PORT), encoding="utf-8")
            yield f"cp {kept} {FILES[kind]}"


def test_every_command_runs(tmp_path: Path):
    program("curl")
    folder, blocks = tmp_path / "empty", tmp_path / "blocks"
    folder.mkdir()
    blocks.mkdir()
    commands = "\n".join(script(PAGE.read_text(encoding="utf-8"), blocks))
    path = f"{RAIWAY.parent}:{environment()['PATH']}"
    done = subprocess.run(
        ["bash", "-c", commands.replace("8000", PORT)],
        cwd=folder,
        env=environment(PATH=path),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-500:]}\n{done.stderr[-2000:]}"
    assert '"resourceType":"CapabilityStatement"' in done.stdout
    assert done.stdout.endswith("anna  patients  none\n")
    assert (folder / "report.json").stat().st_size > 1000
