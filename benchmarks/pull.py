"""How fast a finished export is pulled from a static server: `python -m benchmarks.pull`.

From the start of the program to files that are checked, on the disk and under their final names;
on the same machine in the same run as smart-fetch, the fastest complete client there is
(`python -m benchmarks.pull --peers` installs it into an environment of its own). What a program
takes for an export of two lines is told apart as its start-up.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from benchmarks import results
from benchmarks.measure import Memory, peers_folder
from benchmarks.pull_server import Export, export, served, server_name

OURS, PEER = "raiway", "smart-fetch"
TARGET, MEMORY = 60_000, 100
"""Resources a second and MB that the project aims at (reported, never asserted)."""
OBSERVATIONS = 100_000
VERSIONS = ("httpx2", "orjson", "aiohttp", "httpx")


@dataclass(frozen=True, slots=True)
class Run:
    """One run: seconds of the clock and of CPU, the greatest resident set, lines written."""

    wall: float
    cpu: float
    peak_bytes: int
    lines: int


@dataclass(frozen=True, slots=True)
class Client:
    """A contestant: its command for a base and a folder, and its settings if it has a file."""

    name: str
    command: Callable[[str, Path], list[str]]
    privacy: str = ""


def _raiway(base: str, folder: Path) -> list[str]:
    program = "import sys; from adapter.cli import main; sys.exit(main())"
    return [sys.executable, "-c", program, "pull", "--quiet", "--config", f"{folder}/raiway.toml",
            "--to", f"{folder}/landing"]  # fmt: skip


def _peer(base: str, folder: Path) -> list[str]:
    program = peers_folder() / PEER / "bin" / PEER
    return [str(program), "bulk", f"{folder}/out", "--fhir-url", base, "--no-compression",
            "--no-default-filters", "--type", "Patient,Observation"]  # fmt: skip


def _script(module: str, *more: str) -> Callable[[str, Path], list[str]]:
    name = f"benchmarks.pull_clients.{module}"
    return lambda base, folder: [sys.executable, "-m", name, base, str(folder), *more]


CLIENTS = (
    Client(OURS, _raiway, "identified"),
    Client("raiway, de-identified (limited)", _raiway, "limited"),
    Client(PEER, _peer),
    Client("aiohttp script, lines parsed", _script("aiohttp_export", "parsed")),
    Client("httpx script, lines parsed", _script("httpx_export")),
    Client("aiohttp script, bytes alone", _script("aiohttp_export", "bytes")),
)

SETTINGS = """
[[sites]]
name = "A"
base_url = "{base}"
auth = "none"
export_level = "system"
types = ["Patient", "Observation"]
[sites.privacy]
mode = "{privacy}"
{key}
"""


def run(client: Client, base: str) -> Run:
    """One pull into a new folder. Raises CalledProcessError where it fails."""
    with tempfile.TemporaryDirectory(prefix="raiway-pull-") as name:
        folder = Path(name)
        if client.privacy:
            _configure(folder, client, base)
        with (folder / "said").open("wb") as said:
            start = time.perf_counter()
            started = subprocess.Popen(client.command(base, folder), stdout=said, stderr=said)
            memory = Memory(started.pid)
            memory.start()
            _, status, usage = os.wait4(started.pid, 0)
            wall = time.perf_counter() - start
            memory.stop()
        started.returncode = os.waitstatus_to_exitcode(status)
        if started.returncode:
            print((folder / "said").read_text(errors="replace")[-2000:], file=sys.stderr)
            raise subprocess.CalledProcessError(started.returncode, client.name)
        cpu = usage.ru_utime + usage.ru_stime
        return Run(wall, cpu, memory.peak, _lines(folder))


def _configure(folder: Path, client: Client, base: str) -> None:
    key = ""
    if client.privacy != "identified":
        file = folder / "id.key"
        file.write_text(hashlib.sha256(b"benchmark").hexdigest())
        file.chmod(0o600)
        key = f'id_key = "{file}"'
    stated = SETTINGS.format(base=base, privacy=client.privacy, key=key)
    (folder / "raiway.toml").write_text(stated)


def _lines(folder: Path) -> int:
    """Resources that were written, whatever the folder is like inside."""
    count = 0
    for kind in ("Patient", "Observation"):
        for file in folder.rglob(f"*{kind}*.ndjson*"):
            opened = gzip.open if file.suffix == ".gz" else open
            with opened(file, "rb") as lines:
                count += sum(1 for _ in lines)
    return count


@dataclass(frozen=True, slots=True)
class Result:
    """Medians of a client's runs; start: of its runs on an export of two lines."""

    name: str
    coding: str
    wall: float
    cpu: float
    start_wall: float
    start_cpu: float
    peak_bytes: int
    whole: bool


