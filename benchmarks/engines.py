"""SQLite beside PostgreSQL: `python -m benchmarks.engines --patients 5000,50000`.

The same cohort of `benchmarks.thyroid` is ingested into a new store of each engine and evaluated
from it, by turns in one run: nothing kept (anew), and again with what was kept. All answers are
compared with what was planted. PostgreSQL runs on the same machine, with its defaults.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from adapter.models import FACT_TABLES
from adapter.store import open_store
from benchmarks import results
from benchmarks.evaluate import answered
from benchmarks.measure import RAIWAY, watched, work_folder
from benchmarks.serve import postgresql
from benchmarks.thyroid import Planted, cohort

ENGINES = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Run:
    """One engine and cohort. load, anew, kept: seconds; peaks: of the ingest and the evaluation,
    without the processes of the server."""

    engine: str
    patients: int
    resources: int
    facts: int
    load: float
    load_peak_bytes: int
    anew: float
    anew_peak_bytes: int
    kept: float


def run(engine: str, url: str, folder: Path, planted: Planted, workers: int) -> Run:
    """Ingest, evaluate anew, evaluate twice with what is kept. Raises RuntimeError."""
    asked = ["ingest", str(folder), "--site", "A", "--timezone", "UTC", "--quiet", "--store", url]
    loaded = watched([*RAIWAY, *asked])
    with open_store(url, create=False) as store:
        counts = store.counts()
    facts = sum(counts[str(table.__tablename__)] for table in FACT_TABLES)
    anew, anew_peak = _evaluated(url, workers, planted, "anew")
    _evaluated(url, workers, planted, "keep")
    kept, _ = _evaluated(url, workers, planted, "keep")
    sizes = planted.patients, counts["resource"], facts
    return Run(engine, *sizes, loaded.wall, loaded.peak_bytes, anew, anew_peak, kept)


def _evaluated(url: str, workers: int, planted: Planted, kept: str) -> tuple[float, int]:
    command = [sys.executable, "-m", "benchmarks.evaluate_child", url, str(workers), kept]
    said, peak = answered(command, planted)
    return float(said["evaluate"]), peak


@contextmanager
def new_store(engine: str) -> Iterator[str]:
    """The URL of a store that does not exist yet, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="raiway-engine-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server's user, which is not root, must be able to enter it
        if engine == "sqlite":
            yield f"sqlite:///{folder / 'store.db'}"
        else:
            with postgresql(folder) as url:
                yield url


def page(rows: Sequence[Run]) -> str:
    """The rows as a table in Markdown; ratio: PostgreSQL's seconds to SQLite's, same cohort."""
    embedded = {row.patients: row for row in rows if row.engine == "sqlite"}
    lines = [
        "| patients | facts | store | load s | facts/s | ratio | peak MB | anew s | patients/s "
        "| ratio | peak MB | kept s |",
        "|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        base = embedded[row.patients]
        load = f"{row.load:.1f} | {row.facts / row.load:,.0f} | {row.load / base.load:.2f}"
        anew = f"{row.anew:.1f} | {row.patients / row.anew:,.0f} | {row.anew / base.anew:.2f}"
        lines.append(
            f"| {row.patients:,} | {row.facts:,} | {row.engine} | {load} "
            f"| {row.load_peak_bytes / 1e6:.0f} | {anew} | {row.anew_peak_bytes / 1e6:.0f} "
            f"| {row.kept:.2f} |"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where an answer was wrong, or a run failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("--patients", default="5000", help="sizes of cohorts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, help="where cohorts are made and kept")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    asked = parser.parse_args(argv)
    work = work_folder(asked.work)
    found: list[Run] = []
    try:
        for patients in map(int, asked.patients.split(",")):
            folder, planted = cohort(patients, asked.seed, work)
            for engine in ENGINES:
                with new_store(engine) as url:
                    found.append(run(engine, url, folder, planted, asked.workers))
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    told = {"date": results.today(), "machine": results.machine()}
    if asked.json:
        print(json.dumps({**told, "runs": [asdict(each) for each in found]}, indent=2))
    else:
        print(f"{told['date']}, {told['machine']}\n\n{page(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
