"""What a benchmark came to: medians, ratios to the yardstick, and on what machine."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from benchmarks.contestants import Contestant
from benchmarks.inputs import Inputs, Truth
from benchmarks.measure import ROOT, Absent, Measured

FOLDER = ROOT / "benchmarks" / "results"
PACKAGES = ("raiway", "orjson", "duckdb", "pandas", "fhir.resources", "fhirpathpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The medians of one contestant's runs. Seconds of a sample are scaled to all Observations.

    bytes and observations are 0 for one that reads a single resource. sampled: Observations it was
    given, 0 for all. equal: whether each run gave the right answer; None where none is asked for.
    absent: why it did not run; the numbers are 0 then. failed: it ran, and broke down.
    """

    name: str
    what: str
    reads: str
    runs: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    start_wall: float = 0.0
    start_cpu: float = 0.0
    peak_bytes: int = 0
    bytes: int = 0
    observations: int = 0
    sampled: int = 0
    equal: bool | None = None
    absent: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One run of the benchmark, as it is kept."""

    date: str
    machine: Mapping[str, Any]
    data: Mapping[str, Any]
    truth: Truth
    repeat: int
    results: Sequence[Result]
    versions: Mapping[str, str] = field(default_factory=dict)


def result(
    contestant: Contestant, runs: Sequence[Measured | Absent], given: Inputs, whole: Inputs
) -> Result:
    """The medians of the runs; one run that failed stands for all."""
    named = partial(
        Result,
        name=contestant.name,
        what=contestant.what,
        reads=contestant.reads,
    )
    done = [run for run in runs if isinstance(run, Measured)]
    for run in runs:
        if isinstance(run, Absent):
            return named(absent=run.reason, failed=run.failed)
    factor = whole.observations / given.observations if contestant.sample else 1.0
    starts = [statistics.median(getattr(run, name) for run in done) for name in _STARTS]
    totals = [statistics.median(getattr(run, name) for run in done) for name in _TOTALS]
    scaled = [start + (total - start) * factor for start, total in zip(starts, totals, strict=True)]
    checked = [run.tally == given.truth for run in done if run.tally is not None]
    return named(
        runs=len(done),
        wall=scaled[0],
        cpu=scaled[1],
        start_wall=starts[0],
        start_cpu=starts[1],
        peak_bytes=int(statistics.median(run.peak_bytes for run in done)),
        bytes=0 if contestant.start_only else given.bytes,
        observations=0 if contestant.start_only else whole.observations,
        sampled=given.observations if factor > 1 else 0,
        equal=all(checked) if checked else None,
    )


_STARTS = ("start_wall", "start_cpu")
_TOTALS = ("wall", "cpu")


def machine() -> dict[str, Any]:
    """What the numbers depend on, and nothing that names the machine."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """The packages measured, and the commit of Raiway where git knows it."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    asked = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "describe", "--always"]
    try:
        said = subprocess.run([*asked, "--dirty"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return found
    return {**found, "commit": said.stdout.strip()}


def today() -> str:
    """The day, in UTC."""
    return datetime.now(UTC).date().isoformat()


def save(benchmark: Benchmark, folder: Path) -> Path:
    """Keep it, in the place of an earlier one on as many Observations of the same kind."""
    data = benchmark.data
    name = f"ingest-{data['observations']}-{data['relevant']:g}-{data['types']}.json"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name.replace(",", "+").replace(" ", "-")
    path.write_text(json.dumps(asdict(benchmark), indent=2) + "\n")
    return path


def saved(folder: Path) -> list[Benchmark]:
    """All that are kept, the largest data first."""
    found = []
    for path in sorted(folder.glob("*.json")):
        held = json.loads(path.read_text())
        results = [Result(**each) for each in held.pop("results")]
        found.append(Benchmark(**held, results=results))
    return sorted(found, key=lambda each: (-each.data["bytes"], each.data["relevant"]))


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
