"""`raiway pull` in a process of its own, against a server that takes its time."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from adapter import landed
from tests.lib.console import RAIWAY, environment, raiway
from tests.lib.fault.content import ndjson
from tests.lib.fault.landing_scenarios import SlowExport
from tests.lib.fault.server import FaultServer, fault_server

SECONDS = 30.0


def configured(folder: Path, server: FaultServer, **limits: str) -> Path:
    """A folder with a raiway.toml of one site that exports Observations."""
    text = f"""
[[sites]]
name = "A"
base_url = "{server.base}"
export_level = "system"
auth = "none"
types = ["Observation"]
[sites.limits]
concurrency = 1
[sites.privacy]
mode = "identified"
"""
    text += "".join(f"{key} = {value}\n" for key, value in limits.items())
    (folder / "raiway.toml").write_text(text, encoding="utf-8")
    return folder


@contextmanager
def pulling(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`raiway pull A` under way; killed in the end, whatever happens."""
    with subprocess.Popen(
        [RAIWAY, "pull", "A"], cwd=folder, env=environment(), stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(true: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    """Wait for a moment of the pull that is to come before its end."""
    end = time.monotonic() + SECONDS
    while not true():
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.02)


def rows(path: Path) -> list[bytes]:
    """The lines of a run's files, in order of their ids; only what the manifest lists."""
    [run] = landed.find(path).runs
    lines = [line for file in run.files for line in file.read_bytes().splitlines()]
    return sorted(lines, key=lambda line: (len(line), line))


def expected(scenario: SlowExport) -> list[bytes]:
    all_of_it = [each for at in range(scenario.files) for each in scenario.content(at + 1)]
    return sorted(ndjson(all_of_it).splitlines(), key=lambda line: (len(line), line))


def parts(folder: Path) -> list[Path]:
    return [each for each in (folder / "landing").rglob("*.part") if "Observation" in each.name]


MOMENTS: dict[str, tuple[SlowExport, Callable[[Path, SlowExport], object]]] = {
    "while polling": (
        SlowExport(polls=3),
        lambda _, scenario: scenario.asked["GET /fhir/job/1"] == 2,
    ),
    "in file 3": (
        SlowExport(slow=3, seconds=0.2, lines=4000),
        lambda folder, _: any(each.stat().st_size for each in parts(folder)) and _have(folder, 2),
    ),
    "before the first byte of file 1": (
        SlowExport(slow=1, seconds=0.2),
        lambda _, scenario: scenario.asked["GET /fhir/job/1/1"],
    ),
    "in the last file": (
        SlowExport(slow=4, seconds=0.2),
        lambda folder, scenario: scenario.asked["GET /fhir/job/1/4"] and _have(folder, 3),
    ),
}


def _have(folder: Path, files: int) -> bool:
    return len(list((folder / "landing").rglob("Observation.*.ndjson"))) == files


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_run_again_the_rows_are_the_same(moment: str, tmp_path: Path) -> None:
    scenario, reached = MOMENTS[moment]
    with fault_server(scenario) as server:
        configured(tmp_path, server)
        with pulling(tmp_path) as process:
            until(lambda: reached(tmp_path, scenario), process)
            process.send_signal(signal.SIGKILL)
            process.wait()
        [unfinished] = landed.find(tmp_path / "landing").unfinished
        scenario.seconds = 0.0
        fetched = {each.name: each.read_bytes() for each in unfinished.glob("*.ndjson")}
        again = raiway("pull", "A", cwd=tmp_path)
    assert rows(tmp_path / "landing") == expected(scenario)
    # One export, one run; what was whole was not asked for again.
    assert (scenario.jobs, len(landed.find(tmp_path / "landing").runs)) == (1, 1)
    assert f"next: raiway ingest {unfinished.relative_to(tmp_path)} --site A" in again.stderr
    whole = [name for name in fetched if name.startswith("Observation.")]
    assert sum(scenario.asked[f"GET /fhir/job/1/{at}"] for at in (1, 2, 3, 4)) <= 4 + 1
    assert all((unfinished / name).read_bytes() == fetched[name] for name in whole)
    assert scenario.asked["DELETE /fhir/job/1"] == 1
    assert not parts(tmp_path)


def test_killed_again_and_again_it_ends_all_the_same(tmp_path: Path) -> None:
    scenario = SlowExport(files=3, slow=2, seconds=0.1, polls=0)
    with fault_server(scenario) as server:
        configured(tmp_path, server)
        for seconds in (0.3, 0.8, 1.0, 1.2):
            with pulling(tmp_path):
                time.sleep(seconds)
        scenario.seconds = 0.0
        raiway("pull", "A", cwd=tmp_path)
    assert rows(tmp_path / "landing") == expected(scenario)


def test_a_server_that_is_restarted_and_has_lost_the_export_gives_all_rows_once(
    tmp_path: Path,
) -> None:
    scenario = SlowExport(polls=2)
    with fault_server(scenario) as server:
        configured(tmp_path, server)
        with pulling(tmp_path) as process:
            until(lambda: scenario.asked["GET /fhir/job/1"], process)
        scenario.forget()
        told = raiway("pull", "A", cwd=tmp_path)
    assert scenario.jobs == 2
    assert rows(tmp_path / "landing") == expected(scenario)
    assert "warning kept in" in told.stderr


@pytest.mark.parametrize("killed", [False, True])
def test_a_server_that_is_restarted_in_the_middle_of_the_files_is_asked_again_next_time(
    killed: bool, tmp_path: Path
) -> None:
    scenario = SlowExport(restarts_at=3, polls=0, slow=2, seconds=0.05)
    with fault_server(scenario) as server:
        configured(tmp_path, server)
        if killed:
            with pulling(tmp_path) as process:
                until(lambda: scenario.asked["GET /fhir/job/1/2"] and _have(tmp_path, 1), process)
        failed = raiway("pull", "A", cwd=tmp_path, expect=5)
        assert "Observation failed" in failed.stderr
        again = raiway("pull", "A", "--json", cwd=tmp_path).json["sites"][0]
    assert scenario.jobs == 2
    assert rows(tmp_path / again["folder"]) == expected(scenario)


def test_stopped_by_hand_it_leaves_the_server_and_ends_all_the_same(tmp_path: Path) -> None:
    scenario = SlowExport(slow=3, seconds=0.2, polls=0)
    with fault_server(scenario) as server:
        configured(tmp_path, server)
        with pulling(tmp_path) as process:
            until(lambda: scenario.asked["GET /fhir/job/1/3"] and _have(tmp_path, 2), process)
            process.send_signal(signal.SIGINT)
            assert process.wait(SECONDS) == 130
        assert scenario.asked["DELETE /fhir/job/1"] == 1
        scenario.seconds = 0.0
        raiway("pull", "A", cwd=tmp_path)
    assert rows(tmp_path / "landing") == expected(scenario)


def test_a_server_that_is_away_for_a_while_is_waited_for(tmp_path: Path) -> None:
    scenario = SlowExport(slow=2, seconds=0.1)
    with fault_server(scenario) as server:
        configured(tmp_path, server)
        with pulling(tmp_path) as process:
            until(lambda: scenario.asked["GET /fhir/job/1/2"], process)
            server.stop()
            scenario.seconds = 0.0
            time.sleep(0.5)
            server.start()
            assert process.wait(SECONDS) == 0
    assert rows(tmp_path / "landing") == expected(scenario)


def test_the_next_pull_asks_for_what_changed_since_the_servers_own_time(tmp_path: Path) -> None:
    scenario = SlowExport(files=1, polls=0, deleted=("Observation/obs-gone",))
    with fault_server(scenario) as server:
        configured(tmp_path, server)
        raiway("pull", "A", cwd=tmp_path)
        dry = raiway("pull", "A", "--dry-run", cwd=tmp_path)
        assert "since       2024-01-02T00:00:00Z (last good pull)" in dry.stdout
        scenario.time = "2024-01-03T00:00:00Z"
        raiway("pull", "A", cwd=tmp_path)
        raiway("pull", "A", "--full", cwd=tmp_path)
        kicked = [seen.query for seen in server.seen if seen.path == "/fhir/$export"]
    first, second, full = (query.get("_since") for query in kicked)
    # The overlap of five minutes lies before the last transactionTime (W3).
    assert (first, second, full) == (None, ["2024-01-01T23:55:00Z"], None)
    assert len(landed.find(tmp_path / "landing").runs) == 3
    state = orjson.loads((tmp_path / "landing" / "A" / ".state" / "site.json").read_bytes())
    assert state["watermarks"] == {"Observation": "2024-01-03T00:00:00Z"}
