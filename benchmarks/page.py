"""A benchmark as tables in Markdown, for the terminal and for docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.contestants import YARDSTICK
from benchmarks.results import Benchmark, Result

HEAD = """# Benchmarks

Raiway and other ways to do the same work, measured on the same machine in the same session. Seconds
do not carry over to another machine; the ratios to the yardstick, one process that parses every
line with orjson and does nothing with it, do better. Each table names its machine and its data.

The task: all rows of thyroglobulin (patient, day, value, unit, comparator) and of variants
(patient, gene, p.HGVS, allele fraction) from a hospital-wide export, most of which is something
else. `answer` says whether the rows are exactly those that the generator planted.

- wall, CPU: from the start of the process, imports included, to the answer; CPU is user and system
  time of all its processes. Medians. A ratio is to the yardstick's: below 1 is faster.
- peak: the greatest sum of the memory of all its processes, sampled: their resident sets, in which
  pages that several share, as forked ones do, count once in all (PSS).
- Who has thyroid cancer has about 20 relevant Observations; most people of the hospital have none.
- Contestants run by turns, after the files were read once, so that all find them in the cache.
- `sample`: given only that many Observations; what its work took is scaled to all of them, its
  start-up is not. Its memory is that of the sample.
- What is named as reading Observations only does not open the other files.

Written by `python -m benchmarks.run ingest … --write docs/benchmarks.md` from what is kept in
`benchmarks/results/`; do not edit. How to run it: [benchmarks](../benchmarks/README.md).
"""

COLUMNS = (
    "contestant", "reads", "wall s", "ratio", "CPU s", "ratio", "MB/s", "Observations per CPU s",
    "peak MB", "answer",
)  # fmt: skip


def page(benchmarks: Sequence[Benchmark]) -> str:
    """docs/benchmarks.md with all of them."""
    return "\n".join([HEAD, *("\n".join(section(each)) for each in benchmarks)])


def section(benchmark: Benchmark) -> Iterator[str]:
    """One benchmark: heading, conditions, table, what did not run."""
    data, machine = benchmark.data, benchmark.machine
    yield f"## {data['bytes'] / 1e9:.2f} GB, {data['relevant']:.3g} relevant, {data['types']}\n"
    yield (
        f"{benchmark.date} · {machine['cores']} cores, {machine['processor']}, "
        f"{machine['memory_gib']:g} GiB · {machine['system']} · Python {machine['python']} · "
        f"load average before {machine['load_before']} · "
        + ", ".join(f"{name} {version}" for name, version in benchmark.versions.items())
        + "\n"
    )
    yield (
        f"{data['observations']:,} Observations among {data['lines']:,} lines, "
        f"{data['bytes']:,} bytes, seed {data['seed']}; the answer has "
        f"{benchmark.truth['thyroglobulin']:,} rows of thyroglobulin and "
        f"{benchmark.truth['variants']:,} of variants. Median of {benchmark.repeat}.\n"
    )
    yield from _table(benchmark.results)
    yield ""
    for each in benchmark.results:
        yield f"- `{each.name}`: {each.what}." + (f" {_not_here(each)}" if each.absent else "")
    yield from _notes(benchmark.results)
    yield ""


def wrong(benchmark: Benchmark) -> list[str]:
    """The contestants that gave a wrong answer, or broke down before they gave one."""
    return [each.name for each in benchmark.results if each.equal is False or each.failed]


def _table(results: Sequence[Result]) -> Iterator[str]:
    ran = [each for each in results if not each.absent]
    yardstick = next((each for each in ran if each.name == YARDSTICK), None)
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"| --- | --- |{' ---: |' * (len(COLUMNS) - 3)} --- |"
    for each in ran:
        yield f"| {' | '.join(_cells(each, yardstick))} |"


def _cells(each: Result, yardstick: Result | None) -> Iterator[str]:
    yield each.name
    yield f"sample of {each.sampled:,}" if each.sampled else each.reads
    for name in ("wall", "cpu"):
        value: float = getattr(each, name)
        yield f"{value:,.2f}"
        yield f"{value / getattr(yardstick, name):.2f}" if yardstick else ""
    yield f"{each.bytes / each.wall / 1e6:,.0f}" if each.bytes and not each.sampled else ""
    yield f"{each.observations / each.cpu:,.0f}" if each.observations else ""
    yield f"{each.peak_bytes / 1e6:,.0f}"
    yield {None: "not asked", True: "equal", False: "**differs**"}[each.equal]


def _not_here(each: Result) -> str:
    return f"Not run here: {each.absent}"


def _notes(results: Sequence[Result]) -> Iterator[str]:
    """Raiway without its start-up, which a larger export does not repeat."""
    found = {each.name: each for each in results if not each.absent}
    if not {YARDSTICK, "raiway", "raiway-start"} <= found.keys():
        return
    whole, start, yardstick = (found[name] for name in ("raiway", "raiway-start", YARDSTICK))
    wall, cpu = whole.wall - start.wall, whole.cpu - start.cpu
    yield (
        f"- `raiway` without its start-up: {wall:,.2f} s wall "
        f"(ratio {wall / yardstick.wall:.2f}), {cpu:,.2f} s CPU (ratio {cpu / yardstick.cpu:.2f})."
    )
