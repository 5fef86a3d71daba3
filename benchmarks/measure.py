"""Measure one run of a contestant: wall clock, CPU and memory of all its processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil

from benchmarks.contestants import Contestant

ROOT = Path(__file__).resolve().parents[1]
SAMPLED_EVERY = 0.1
"""Seconds between two looks at the memory."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run. Seconds count from the start of the process; start is what passed before it read.

    cpu is user and system time of all processes. peak_bytes is the greatest sum of their resident
    sets, in which pages that they share count for each. tally is None where no rows are asked for.
    """

    wall: float
    cpu: float
    start_wall: float
    start_cpu: float
    peak_bytes: int
    tally: dict[str, int | str] | None


@dataclass(frozen=True, slots=True)
class Absent:
    """A contestant that did not run, and why; or that began to, and failed."""

    reason: str
    failed: bool = False


def peers_folder() -> Path:
    """Where the environments of the peers are."""
    return Path(os.environ.get("RAIWAY_PEERS", Path(tempfile.gettempdir()) / "raiway-peers"))


def python_of(contestant: Contestant) -> Path:
    """The interpreter in whose environment the contestant is."""
    if not contestant.peer:
        return Path(sys.executable)
    return peers_folder() / contestant.name / "bin" / "python"


def measure(contestant: Contestant, paths: Sequence[Path]) -> Measured | Absent:
    """Run it once in a process of its own on the files."""
    python = python_of(contestant)
    if not python.exists():
        return Absent(f"{contestant.peer} is not installed; run python -m benchmarks.peers")
    command = [str(python), "-m", "benchmarks.child", contestant.name, *map(str, paths)]
    with tempfile.TemporaryFile() as errors:
        events, peak = _watched(command, errors.fileno())
        errors.seek(0)
        last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
    if "missing" in events:
        return Absent(_without_folders(events["missing"]["reason"]))
    if "checked" not in events:
        said = _without_folders(last[0]) if last else "without a word"
        return Absent(f"failed: {said}", failed=True)
    ready, done = events["ready"], events["done"]
    tally = events["checked"]["tally"]
    peak = max(peak, done["peak"])
    return Measured(done["wall"], done["cpu"], ready["wall"], ready["cpu"], peak, tally)


def _watched(command: list[str], errors: int) -> tuple[dict[str, dict[str, Any]], int]:
    """What the process said, by event, with the seconds since its start; its peak memory."""
    events: dict[str, dict[str, Any]] = {}
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors) as process:
        memory = Memory(process.pid)
        memory.start()
        for line in process.stdout or ():
            said = json.loads(line)
            events[said["event"]] = {**said, "wall": time.perf_counter() - start}
            if said["event"] != "ready":
                # What follows is the check of the answer.
                memory.stop()
        memory.stop()
    return events, memory.peak


def _without_folders(text: str) -> str:
    """Files by their names alone: where they lie on one machine concerns nobody else."""
    return re.sub(r"(?<!\S)/\S*/|(?<=\()/\S*/", "", text)


RAIWAY = (sys.executable, "-c", "import sys; from adapter.cli import main; sys.exit(main())")
"""What the console script does, also where it is not installed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that ran: what it printed, its seconds, CPU seconds and peak memory."""

    text: str
    wall: float
    cpu: float
    peak_bytes: int


def watched(command: Sequence[str]) -> Ended:
    """Run a program. Raises RuntimeError, which names its last words, for any exit code but 0."""
    before, begun = os.times(), time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        memory = Memory(process.pid)
        memory.start()
        text, _ = process.communicate()
        memory.stop()
    wall, after = time.perf_counter() - begun, os.times()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[1:4])} ended with {process.returncode}")
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return Ended(text, wall, cpu, memory.peak)


def work_folder(stated: Path | None) -> Path:
    """Where cohorts and exports are made and kept; it exists."""
    folder = stated or Path(tempfile.gettempdir()) / "raiway-benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Memory(Thread):
    """Looks at the memory of a process and its descendants until told to stop.

    Pages that several of them share, as forked processes do, count once in all.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._pid, self._stopped = pid, Event()

    def run(self) -> None:
        process = psutil.Process(self._pid)
        while not self._stopped.wait(SAMPLED_EVERY):
            try:
                tree = [process, *process.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            self.peak = max(self.peak, sum(map(_resident, tree)))

    def stop(self) -> None:
        """End it; may be called again."""
        self._stopped.set()
        self.join()


def _resident(process: psutil.Process) -> int:
    """Its resident set; of shared pages, where the system tells, the process's part."""
    try:
        told = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        return int(told.partition("\nPss:")[2].split()[0]) * 1024
    except (OSError, IndexError):
        pass
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
