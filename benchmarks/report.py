"""What the report costs: `python -m benchmarks.report --patients 500,5000`.

`raiway report` from a store to the file on the disk, by the clock, by CPU and memory of all its
processes, and the size of the file; then how long a real browser takes to show it. The first row is
of the reference cohort. Nothing is compared: no other program makes this page.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from adapter.errors import UsageError
from adapter.html_report.browser import browser
from adapter.synthetic.hospital import write_ndjson
from benchmarks import results
from benchmarks.measure import RAIWAY, ROOT, watched, work_folder
from benchmarks.thyroid import cohort

WAYS = {"patient": (), "aggregate": ("--level", "aggregate"), "interactive": ("--interactive",)}


@dataclass(frozen=True, slots=True)
class Run:
    """One report. bytes, gzipped: of the file; ready: seconds until a browser had loaded it, -1
    where there is none; nodes: of its document."""

    persons: int
    enrolled: int
    way: str
    wall: float
    cpu: float
    peak_bytes: int
    bytes: int
    gzipped: int
    ready: float
    nodes: int


def runs(stores: Sequence[tuple[int, Path]], work: Path) -> Iterator[Run]:
    """Each way of each store."""
    for persons, store in stores:
        for way, options in WAYS.items():
            out = work / f"report-{persons}-{way}.html"
            command = [*RAIWAY, "report", "--store", f"sqlite:///{store}", "--out", str(out)]
            made = watched([*command, *options])
            content = out.read_bytes()
            ready, nodes = shown(out)
            zipped = len(gzip.compress(content))
            enrolled = _enrolled(store)
            sizes = len(content), zipped
            seconds = made.wall, made.cpu
            yield Run(persons, enrolled, way, *seconds, made.peak_bytes, *sizes, ready, nodes)


def shown(file: Path) -> tuple[float, int]:
    """Seconds until a browser has loaded the file, and the nodes of the document."""
    try:
        with browser() as found:
            page = found.new_page()
            begun = time.perf_counter()
            page.goto(file.as_uri())
            ready = time.perf_counter() - begun
            nodes: int = page.evaluate("document.querySelectorAll('*').length")
            return ready, nodes
    except UsageError:
        return -1.0, 0


def _enrolled(store: Path) -> int:
    command = [*RAIWAY, "evaluate", "--format", "figures", "--store", f"sqlite:///{store}"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    n: int = json.loads(said.stdout)["figures"]["n_patients"]
    return n


def stores(sizes: Sequence[int], work: Path) -> Iterator[tuple[int, Path]]:
    """The reference cohort, then cohorts of these sizes; each is ingested once."""
    hospital = work / "hospital"
    if not hospital.exists():
        write_ndjson(hospital)
    yield 46, _ingested(hospital, work)
    for patients in sizes:
        folder, _ = cohort(patients, 1, work)
        yield patients, _ingested(folder, work)


def _ingested(folder: Path, work: Path) -> Path:
    store = work / f"{folder.name}.db"
    if not store.exists():
        asked = ["--site", "A", "--timezone", "UTC", "--quiet", "--store", f"sqlite:///{store}"]
        subprocess.run([*RAIWAY, "ingest", str(folder), *asked], cwd=ROOT, check=True)
    return store


def page(rows: Sequence[Run]) -> str:
    """The rows as a table in Markdown."""
    lines = [
        "| persons | in the study | report | wall s | CPU s | peak MB | MB (gzipped) "
        "| in the browser s | nodes |",
        "| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        size = f"{row.bytes / 1e6:.2f} ({row.gzipped / 1e6:.2f})"
        ready = f"{row.ready:.1f}" if row.ready >= 0 else ""
        lines.append(
            f"| {row.persons:,} | {row.enrolled:,} | {row.way} | {row.wall:.1f} | {row.cpu:.1f} "
            f"| {row.peak_bytes / 1e6:.0f} | {size} | {ready} | {row.nodes:,} |"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where a report failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--patients", default="500,5000", help="sizes of cohorts; '' for none")
    parser.add_argument("--work", type=Path, help="where cohorts are made and kept")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    asked = parser.parse_args(argv)
    work = work_folder(asked.work)
    sizes = [int(each) for each in asked.patients.split(",") if each]
    try:
        found = list(runs(list(stores(sizes, work)), work))
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    told = {"date": results.today(), "machine": results.machine()}
    if asked.json:
        print(json.dumps({**told, "runs": [asdict(run) for run in found]}, indent=2))
    else:
        print(f"{told['date']}, {told['machine']}\n\n{page(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