def measured(asked: argparse.Namespace) -> tuple[Export, list[Result]]:
    """All clients by turns, on plain and on compressed files."""
    large = export(asked.work, asked.observations)
    small = export(asked.work, 1)
    clients = [each for each in CLIENTS if each.name != PEER or _has_peer()]
    found = []
    for coding in ("plain", "gzip"):
        runs: dict[str, list[Run]] = {each.name: [] for each in clients}
        starts: dict[str, list[Run]] = {each.name: [] for each in clients}
        for turn in range(asked.repeat):
            for made, kept in ((small, starts), (large, runs)):
                with served(made, compressed=coding == "gzip") as base:
                    for each in clients:
                        kept[each.name].append(run(each, base))
                        _tell(f"{turn + 1}/{asked.repeat} {coding} {each.name}: "
                              f"{kept[each.name][-1].wall:.2f} s")  # fmt: skip
        found += [_result(each, coding, runs, starts, large) for each in clients]
    return large, found


def _result(
    client: Client,
    coding: str,
    runs: dict[str, list[Run]],
    starts: dict[str, list[Run]],
    made: Export,
) -> Result:
    def median(kept: dict[str, list[Run]], name: str) -> float:
        values: list[float] = [getattr(each, name) for each in kept[client.name]]
        return statistics.median(values)

    return Result(
        client.name,
        coding,
        median(runs, "wall"),
        median(runs, "cpu"),
        median(starts, "wall"),
        median(starts, "cpu"),
        int(median(runs, "peak_bytes")),
        all(each.lines == made.resources for each in runs[client.name]),
    )


COLUMNS = ("client", "files", "wall s", "resources/s", "ratio", "without start", "ratio", "CPU s",
           "without start", "peak MB", "rows")  # fmt: skip
NOTES = f"""
- resources/s: from the start of the program to its end; `without start` leaves out what the same
  program takes for an export of two lines (empty where a busy machine made that the longer one).
- ratio: {OURS}'s resources/s to those of the client in the row; above 1 {OURS} is faster.
- The scripts (`benchmarks/pull_clients`) are what a client library alone takes for the same files.
  They keep neither state nor hashes, repeat nothing, sync nothing, and leave half a file where they
  are stopped; `bytes alone` does not look at the lines either.
- raiway parses each line, checks type, id and nulls, and brings each file to the disk before it
  gets its name; {PEER} writes the bytes as they come. De-identified: the default of `pull`.
- peak: the greatest resident set, sampled every 50 ms.
"""


def table(made: Export, found: Sequence[Result]) -> Iterator[str]:
    """The results in Markdown."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"| --- | --- |{' ---: |' * (len(COLUMNS) - 3)} --- |"
    ours = {each.coding: each for each in found if each.name == OURS}
    for each in found:
        yield f"| {' | '.join(_cells(made, each, ours[each.coding]))} |"


def _cells(made: Export, result: Result, ours: Result) -> Iterator[str]:
    yield from (result.name, result.coding, f"{result.wall:.2f}")
    yield f"{made.resources / result.wall:,.0f}"
    yield f"{result.wall / ours.wall:.2f}"
    work, our_work = result.wall - result.start_wall, ours.wall - ours.start_wall
    yield f"{made.resources / work:,.0f}" if work > 0 else ""
    yield f"{work / our_work:.2f}" if min(work, our_work) > 0 else ""
    yield from (f"{result.cpu:.2f}", f"{result.cpu - result.start_cpu:.2f}")
    yield f"{result.peak_bytes / 1e6:,.0f}"
    yield "all" if result.whole else "**not all**"


def head(made: Export, repeat: int) -> str:
    """Machine, input and target."""
    machine = results.machine()
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in VERSIONS)
    return (
        f"{results.today()} · {machine['cores']} cores, {machine['processor']}, "
        f"{machine['memory_gib']:g} GiB · {machine['system']} · Python {machine['python']} · "
        f"load average before {machine['load_before']} · {server_name()} on loopback · "
        f"{packages}\n\n"
        f"{made.resources:,} Observations and Patients, {made.bytes / 1e6:,.0f} MB in {made.files} "
        f"files. Median of {repeat}. Target: {TARGET:,} resources/s, {MEMORY} MB.\n"
    )


def install() -> None:
    """Put the peer into an environment of its own."""
    folder = peers_folder() / PEER
    if not _has_peer():
        venv.create(folder, with_pip=True, clear=folder.exists())
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", PEER]
        subprocess.run(pip, check=True)


def _has_peer() -> bool:
    return shutil.which(peers_folder() / PEER / "bin" / PEER) is not None


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where a client did not bring all rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pull", description=__doc__)
    parser.add_argument("--observations", type=int, default=OBSERVATIONS)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; medians are told")
    default = Path(tempfile.gettempdir()) / "raiway-benchmark"
    parser.add_argument("--work", type=Path, default=default, help="where the data is kept")
    parser.add_argument("--peers", action="store_true", help=f"install {PEER} first")
    asked = parser.parse_args(argv)
    if asked.peers:
        install()
    conditions = head(export(asked.work, asked.observations), asked.repeat)
    made, found = measured(asked)
    print(conditions)
    print("\n".join(table(made, found)))
    print(NOTES)
    return 0 if all(each.whole for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
