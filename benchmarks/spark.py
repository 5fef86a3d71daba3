"""Ingest and evaluate on Spark, beside the process pool: `python -m benchmarks.spark`.

One hospital-wide export (default: a million resources) is read by turns by the local engine, by the
Spark engine on `local[N]` and on Sail, and by plain `spark.read.json`, which stores the rows of
thyroglobulin and nothing else. Each way is a process of its own; starting Spark is told apart. Of
the engines the version of the data (a hash of all facts) must be the same.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from adapter.config import Settings
from adapter.definitions import load
from adapter.evaluate import Request, evaluate_aggregate
from adapter.ingest import How
from adapter.runs import ingest_run, site_mapper
from adapter.spark import evaluate as evaluate_on_spark
from adapter.spark.folder import Folder
from adapter.spark.ingest import SparkIngest, writing
from adapter.spark.session import spark_session
from adapter.store import open_store
from benchmarks.facts import THYROGLOBULIN
from benchmarks.hospital import FULL, Size
from benchmarks.inputs import export
from benchmarks.measure import watched
from benchmarks.others import SHARES

MILLION = 1_000_000
NARROW = (
    "resourceType string, id string, status string, effectiveDateTime string, "
    "subject struct<reference: string>, "
    "code struct<coding: array<struct<system: string, code: string>>>, "
    "valueQuantity struct<value: string, unit: string>"
)


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds by the clock of starting, ingest and evaluation (0: not asked); of all processes
    together on the processor (cpu), and their peak memory. version: of the data; empty for what
    has no facts."""

    way: str
    start: float
    ingest: float
    evaluate: float
    cpu: float
    version: str
    peak_bytes: int


Done = tuple[float, float, float, float, str]
"""As `Run` has them: start, ingest, evaluate, cpu, version."""


def by_pool(files: Sequence[Path], into: Path, workers: int) -> Done:
    """The local engine, into SQLite."""
    began = time.perf_counter()
    mapper = site_mapper(Settings(), "A").mapper
    study = load().study("redifferentiation")
    with open_store(f"sqlite:///{into / 'raiway.db'}", create=True) as store:
        start = time.perf_counter()
        ingest_run(files, mapper, store, How(workers=workers))
        loaded = time.perf_counter()
        found = evaluate_aggregate(store, study, Request(), workers=workers, keep=False)
    ended, cpu = time.perf_counter(), _cpu_seconds()
    return start - began, loaded - start, ended - loaded, cpu, found.data_version


def by_spark(files: Sequence[Path], into: Path, master: str) -> Done:
    """The Spark engine, into Parquet."""
    folder, mapper = Folder(into / "store"), site_mapper(Settings(), "A").mapper
    study = load().study("redifferentiation")
    began = time.perf_counter()
    with spark_session(master) as spark:
        start = time.perf_counter()
        size = sum(file.stat().st_size for file in files)
        with writing(folder, size) as (manifest, store):
            ingest_run(files, mapper, store, How(), SparkIngest(spark, folder, manifest))
        loaded = time.perf_counter()
        found = evaluate_on_spark.evaluate_aggregate(spark, folder, study, Request())
        ended, cpu = time.perf_counter(), _cpu_seconds()
    return start - began, loaded - start, ended - loaded, cpu, found.data_version


def by_json(files: Sequence[Path], into: Path, master: str, schema: str | None) -> Done:
    """`spark.read.json` of the Observations, the rows of thyroglobulin into Parquet."""
    wanted = [str(file) for file in files if file.name.startswith("Observation")]
    codes = " or ".join(f"array_contains(code.coding.code, '{code}')" for code in THYROGLOBULIN)
    began = time.perf_counter()
    with spark_session(master) as spark:
        start = time.perf_counter()
        reading = spark.read.schema(schema) if schema else spark.read
        rows = reading.json(wanted).where(codes)
        columns = ("id", "status", "subject.reference", "effectiveDateTime", "valueQuantity")
        rows.select(*columns).write.parquet(str(into / "rows"))
        ended, cpu = time.perf_counter(), _cpu_seconds()
    return start - began, ended - start, 0.0, cpu, ""


def _cpu_seconds() -> float:
    """Of this process and all below it, those that have ended too."""
    me = psutil.Process()
    times = [each.cpu_times() for each in (me, *me.children(recursive=True))]
    return float(sum(sum(each[:4]) for each in times))


