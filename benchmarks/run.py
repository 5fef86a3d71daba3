"""Run the benchmarks: `python -m benchmarks.run ingest --size 2GB --repeat 3`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import inputs, page, results
from benchmarks.contestants import ALL, BY_NAME, Contestant
from benchmarks.inputs import Inputs
from benchmarks.measure import Absent, Measured, measure
from benchmarks.results import Benchmark


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    ingest = commands.add_parser("ingest", help="an export's bytes to the rows of two tables")
    ingest.add_argument("--size", type=inputs.in_bytes, default="100MB", help="500MB, 2GB, …")
    ingest.add_argument("--relevant", type=float, default=0.01, help="share, 0 to 1")
    ingest.add_argument("--seed", type=int, default=1)
    ingest.add_argument("--repeat", type=int, default=3, help="runs of each; medians are told")
    ingest.add_argument("--types", default="", help="read these types only: Observation,Patient")
    ingest.add_argument("--contestants", default="", help=f"of {', '.join(BY_NAME)}; default all")
    ingest.add_argument("--work", type=Path, help="where the data is made and kept")
    ingest.add_argument(
        "--results", type=Path, default=results.FOLDER, help="where results are kept"
    )
    ingest.add_argument("--json", action="store_true", help="print JSON, not a table")
    ingest.add_argument("--write", type=Path, metavar="FILE", help="keep the result; write FILE")
    return parser


def benchmark(asked: argparse.Namespace) -> Benchmark:
    """Make the data and let all contestants run. Raises KeyError for one that is unknown."""
    names = list(filter(None, asked.contestants.split(",")))
    contestants = [BY_NAME[name] for name in names] or list(ALL)
    work = asked.work or Path(tempfile.gettempdir()) / "raiway-benchmark"
    size = inputs.size_of(asked.size, asked.relevant, asked.seed)
    _tell(f"making {size.observations:,} Observations and the rest in {work}")
    folder, written = inputs.export(size, work)
    kinds = set(filter(None, asked.types.split(",")))
    whole = inputs.whole(folder, written, kinds)
    given = {
        each.name: inputs.sample(each, whole, work) if each.sample else whole
        for each in contestants
    }
    machine = results.machine()
    runs = _by_turns(contestants, given, asked.repeat)
    return Benchmark(
        date=results.today(),
        machine=machine,
        data={
            "observations": whole.observations,
            "lines": whole.lines,
            "bytes": whole.bytes,
            "relevant": size.relevant,
            "seed": size.seed,
            "types": ",".join(sorted(kinds)) or "all types",
        },
        truth=whole.truth,
        repeat=asked.repeat,
        results=[results.result(each, runs[each.name], given[each.name], whole)
                 for each in contestants],
        versions=results.versions(),
    )  # fmt: skip


def _by_turns(
    contestants: Sequence[Contestant], given: dict[str, Inputs], repeat: int
) -> dict[str, list[Measured | Absent]]:
    """Each contestant once, then each again: a slow minute of the machine then meets all."""
    runs: dict[str, list[Measured | Absent]] = {each.name: [] for each in contestants}
    for turn in range(repeat):
        for each in contestants:
            if any(isinstance(run, Absent) for run in runs[each.name]):
                continue
            inputs.warm(given[each.name])
            run = measure(each, given[each.name].paths)
            runs[each.name].append(run)
            told = run.reason if isinstance(run, Absent) else f"{run.wall:.2f} s"
            _tell(f"{turn + 1}/{repeat} {each.name}: {told}")
    return runs


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where an answer was wrong or a contestant failed."""
    parser = arguments()
    asked = parser.parse_args(argv)
    unknown = set(filter(None, asked.contestants.split(","))) - BY_NAME.keys()
    if unknown:
        parser.error(f"no contestant {', '.join(sorted(unknown))}; there are {', '.join(BY_NAME)}")
    found = benchmark(asked)
    if asked.json:
        print(json.dumps(asdict(found), indent=2))
    else:
        print("\n".join(page.section(found)))
    if asked.write:
        results.save(found, asked.results)
        asked.write.write_text(page.page(results.saved(asked.results)))
    wrong = page.wrong(found)
    if wrong:
        _tell(f"wrong, or failed: {', '.join(wrong)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
