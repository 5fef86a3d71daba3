"""How fast Raiway evaluates a measure: `python -m benchmarks.evaluate --patients 1000,10000`.

The question: of those who took index drugs and whose iodine uptake was looked at, who responded by
RECIST, by sex (one proportion, one stratifier). Each cohort of `benchmarks.thyroid` is ingested
once a round and evaluated from the store: for the first time, again, after some of its patients got
a new result, and with nothing kept. Every answer is compared with what was planted.

Raiway does more than is asked: it derives each patient's whole course and estimates all figures of
the study. The peer, fhir4ds-v2, is measured by turns in the same run, where it is installed:
`python -m benchmarks.evaluate --install-peer`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.contestants.raiway_ingest import ingest
from benchmarks.measure import ROOT, peers_folder, watched, work_folder
from benchmarks.thyroid import Planted, changed, cohort

PEER = ("fhir4ds-v2==0.0.17", "pandas")
CHANGED = 0.01
"""The share of patients with a new result."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one way: seconds of the evaluation, by the clock and of all its processes (cpu);
    of what came before it (load: NDJSON to something that can be evaluated); peak memory."""

    way: str
    patients: int
    evaluate: float
    cpu: float
    load: float
    peak_bytes: int


def peer_python() -> Path:
    """The interpreter in whose environment the peer is."""
    return peers_folder() / "fhir4ds-v2" / "bin" / "python"


def install_peer() -> None:
    """Make the peer's environment. Raises CalledProcessError where it cannot be installed."""
    if not peer_python().exists():
        venv.create(peer_python().parents[1], with_pip=True)
    subprocess.run([peer_python(), "-m", "pip", "install", "--quiet", *PEER], check=True)


def rounds(patients: int, asked: argparse.Namespace) -> Iterator[Run]:
    """All ways by turns, so that a slow minute of the machine meets all.

    Raises RuntimeError for a way that fails or gives a wrong answer.
    """
    folder, planted = cohort(patients, asked.seed, asked.work)
    news = changed(round(patients * CHANGED) or 1, asked.seed, asked.work)
    for turn in range(asked.repeat):
        _tell(f"{patients:,} patients, {turn + 1}/{asked.repeat}")
        with tempfile.TemporaryDirectory(dir=asked.work) as place:
            store = Path(place) / "raiway.db"
            began = time.perf_counter()
            ingest([folder], store)
            load = time.perf_counter() - began
            for way in ("first", "again", "anew", "changed"):
                if way == "changed":
                    ingest([news], store)
                yield _raiway(way, store, asked.workers, load, planted)
        if peer_python().exists() and patients <= asked.peer_up_to:
            yield _peer(folder, planted)


def _raiway(way: str, store: Path, workers: int, load: float, planted: Planted) -> Run:
    kept = "anew" if way == "anew" else "keep"
    command = [sys.executable, "-m", "benchmarks.evaluate_child", f"sqlite:///{store}"]
    said, peak = answered([*command, str(workers), kept], planted)
    before = load if way == "first" else 0.0
    return Run(f"raiway, {way}", planted.patients, said["evaluate"], said["cpu"], before, peak)


def _peer(folder: Path, planted: Planted) -> Run:
    script = str(ROOT / "benchmarks" / "evaluate_peer.py")
    said, peak = answered([str(peer_python()), script, str(folder)], planted)
    seconds = said["evaluate"], said["cpu"], said["load"]
    return Run(PEER[0], planted.patients, *seconds, peak)


def answered(command: Sequence[str], planted: Planted) -> tuple[dict[str, Any], int]:
    """What the process said, and its peak memory. Raises RuntimeError for a wrong answer."""
    ended = watched(command)
    said: dict[str, Any] = json.loads(ended.text.splitlines()[-1])
    for name in ("patients", "enrolled", "responders"):
        if said[name] != getattr(planted, name):
            raise RuntimeError(f"{command[1:4]}: {name} is {said[name]}, not as planted")
    return said, ended.peak_bytes


def summary(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Medians of each way and size: patients/s of the evaluation, microseconds of the processors
    for each patient, patients/s with loading, memory in MB."""
    found: dict[tuple[int, str], list[Run]] = {}
    for run in runs:
        found.setdefault((run.patients, run.way), []).append(run)
    rows = []
    for (patients, way), same in found.items():
        evaluate = statistics.median(run.evaluate for run in same)
        loaded = statistics.median(run.load + run.evaluate for run in same)
        rows.append(
            {
                "patients": patients,
                "way": way,
                "runs": len(same),
                "seconds": round(evaluate, 3),
                "cpu_us": round(statistics.median(run.cpu for run in same) / patients * 1e6),
                "patients_s": round(patients / evaluate),
                "with_loading_s": round(patients / loaded) if same[0].load else None,
                "peak_mb": round(max(run.peak_bytes for run in same) / 1e6),
            }
        )
    return rows


def page(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a table in Markdown, each with its ratio to the peer's of the same size."""
    peers = {row["patients"]: row for row in rows if row["way"] == PEER[0]}
    lines = [
        "| patients | way | runs | s | patients/s | to peer | CPU, µs | from NDJSON | peak, MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        peer = peers.get(row["patients"])
        ratio = f"{row['patients_s'] / peer['patients_s']:.1f}" if peer else ""
        loading = f"{row['with_loading_s']:,}" if row["with_loading_s"] else ""
        before = f"{row['patients']:,} | {row['way']} | {row['runs']} | {row['seconds']:.2f}"
        lines.append(
            f"| {before} | {row['patients_s']:,} | {ratio} "
            f"| {row['cpu_us']} | {loading} | {row['peak_mb']:,} |"
        )
    return "\n".join(lines)


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluate", description=__doc__)
    parser.add_argument("--patients", default="1000,10000", help="sizes of cohorts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3, help="rounds; medians are told")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--peer-up-to", type=int, default=10_000, help="patients that it is given")
    parser.add_argument("--work", type=Path, help="where cohorts are made and kept")
    parser.add_argument("--install-peer", action="store_true", help="only install the peer")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where an answer was wrong, or a way failed."""
    asked = arguments().parse_args(argv)
    if asked.install_peer:
        install_peer()
        return 0
    asked.work = work_folder(asked.work)
    runs: list[Run] = []
    try:
        for patients in map(int, asked.patients.split(",")):
            runs += rounds(patients, asked)
    except RuntimeError as error:
        _tell(str(error))
        return 1
    rows = summary(runs)
    told = {"date": results.today(), "machine": results.machine(), "rows": rows}
    if asked.json:
        print(json.dumps({**told, "runs": [asdict(run) for run in runs]}, indent=2))
    else:
        print(f"{told['date']}, {told['machine']}\n\n{page(rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