@contextmanager
def _sail() -> Iterator[str]:
    from pysail.spark import SparkConnectServer  # type: ignore[import-untyped]  # it has no types

    server = SparkConnectServer(ip="127.0.0.1", port=0)
    server.start(background=True)
    host, port = server.listening_address
    yield f"sc://{host}:{port}"
    server.stop()


def by_sail(files: Sequence[Path], into: Path, _: int) -> Done:
    """The Spark engine on Sail, in this process."""
    began = time.perf_counter()
    with _sail() as address:
        before = time.perf_counter() - began
        start, *rest = by_spark(files, into, address)
    return (before + start, *rest)  # type: ignore[return-value]  # three of four


WAYS: dict[str, Callable[[Sequence[Path], Path, int], Done]] = {
    "process pool": by_pool,
    "Spark": lambda files, into, n: by_spark(files, into, f"local[{n}]"),
    "Sail": by_sail,
    "spark.read.json": lambda files, into, n: by_json(files, into, f"local[{n}]", None),
    "spark.read.json, schema": lambda files, into, n: by_json(files, into, f"local[{n}]", NARROW),
}


def measured(way: str, folder: Path, workers: int, work: Path) -> Run:
    """One way in a process of its own. Raises RuntimeError where it fails."""
    command = [sys.executable, "-m", "benchmarks.spark", "--way", way, "--workers", str(workers)]
    with tempfile.TemporaryDirectory(dir=work) as into:
        command += ["--export", str(folder), "--into", into]
        ended = watched(command)
    start, ingest, evaluate, cpu, version = json.loads(ended.text.splitlines()[-1])
    return Run(way, start, ingest, evaluate, cpu, version, ended.peak_bytes)


def page(runs: Sequence[Run]) -> str:
    """Medians as a table; ratios are to the process pool."""
    by_way: dict[str, list[Run]] = {}
    for run in runs:
        by_way.setdefault(run.way, []).append(run)
    base = _median(by_way["process pool"], "ingest")
    lines = [
        "| way | start, s | ingest, s | to the pool | evaluate, s | CPU, s | peak MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for way, some in by_way.items():
        start, ingest, evaluate = (_median(some, n) for n in ("start", "ingest", "evaluate"))
        memory, cpu = _median(some, "peak_bytes") / 1e6, _median(some, "cpu")
        last = f"{evaluate:.1f}" if evaluate else "–"  # noqa: RUF001 - nothing was asked
        lines.append(
            f"| {way} | {start:.1f} | {ingest:.1f} | {ingest / base:.1f} | {last} "
            f"| {cpu:.0f} | {memory:,.0f} |"
        )
    return "\n".join(lines)


def _median(runs: Sequence[Run], name: str) -> float:
    return float(statistics.median(getattr(run, name) for run in runs))


def main() -> int:
    """The command line; 1 where two engines found other facts."""
    asked = arguments().parse_args()
    if asked.way:
        files = sorted(asked.export.glob("*.ndjson*"))
        print(json.dumps(WAYS[asked.way](files, asked.into, asked.workers)))
        return 0
    asked.work.mkdir(parents=True, exist_ok=True)
    folder, written = export(_size(asked), asked.work)
    runs: list[Run] = []
    ways = asked.ways or [way for way in WAYS if way == "process pool" or shutil.which("java")]
    for turn in range(asked.repeat):
        for way in ways:
            load_before = os.getloadavg()[0]
            runs.append(measured(way, folder, asked.workers, asked.work))
            said = {**asdict(runs[-1]), "turn": turn, "load_before": load_before}
            print(json.dumps(said), file=sys.stderr, flush=True)
    lines, size = sum(written.lines.values()), written.bytes
    print(f"{lines:,} resources, {size / 1e9:.2f} GB; {asked.workers} workers\n\n{page(runs)}")
    return 1 if len({run.version for run in runs if run.version}) > 1 else 0


def _size(asked: argparse.Namespace) -> Size:
    share = FULL / (FULL + sum(SHARES.values()))
    return Size(int(asked.resources * share), asked.relevant, asked.seed)


def arguments() -> argparse.ArgumentParser:
    """What may be asked."""
    parser = argparse.ArgumentParser(description="The engines side by side.")
    parser.add_argument("--resources", type=int, default=MILLION)
    parser.add_argument("--relevant", type=float, default=0.01, help="share, 0 to 1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--ways", nargs="*", choices=list(WAYS))
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "raiway-spark")
    for hidden in ("--way", "--export", "--into"):
        kind = str if hidden == "--way" else Path
        parser.add_argument(hidden, type=kind, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
